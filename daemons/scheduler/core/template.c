#include "daemons/scheduler/core/template.h"

#include <string.h>

#include "daemons/scheduler/core/placeholder.h"
#include "lib/base/buf.h"
#include "lib/base/str.h"
#include "lib/base/timestamp.h"

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

/* The date a run stands for; a run without one stands for the moment it was asked for. */
static usec_t date_of(const struct world_task *t) {
        const struct timetable_run *when = &t->run->when;

        return when->logical_at != USEC_INFINITY ? when->logical_at : when->run_after_at;
}

static int name_ds(const struct world_task *t, struct buf *out) {
        return add_day(out, date_of(t));
}

static int name_ds_nodash(const struct world_task *t, struct buf *out) {
        return add_bare(out, date_of(t), STRLEN("2026-01-02"));
}

static int name_yesterday_ds(const struct world_task *t, struct buf *out) {
        usec_t at = date_of(t);

        return add_day(out, at == USEC_INFINITY || at < USEC_PER_DAY ? at : at - USEC_PER_DAY);
}

static int name_tomorrow_ds(const struct world_task *t, struct buf *out) {
        usec_t at = date_of(t);

        return add_day(out, at == USEC_INFINITY ? at : at + USEC_PER_DAY);
}

static int name_ts(const struct world_task *t, struct buf *out) {
        return add_moment(out, date_of(t));
}

static int name_ts_nodash(const struct world_task *t, struct buf *out) {
        return add_bare(out, date_of(t), STRLEN("2026-01-02T03:04:05"));
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

static int name_map_index(const struct world_task *t, struct buf *out) {
        return buf_printf(out, "%d", t->map_index);
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
        {"map_index", name_map_index},
        {"ti.map_index", name_map_index},
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

static int find(const void *user, const char *name, struct buf *out) {
        const struct template_context *c = user;
        const char *value = find_pair(&c->arguments, name);

        if (!value)
                value = find_value(c, name);
        if (value)
                return buf_add_str(out, value);
        for (size_t i = 0; i < ARRAY_SIZE(context_names); i++)
                if (str_eq(context_names[i].name, name))
                        return context_names[i].add(c->task, out);
        return c->more ? c->more(c->user, name, out) : 1;
}

int template_render(const char *text, const struct template_context *c, struct buf *out,
                    struct errmsg *em) {
        assert(c->task && c->task->run);
        return placeholder_expand(text, find, c, out, em);
}
