#include "daemons/scheduler/try_start.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemons/scheduler/core/expand.h"
#include "daemons/scheduler/environments.h"
#include "daemons/scheduler/night_watch.h"
#include "daemons/scheduler/scheduler.h"
#include "daemons/scheduler/secrets.h"
#include "daemons/scheduler/spool.h"
#include "daemons/scheduler/tracked.h"
#include "daemons/scheduler/try_spec.h"
#include "daemons/scheduler/xcom.h"
#include "lib/auth/auth_token.h"
#include "lib/base/json_write.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

/* Longer than any task may take is no harm: the token names its try, and ends with the key. */
#define TOKEN_FOR (30 * USEC_PER_DAY)

static int sign(struct scheduler *s, const struct world_task *task, struct buf *out) {
        const struct dag *d = task->run->spec;
        usec_t now = clock_now(s->clock);

        if (!s->token_key)
                return 0;
        return auth_token_sign(s->token_key,
                               &(struct auth_token_claims){.is_task = true,
                                                           .user = d->user ? d->user : d->owner,
                                                           .role = AUTH_USER,
                                                           .issued_at = now,
                                                           .expires_at = now + TOKEN_FOR,
                                                           .dag_id = d->id,
                                                           .run_id = task->run->id,
                                                           .task_id = task->spec->id,
                                                           .try_id = task->try_id,
                                                           .try_number = (int) task->try_number},
                               out);
}

/* What a placeholder may ask for beyond the DAG and the run: xcom.TASK and xcom.TASK.KEY. */
struct asking {
        struct scheduler *s;
        const struct world_task *task;
        struct arena a;
        struct errmsg em; /* what cannot be read */
};

/* "TASK.KEY" cut at the longest id of a task of the run; ids may have dots. */
static const struct dag_task *source_of(const struct dag *d, const char *rest,
                                        const char **ret_key) {
        const struct dag_task *found = NULL;
        size_t n_best = 0;

        for (size_t i = 0; i < d->n_tasks; i++) {
                size_t n = strlen(d->tasks[i].id);

                if (n < n_best || strncmp(rest, d->tasks[i].id, n) != 0 ||
                    (rest[n] && rest[n] != '.'))
                        continue;
                found = &d->tasks[i];
                n_best = n;
                *ret_key = rest[n] ? rest + n + 1 : XCOMS_SQL_RETURN;
        }
        return found;
}

static int add_value(const struct json *v, struct buf *out) {
        struct json_write w;
        const char *text;

        if (json_str(v, &text) == 0)
                return buf_add(out, text, v->len);
        json_write_init(&w, out, 0);
        json_write_node(&w, v);
        return json_write_finish(&w);
}

static int ask_xcom(struct asking *q, const char *name, struct buf *out) {
        const char *rest = str_after(name, "xcom."), *key;
        const struct dag_task *from = rest ? source_of(q->task->run->spec, rest, &key) : NULL;
        struct json *value;
        int r;

        if (!from)
                return 1;
        r = xcom_of_task(q->s, q->task->run, from->id, key, &q->a, &value, &q->em);
        if (r < 0)
                return r;
        return value ? add_value(value, out) : 1;
}

/* var.value.NAME, var.json.NAME: what is a secret by its name must not come into a command. */
static int ask_variable(struct asking *q, const char *name, struct buf *out) {
        const char *key = str_after(name, "var.value.");
        struct errmsg em;
        struct secret v;
        int r;

        if (!key)
                key = str_after(name, "var.json.");
        if (!key || connection_is_sensitive(key))
                return 1;
        r = secrets_find(q->s, q->s->db, SECRETS_VARIABLE, key, &q->a, &v, &em);
        return r == 0 ? buf_add_str(out, v.value) : r;
}

/* conn.ID.host, login, port, schema, conn_type; never the password. */
static int ask_connection(struct asking *q, const char *rest, struct buf *out) {
        const char *dot = strrchr(rest, '.');
        char *id = dot ? arena_strndup(&q->a, rest, (size_t) (dot - rest)) : NULL;
        struct connection c;
        struct errmsg em;
        int r;

        if (!id)
                return dot ? -ENOMEM : 1;
        r = secrets_find_connection(q->s, q->s->db, id, &q->a, &c, &em);
        if (r != 0)
                return r;
        if (str_eq(dot, ".port") && c.port > 0)
                return buf_printf(out, "%d", c.port);
        const struct {
                const char *name, *value;
        } parts[] = {{".host", c.host},
                     {".login", c.login},
                     {".schema", c.schema},
                     {".conn_type", c.type}};

        for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
                if (str_eq(dot, parts[i].name) && parts[i].value)
                        return buf_add_str(out, parts[i].value);
        return 1;
}

