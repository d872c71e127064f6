#include "daemons/scheduler/core/template.h"

#include <errno.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/str.h"
#include "lib/base/timestamp.h"

#define NAME_SIZE 256u

/* --- names of the context --------------------------------------------------------------------- */

static int add_time(struct buf *out, usec_t at, unsigned flags, size_t len) {
        char text[TIMESTAMP_SIZE];

        if (at == USEC_INFINITY)
                return 1;
        timestamp_print(at, flags, text);
        return buf_add(out, text, MIN(len, strlen(text)));
}

static int add_day(struct buf *out, usec_t at) {
        return add_time(out, at, TIMESTAMP_SECONDS, STRLEN("2026-01-02"));
}

static int add_moment(struct buf *out, usec_t at) {
        return add_time(out, at, TIMESTAMP_AUTO | TIMESTAMP_OFFSET, TIMESTAMP_SIZE);
}

/* Digits (and the T) only: 20260102, 20260102T030405. */
static int add_bare(struct buf *out, usec_t at, size_t len) {
        char text[TIMESTAMP_SIZE];

        if (at == USEC_INFINITY)
                return 1;
        timestamp_print(at, TIMESTAMP_SECONDS, text);
        for (size_t i = 0; i < len && text[i]; i++)
                if (text[i] != '-' && text[i] != ':')
                        (void) buf_add_char(out, text[i]);
        return buf_error(out);
}

static int name_ds(const struct world_task *t, struct buf *out) {
        return add_day(out, t->run->when.logical_at);
}

static int name_ds_nodash(const struct world_task *t, struct buf *out) {
        return add_bare(out, t->run->when.logical_at, STRLEN("2026-01-02"));
}

static int name_yesterday_ds(const struct world_task *t, struct buf *out) {
        usec_t at = t->run->when.logical_at;

        return add_day(out, at == USEC_INFINITY || at < USEC_PER_DAY ? at : at - USEC_PER_DAY);
}

static int name_tomorrow_ds(const struct world_task *t, struct buf *out) {
        usec_t at = t->run->when.logical_at;

        return add_day(out, at == USEC_INFINITY ? at : at + USEC_PER_DAY);
}

static int name_ts(const struct world_task *t, struct buf *out) {
        return add_moment(out, t->run->when.logical_at);
}

static int name_ts_nodash(const struct world_task *t, struct buf *out) {
        return add_bare(out, t->run->when.logical_at, STRLEN("2026-01-02T03:04:05"));
}

static int name_interval_start(const struct world_task *t, struct buf *out) {
        return add_moment(out, t->run->when.interval_start_at);
}

static int name_interval_end(const struct world_task *t, struct buf *out) {
        return add_moment(out, t->run->when.interval_end_at);
}

static int name_run_id(const struct world_task *t, struct buf *out) {
        return buf_add_str(out, t->run->id);
}

static int name_dag_id(const struct world_task *t, struct buf *out) {
        return buf_add_str(out, t->run->spec->id);
}

static int name_task_id(const struct world_task *t, struct buf *out) {
        return buf_add_str(out, t->spec->id);
}

static int name_try_number(const struct world_task *t, struct buf *out) {
        return buf_printf(out, "%u", t->try_number);
}

static int name_owner(const struct world_task *t, struct buf *out) {
        return buf_add_str(out, t->run->spec->owner);
}

static const struct {
        const char *name;
        int (*add)(const struct world_task *t, struct buf *out); /* 1: has no value */
} context_names[] = {
        {"ds", name_ds},
        {"ds_nodash", name_ds_nodash},
        {"yesterday_ds", name_yesterday_ds},
        {"tomorrow_ds", name_tomorrow_ds},
        {"ts", name_ts},
        {"ts_nodash", name_ts_nodash},
        {"logical_date", name_ts},
        {"execution_date", name_ts},
        {"data_interval_start", name_interval_start},
        {"data_interval_end", name_interval_end},
        {"run_id", name_run_id},
        {"dag_run.run_id", name_run_id},
        {"dag_id", name_dag_id},
        {"dag.dag_id", name_dag_id},
        {"dag.owner", name_owner},
        {"task_id", name_task_id},
        {"task.task_id", name_task_id},
        {"ti.task_id", name_task_id},
        {"try_number", name_try_number},
        {"ti.try_number", name_try_number},
};

/* --- lookup ----------------------------------------------------------------------------------- */

static const char *find_pair(const struct dag_pairs *p, const char *key) {
        for (size_t i = 0; i < p->n; i++)
                if (str_eq(p->items[i].key, key))
                        return p->items[i].value;
        return NULL;
}

/* What people have set; NULL when nobody has. */
static const char *find_value(const struct template_context *c, const char *name) {
        const struct dag *dag = c->task->run->spec;
        const char *param = str_after(name, "params."), *v;

        if (!param)
                param = str_after(name, "dag_run.conf.");
        v = find_pair(&c->conf, param ? param : name);
        if (!v && param)
                return find_pair(&dag->param_texts, param);
        if (!v)
                v = find_pair(&c->task->spec->variables, name);
        if (!v)
                v = find_pair(&dag->variables, name);
        return v ? v : find_pair(&c->variables, name);
}

