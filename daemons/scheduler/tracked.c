#include "daemons/scheduler/tracked.h"

#include <errno.h>
#include <string.h>

#include "daemons/scheduler/callbacks.h"
#include "daemons/scheduler/core/dag_tracking.h"
#include "daemons/scheduler/core/world_apply.h"
#include "daemons/scheduler/scheduler.h"
#include "daemons/scheduler/tracked_body.h"
#include "daemons/scheduler/tracked_sql.h"
#include "daemons/scheduler/try_start.h"
#include "lib/auth/auth_token.h"
#include "lib/base/arena.h"
#include "lib/base/json_write.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/gcp/bigquery_table.h"

bool tracked_is_on(const struct scheduler *s, const struct world_task *task) {
        return dag_tracking_is_on(task->spec, s->conf->track_tasks);
}

/* NULL when it cannot be made, which has ended or will end the try. */
static int spec_of(struct scheduler *s, struct world_task *task, struct arena *a,
                   const struct json **ret) {
        _cleanup_buf_ struct buf text = {};
        struct errmsg em;
        struct json *j;
        int r = try_start_print(s, task, &text, &em);

        *ret = NULL;
        if (r == -EINVAL || r == -EAGAIN)
                return 0;
        if (r >= 0)
                r = json_parse_copy(a, text.data, text.len, &j, &em);
        if (r >= 0)
                *ret = j;
        return r;
}

int tracked_note(struct scheduler *s, struct world_task *task, usec_t at) {
        _cleanup_buf_ struct buf body = {};
        struct tracked_file files[TRACKED_FILES_MAX];
        struct tracked_body b = {
                .task = task, .user = s->conf->tracking_user, .at = at, .files = files};
        struct arena a;
        int r;

        if (!tracked_is_on(s, task))
                return 0;
        arena_init(&a, 0);
        r = spec_of(s, task, &a, &b.spec);
        if (r >= 0)
                r = tracked_files_read(b.spec, &a, files, &b.n_files);
        if (r >= 0)
                r = tracked_body_print(&b, &body);
        arena_done(&a);
        return r < 0 ? r : tracked_sql_insert(s->db, task->try_id, buf_cstr(&body));
}

/* --- the table it made --------------------------------------------------------------------------
 */

/* Whose credentials it asks with: those of the task, where its environment names them. */
static const char *const passed_on[] = {"GOOGLE_APPLICATION_CREDENTIALS", "HOME", "CLOUDSDK_CONFIG",
                                        "GCE_METADATA_HOST"};

static int print_facts(const struct world_task *t, const struct json *spec, struct buf *out) {
        const struct dag *d = t->run->spec;
        const char *value;
        struct json_write w;

        json_write_init(&w, out, 0);
        json_write_object(&w);
        json_write_kv_str(&w, "dag_id", d->id);
        json_write_kv_str(&w, "run_id", t->run->id);
        json_write_kv_str(&w, "task_id", t->spec->id);
        json_write_kv_str(&w, "try_id", t->try_id);
        json_write_kv_i64(&w, "try_number", t->try_number);
        json_write_kv_str(&w, "user", d->user ? d->user : d->owner);
        json_write_kv_object(&w, "env");
        for (size_t i = 0; i < ARRAY_SIZE(passed_on); i++)
                if (json_str(json_get(json_get(spec, "env"), passed_on[i]), &value) == 0)
                        json_write_kv_str(&w, passed_on[i], value);
        json_write_end(&w);
        json_write_end(&w);
        return json_write_finish(&w);
}

int tracked_note_table(struct scheduler *s, const struct world_event *e) {
        struct world_task *t = e->task;
        _cleanup_buf_ struct buf facts = {};
        const struct json *spec;
        const char *table = NULL;
        struct arena a;
        int r;

        if (e->result != WORLD_RESULT_SUCCESS || !t->spec->tracking.destination_table ||
            !tracked_is_on(s, t))
                return 0;
        arena_init(&a, 0);
        r = spec_of(s, t, &a, &spec);
        if (r >= 0)
                (void) json_str(json_get(json_get(spec, "tracking"), "destination_table"), &table);
        if (r >= 0 && bigquery_table_is_name(table)) {
                r = print_facts(t, spec, &facts);
                if (r >= 0)
                        r = callbacks_add_table(s, e, table, buf_cstr(&facts));
        }
        arena_done(&a);
        return MIN(r, 0);
}

static const char *fact(const struct json *facts, const char *key) {
        const char *text = "";

        (void) json_str(json_get(facts, key), &text);
        return text;
}

/* NULL: not ours, or no memory for it. */
static const struct json *read_facts(struct arena *a, const char *text) {
        struct json *j;

        return json_parse_copy(a, text, strlen(text), &j, NULL) < 0 ? NULL : j;
}

void tracked_put_table_args(struct json_write *w, const char *facts, const char *table) {
        const char *p;
        struct arena a;
        char run[40];
        size_t n = 0;

        arena_init(&a, 0);
        for (p = fact(read_facts(&a, facts), "try_id"); *p && n + 1 < sizeof(run); p++)
                if (*p != '-')
                        run[n++] = *p;
        run[n] = 0;
        json_write_str(w, "bigquery");
        json_write_str(w, "--log-to");
        json_write_str(w, run);
        json_write_str(w, "--");
        json_write_str(w, table);
        arena_done(&a);
}

void tracked_put_table_env(struct scheduler *s, struct json_write *w, const char *facts) {
        _cleanup_buf_ struct buf token = {};
        usec_t now = clock_now(s->clock);
        const struct json *j, *item;
        int64_t number = 1;
        struct arena a;

        arena_init(&a, 0);
        j = read_facts(&a, facts);
        (void) json_i64(json_get(j, "try_number"), &number);
        if (s->token_key &&
            auth_token_sign(s->token_key,
                            &(struct auth_token_claims){.is_task = true,
                                                        .user = fact(j, "user"),
                                                        .role = AUTH_USER,
                                                        .issued_at = now,
                                                        .expires_at = now + USEC_PER_HOUR,
                                                        .dag_id = fact(j, "dag_id"),
                                                        .run_id = fact(j, "run_id"),
                                                        .task_id = fact(j, "task_id"),
                                                        .try_id = fact(j, "try_id"),
                                                        .try_number = (int) number},
                            &token) == 0)
                json_write_kv_str(w, "MLFLOW_TRACKING_TOKEN", buf_cstr(&token));
        json_write_kv_str(w, "MLFLOW_TRACKING_URI", s->conf->tracking_url);
        json_each (item, json_get(j, "env"))
                if (json_is(item, JSON_STRING))
                        json_write_kv_str(w, item->key, item->str);
        arena_done(&a);
}