static int ask_more(void *user, const char *name, struct buf *out) {
        struct asking *q = user;

        if (str_starts(name, "var."))
                return ask_variable(q, name, out);
        if (str_starts(name, "conn."))
                return ask_connection(q, name + STRLEN("conn."), out);
        return ask_xcom(q, name, out);
}
static int read_arguments(struct asking *q, struct dag_pairs *ret, struct errmsg *em) {
        const struct json *const *values;
        int r;

        *ret = (struct dag_pairs){};
        if (q->task->map_index < 0)
                return 0;
        r = xcom_expand_values(q->s, q->task, &q->a, &values, em);
        if (r == -EINVAL)
                return r;
        if (r < 0)
                return errmsg_errno(em, r, "cannot read what it is mapped over");
        return expand_arguments(q->task->spec, values, (unsigned) q->task->map_index, &q->a, ret,
                                em);
}

/* A UUID of version 7 begins with the milliseconds of its making. */
static usec_t made_at(const char *try_id) {
        char hex[13] = {};

        memcpy(hex, try_id, 8);
        memcpy(hex + 8, try_id + 9, 4);
        return strtoull(hex, NULL, 16) * USEC_PER_MSEC;
}

/* Where its Python is. -EINVAL: it cannot be built; -EAGAIN: not yet. */
static int find_venv(struct scheduler *s, const struct world_task *task, struct arena *a,
                     const char **ret, struct errmsg *em) {
        const struct dag_environment *e = task->spec->environment;
        struct environments_found found = {.state = ENVIRONMENTS_COMMON};
        int r = 0;

        if (e && task->spec->kind == DAG_COMMAND)
                r = environments_ask(s->paths->state_dir, e, made_at(task->try_id), &found, em);
        if (r < 0)
                return r;
        if (found.state == ENVIRONMENTS_FAILED)
                return errmsg_fail(em, -EINVAL,
                                   "the environment of image \"%s\" cannot be built: %s (see "
                                   "onebox build --log %s)",
                                   e->image, found.message.text, found.key);
        if (found.state == ENVIRONMENTS_WAITS)
                return errmsg_fail(em, -EAGAIN,
                                   "the environment of image \"%s\" (%s) is being built: see "
                                   "onebox build --list",
                                   e->image, found.key);
        *ret = found.state == ENVIRONMENTS_READY
                       ? arena_printf(a, "%s/venvs/%s", s->paths->state_dir, found.key)
                       : arena_printf(a, "%s/venv", s->paths->state_dir);
        return *ret ? 0 : errmsg_fail(em, -ENOMEM, "no memory");
}

int try_start_print(struct scheduler *s, struct world_task *task, struct buf *out,
                    struct errmsg *em) {
        _cleanup_buf_ struct buf token = {};
        _cleanup_free_ char *socket_path = paths_runtime(s->paths, "scheduler.sock");
        struct asking asking = {.s = s, .task = task};
        struct dag_pairs arguments;
        const char *venv = NULL;
        int r;

        r = socket_path ? sign(s, task, &token) : -ENOMEM;
        if (r < 0)
                return errmsg_errno(em, r, "cannot make its token");
        arena_init(&asking.a, 0);
        r = find_venv(s, task, &asking.a, &venv, em);
        if (r >= 0)
                r = read_arguments(&asking, &arguments, em);
        if (r >= 0)
                r = try_spec_print(&(struct try_spec){.task = task,
                                                      .stop_at = night_watch_stop_at(s),
                                                      .token = token.len > 0 ? token.data : NULL,
                                                      .tracking_url = s->conf->tracking_url,
                                                      .state_dir = s->paths->state_dir,
                                                      .venv = venv,
                                                      .scheduler_socket = socket_path,
                                                      .grace_for = s->conf->stop_grace,
                                                      .log_limit = s->conf->task_log_limit,
                                                      .tracked = tracked_is_on(s, task),
                                                      .arguments = arguments,
                                                      .more = ask_more,
                                                      .user = &asking},
                                   out, em);
        arena_done(&asking.a);
        if (r == -EINVAL && asking.em.text[0])
                *em = asking.em;
        return r;
}

int try_start_prepare(struct scheduler *s, struct world_task *task, struct errmsg *em) {
        _cleanup_buf_ struct buf spec = {};
        int r = try_start_print(s, task, &spec, em);

        if (r < 0)
                return r;
        r = spool_prepare(s->tasks_dir, task->try_id, spec.data, spec.len);
        return r < 0 ? errmsg_errno(em, r, "cannot write its spool") : 0;
}