/* 0, or 1 when the name means nothing here. */
static int add_context(const struct template_context *c, const char *name, struct buf *out) {
        for (size_t i = 0; i < ARRAY_SIZE(context_names); i++)
                if (str_eq(context_names[i].name, name))
                        return context_names[i].add(c->task, out);
        return 1;
}

/* --- text ------------------------------------------------------------------------------------- */

struct render {
        const struct template_context *context;
        struct errmsg *em;
        unsigned depth;
        size_t n_steps; /* of all levels: bounds the work of hostile variables */
};

#define STEPS_MAX 2000u

static int render(struct render *r, const char *text, size_t len, struct buf *out);

/* The offset of the "}}" that closes the "{{" before text; len when there is none. */
static size_t closing(const char *text, size_t len) {
        unsigned depth = 1;
        size_t i = 0;

        while (i + 1 < len) {
                if (text[i] == '{' && text[i + 1] == '{') {
                        depth++;
                        i += 2;
                } else if (text[i] == '}' && text[i + 1] == '}') {
                        if (--depth == 0)
                                return i;
                        i += 2;
                } else
                        i++;
        }
        return len;
}

/* [A-Za-z0-9._-]+ between blanks, as Liminal has it. False for anything else. */
static bool get_name(const char *inner, char ret[NAME_SIZE]) {
        size_t from = strspn(inner, " \t\n\r"), n = 0;
        const char *p = inner + from;

        while ((p[n] >= 'a' && p[n] <= 'z') || (p[n] >= 'A' && p[n] <= 'Z') ||
               (p[n] >= '0' && p[n] <= '9') || (p[n] && strchr("._-", p[n])))
                n++;
        if (n == 0 || n >= NAME_SIZE || p[n + strspn(p + n, " \t\n\r")])
                return false;
        memcpy(ret, p, n);
        ret[n] = 0;
        return true;
}

static int add_value(struct render *r, const char *inner, struct buf *out) {
        char name[NAME_SIZE];
        const char *value;
        int k;

        if (get_name(inner, name)) {
                value = find_value(r->context, name);
                if (value) {
                        if (r->depth >= TEMPLATE_DEPTH_MAX)
                                return errmsg_fail(r->em, -EINVAL,
                                                   "the value of {{%s}} refers to itself: break "
                                                   "the circle of variables",
                                                   name);
                        r->depth++;
                        k = render(r, value, strlen(value), out);
                        r->depth--;
                        return k;
                }
                k = add_context(r->context, name, out);
                if (k != 1)
                        return k;
        }
        (void) buf_add_lit(out, "{{");
        (void) buf_add_str(out, inner);
        return buf_add_lit(out, "}}");
}

static int fail_nesting(struct render *r) {
        return errmsg_fail(r->em, -EINVAL, "placeholders are nested too deep or are too many");
}

/* One {{…}}: first what stands inside, so that names may be built. */
static int add_placeholder(struct render *r, const char *inner, size_t len, struct buf *out) {
        _cleanup_buf_ struct buf name = {.limit = TEMPLATE_SIZE_MAX};
        int k;

        if (++r->n_steps > STEPS_MAX || r->depth >= TEMPLATE_DEPTH_MAX)
                return fail_nesting(r);
        r->depth++;
        k = render(r, inner, len, &name);
        r->depth--;
        return k < 0 ? k : add_value(r, buf_cstr(&name), out);
}

static int render(struct render *r, const char *text, size_t len, struct buf *out) {
        size_t i = 0;
        int k;

        while (i < len) {
                const char *open = memmem(text + i, len - i, "{{", 2);
                size_t n = open ? (size_t) (open - text) - i : len - i, end;

                k = buf_add(out, text + i, n);
                if (k == -E2BIG)
                        return errmsg_fail(r->em, -EINVAL, "grows beyond %u bytes",
                                           TEMPLATE_SIZE_MAX);
                if (k < 0 || !open)
                        return k;
                i += n + 2;
                end = closing(text + i, len - i);
                if (end == len - i) { /* never closed: plain text */
                        if (++r->n_steps > STEPS_MAX)
                                return fail_nesting(r);
                        (void) buf_add_lit(out, "{{");
                        continue;
                }
                k = add_placeholder(r, text + i, end, out);
                if (k < 0)
                        return k;
                i += end + 2;
        }
        return buf_error(out);
}

int template_render(const char *text, const struct template_context *c, struct buf *out,
                    struct errmsg *em) {
        struct render r = {.context = c, .em = em};
        _cleanup_buf_ struct buf result = {.limit = TEMPLATE_SIZE_MAX};
        int k;

        assert(c->task && c->task->run);
        if (strlen(text) > TEMPLATE_SIZE_MAX)
                return errmsg_fail(em, -EINVAL, "is longer than %u bytes", TEMPLATE_SIZE_MAX);
        k = render(&r, text, strlen(text), &result);
        if (k == -E2BIG)
                return errmsg_fail(em, -EINVAL, "grows beyond %u bytes", TEMPLATE_SIZE_MAX);
        if (k < 0)
                return k;
        return buf_add(out, buf_cstr(&result), result.len);
}
