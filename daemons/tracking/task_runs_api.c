#include "daemons/tracking/task_runs_api.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "daemons/tracking/access.h"
#include "daemons/tracking/artifact_uri.h"
#include "daemons/tracking/experiments_sql.h"
#include "daemons/tracking/field_check.h"
#include "daemons/tracking/inputs_sql.h"
#include "daemons/tracking/job.h"
#include "daemons/tracking/lineage_sql.h"
#include "daemons/tracking/metrics_sql.h"
#include "daemons/tracking/params_sql.h"
#include "daemons/tracking/runs_sql.h"
#include "daemons/tracking/tags_sql.h"
#include "daemons/tracking/task_runs_sql.h"
#include "lib/base/buf.h"
#include "lib/base/crc32c.h"
#include "lib/base/json_write.h"
#include "lib/base/str.h"
#include "lib/net/http_request.h"

enum { DATASETS_MAX = 200, ENDED_MAX = 1000 };

static void read_try(struct ask *q, const char **ret, char ret_id[TASK_RUNS_SQL_ID_SIZE]) {
        *ret = http_request_param(q->req, "try_id");
        if (q->result == 0 && task_runs_sql_id(*ret, ret_id) < 0)
                ask_check(q, refusal_invalid(&q->refusal, "\"%.60s\" is no try's id.", *ret));
}

/* --- began --- */

struct began {
        const char *try_id, *experiment, *name, *user;
        const char *for_user; /* whose pipeline it is: may he write there? NULL: not asked */
        char id[TASK_RUNS_SQL_ID_SIZE];
        int64_t start_at_ms;
        struct ask_pair *tags, *params;
        struct {
                const char *name, *context;
        } * datasets;
        size_t n_tags, n_params, n_datasets;
};

static int make_experiment(struct job *j, struct db *db, const char *name, struct experiment *ret) {
        int r = experiments_sql_make(db, j->arena, name, j->tracking->artifact_root,
                                     tracking_now_ms(j->tracking), ret);

        if (r != 0)
                return r > 0 ? -EUCLEAN : r;
        if (j->refusal.access) {
                j->made_type = ACCESS_EXPERIMENT;
                j->made_id = arena_printf(j->arena, "%" PRId64, ret->id);
                j->made_for = ((const struct began *) j->in)->for_user;
                if (!j->made_id)
                        return -ENOMEM;
        }
        return 0;
}

/* As the task's own code would be refused, but with what there is to do. */
static int check_user(struct job *j, const struct experiment *e) {
        const struct began *in = j->in;

        if (access_check_experiment(&j->refusal, e->id) == 0)
                return 0;
        return refusal_set(
                &j->refusal, REFUSAL_PERMISSION_DENIED,
                "the user of the pipeline, %s, may not write into the experiment \"%s\": "
                "give him EDIT on experiment %" PRId64 ", or let tracking: name another one",
                in->for_user, in->experiment, e->id);
}

static int need_experiment(struct job *j, struct db *db, struct experiment *ret) {
        const struct began *in = j->in;
        int r = experiments_sql_get_by_name(db, j->arena, in->experiment, ret);

        if (r == DB_DONE)
                return make_experiment(j, db, in->experiment, ret);
        if (r >= 0)
                r = check_user(j, ret);
        return r != 0 ? r : experiments_sql_need_active(&j->refusal, ret);
}

static int insert_run(struct job *j, struct db *db, const struct experiment *e) {
        const struct began *in = j->in;
        const char *path = arena_printf(j->arena, "%s/artifacts", in->id);
        struct run run = {
                .id = in->id,
                .name = in->name,
                .user_id = in->user ? in->user : "",
                .experiment_id = e->id,
                .start_at_ms = in->start_at_ms,
        };

        if (path)
                run.artifact_uri = artifact_uri_append(j->arena, e->artifact_location, path);
        return run.artifact_uri ? runs_sql_insert(db, &run) : -ENOMEM;
}

/* What is in a table nobody can say: its data set is the table itself. */
static int add_dataset(struct job *j, struct db *db, int64_t experiment_id, size_t i) {
        const struct began *in = j->in;
        const char *name = in->datasets[i].name;
        _cleanup_buf_ struct buf source = {};
        char digest[9], input_id[INPUTS_SQL_ID_SIZE];
        struct json_write w;
        int r;

        snprintf(digest, sizeof(digest), "%08" PRIx32, crc32c_add(0, name, strlen(name)));
        json_write_init(&w, &source, 0);
        json_write_object(&w);
        json_write_kv_str(&w, "table", name);
        json_write_end(&w);
        r = json_write_finish(&w);
        if (r < 0)
                return r;
        r = inputs_sql_add_dataset(db, j->tracking->entropy, experiment_id, in->id,
                                   &(struct dataset){.name = name,
                                                     .digest = digest,
                                                     .source_type = "table",
                                                     .source = buf_cstr(&source)},
                                   input_id);
        if (r != 0) /* it is a source and the destination: said once */
                return r == DB_CONFLICT ? 0 : r;
        return inputs_sql_tag(db, input_id, "mlflow.data.context", in->datasets[i].context);
}

static int fill_run(struct job *j, struct db *db, const struct experiment *e) {
        const struct began *in = j->in;
        const char *old;
        int r = tags_sql_set_one(db, in->id, TAGS_SQL_RUN_NAME, in->name);

        for (size_t i = 0; r == 0 && i < in->n_tags; i++)
                r = tags_sql_set_one(db, in->id, in->tags[i].key, in->tags[i].value);
        if (r == 0)
                r = tags_sql_set_one(db, in->id, "onebox.try_id", in->try_id);
        for (size_t i = 0; r >= 0 && i < in->n_params; i++)
                r = params_sql_insert(db, in->id, in->params[i].key, in->params[i].value, j->arena,
                                      &old);
        for (size_t i = 0; r >= 0 && i < in->n_datasets; i++)
                r = add_dataset(j, db, e->id, i);
        return r < 0 ? r : task_runs_sql_adopt_all(db, in->try_id, in->id);
}

static int run_began(struct job *j, struct db *db) {
        const struct began *in = j->in;
        struct experiment e;
        struct run run;
        int r = runs_sql_get(db, j->arena, in->id, &run);

        if (r == RUNS_SQL_ABSENT) {
                r = need_experiment(j, db, &e);
                if (r == 0)
                        r = insert_run(j, db, &e);
                if (r == 0)
                        r = fill_run(j, db, &e);
        }
        json_write_kv_str(&j->json, "run_id", in->id);
        return r;
}

/* What cannot be a tag or param is left out: a run without it is better than none. */
static struct ask_pair *read_pairs(struct ask *q, const char *key, bool tags, size_t *ret_n) {
        struct ask_pair *pairs = ask_pairs(q, key, ret_n);
        size_t n = 0;

        for (size_t i = 0; q->result == 0 && i < *ret_n; i++) {
                struct ask_pair *p = &pairs[i];
                int r = tags ? field_check_tag(&q->refusal, "", p->key, &p->value)
                             : field_check_param(&q->refusal, "", p->key, &p->value);

                if (r < 0)
                        ask_check(q, r);
                else if (r == 0 && !str_empty(p->key))
                        pairs[n++] = *p;
        }
        *ret_n = n;
        return pairs;
}

static void read_datasets(struct ask *q, struct began *in) {
        const struct json *list, *item;
        char path[40];
        size_t n;

        list = ask_objects(q, "datasets", 0, &n);
        if (q->result != 0 || n == 0)
                return;
        in->datasets = arena_zalloc_array(q->arena, n, sizeof(*in->datasets));
        if (!ask_check(q, in->datasets ? 0 : -ENOMEM))
                return;
        json_each (item, list) {
                const char *name, *context;

                snprintf(path, sizeof(path), "datasets[%zu]", in->n_datasets);
                name = ask_item_str(q, item, path, "name");
                context = ask_item_str(q, item, path, "context");
                if (q->result != 0 || in->n_datasets == DATASETS_MAX)
                        return;
                if (str_empty(name) || strlen(name) > 500)
                        continue;
                in->datasets[in->n_datasets].name = name;
                in->datasets[in->n_datasets++].context = context ? context : "";
        }
}

int task_runs_api_began(struct http_request *req) {
        const struct tracking *t = req->ctx;
        struct began in = {};
        struct ask q;

        ask_open(&q, req);
        read_try(&q, &in.try_id, in.id);
        in.experiment = ask_str(&q, "experiment", ASK_NEED);
        in.name = ask_str(&q, "name", ASK_NEED);
        in.user = ask_str(&q, "user", 0);
        in.for_user = ask_str(&q, "for_user", 0);
        ask_i64(&q, "start_time", ASK_NEED, &in.start_at_ms);
        in.tags = read_pairs(&q, "tags", true, &in.n_tags);
        in.params = read_pairs(&q, "params", false, &in.n_params);
        read_datasets(&q, &in);
        if (q.result == 0)
                ask_check(&q, field_check_experiment_name(&q.refusal, in.experiment));
        if (q.result == 0 && in.for_user)
                ask_check(&q, access_load_of(req, t->users, t->default_level, in.for_user,
                                             ACCESS_EDIT, &q.refusal.access));
        return job_write(&q, run_began, &in);
}

/* --- ended --- */

struct ended {
        const char *try_id, *status;
        char id[TASK_RUNS_SQL_ID_SIZE];
        bool has_own; /* the id can be that of a run */
        bool comes_again;
        int64_t start_at_ms, end_at_ms;
        struct metric *metrics;
        struct ask_pair *params;
        size_t n_metrics, n_params;
};

struct ended_all {
        struct ended *tries;
        size_t n;
};

/* The try's own run, where it has one. */
static int end_own(struct job *j, struct db *db, const struct ended *in) {
        int64_t n, now_ms = tracking_now_ms(j->tracking);
        const char *old;
        int r = task_runs_sql_end(db, in->id, in->status, in->start_at_ms,
                                  in->end_at_ms ? in->end_at_ms : now_ms, &n);

        if (r != 0 || n == 0)
                return r;
        for (size_t i = 0; r >= 0 && i < in->n_params; i++)
                r = params_sql_insert(db, in->id, in->params[i].key, in->params[i].value, j->arena,
                                      &old);
        if (r >= 0)
                r = metrics_sql_insert_all(db, j->arena, &j->refusal, in->id, in->metrics,
                                           in->n_metrics);
        if (r == 0 && in->comes_again)
                r = runs_sql_set_active(db, in->id, false, now_ms);
        return r;
}

static int end_try(struct job *j, struct db *db, const struct ended *in, int64_t *n_closed) {
        int64_t n = 0, now_ms = tracking_now_ms(j->tracking);
        int r = lineage_sql_settle(db, j->tracking->entropy, j->arena, in->try_id, now_ms);

        if (r == 0)
                r = runs_sql_close_of_try(db, in->try_id, in->status, now_ms, &n);
        if (r == 0 && in->has_own)
                r = end_own(j, db, in);
        *n_closed += n;
        return r;
}

static int run_ended(struct job *j, struct db *db) {
        const struct ended_all *all = j->in;
        int64_t n = 0;
        int r = 0;

        for (size_t i = 0; i < all->n && r == 0; i++)
                r = end_try(j, db, &all->tries[i], &n);
        json_write_kv_i64(&j->json, "closed", n);
        return r;
}

static void read_metrics(struct ask *q, struct ended *in) {
        int64_t at_ms = in->end_at_ms ? in->end_at_ms : tracking_now_ms(q->req->ctx);
        const struct json *list, *item;
        char path[40];
        size_t n;

        list = ask_objects(q, "metrics", 0, &n);
        if (q->result != 0 || n == 0)
                return;
        in->metrics = arena_zalloc_array(q->arena, n, sizeof(*in->metrics));
        if (!ask_check(q, in->metrics ? 0 : -ENOMEM))
                return;
        json_each (item, list) {
                struct metric *m = &in->metrics[in->n_metrics];

                snprintf(path, sizeof(path), "metrics[%zu]", in->n_metrics);
                m->key = ask_item_str(q, item, path, "key");
                m->at_ms = at_ms;
                if (ask_item_f64(q, item, path, "value", &m->value) && !str_empty(m->key))
                        in->n_metrics++;
                if (q->result != 0)
                        return;
        }
        for (size_t i = 0; q->result == 0 && i < in->n_metrics; i++)
                ask_check(q, field_check_metric(&q->refusal, "metrics", in->metrics[i].key,
                                                in->metrics[i].value, at_ms));
}

static void read_ended(struct ask *q, const char *try_id, struct ended *in) {
        const char *state;
        int64_t status;

        in->try_id = try_id;
        in->has_own = task_runs_sql_id(try_id, in->id) == 0;
        if (ask_enum(q, "status", ASK_NEED, runs_sql_statuses, ARRAY_SIZE(runs_sql_statuses),
                     &status))
                in->status = runs_sql_statuses[status];
        if (q->result == 0 && status < 3)
                ask_check(q, refusal_invalid(&q->refusal,
                                             "A try ends as FINISHED, FAILED or "
                                             "KILLED, not as %s.",
                                             in->status));
        state = ask_str(q, "state", 0);
        in->comes_again = str_eq(state, "rescheduled") || str_eq(state, "deferred");
        ask_i64(q, "start_time", 0, &in->start_at_ms);
        ask_i64(q, "end_time", 0, &in->end_at_ms);
        in->params = read_pairs(q, "params", false, &in->n_params);
        read_metrics(q, in);
}

int task_runs_api_ended(struct http_request *req) {
        struct ended_all all = {.n = 1};
        struct ask q;

        ask_open(&q, req);
        all.tries = arena_zalloc_array(q.arena, 1, sizeof(*all.tries));
        if (ask_check(&q, all.tries ? 0 : -ENOMEM))
                read_ended(&q, http_request_param(req, "try_id"), all.tries);
        return job_write(&q, run_ended, &all);
}

/* --- ended, many at once --- */

static void read_one_of(struct ask *q, const struct json *item, struct ended_all *all) {
        const char *try_id;
        struct ask one;

        ask_open_within(&one, q->req, item, NULL);
        try_id = ask_str(&one, "try_id", ASK_NEED);
        if (one.result == 0)
                read_ended(&one, try_id, &all->tries[all->n++]);
        if (one.result != 0)
                q->refusal = one.refusal;
        ask_check(q, one.result);
}

int task_runs_api_ended_all(struct http_request *req) {
        struct ended_all all = {};
        const struct json *list, *item;
        size_t n = 0;
        struct ask q;

        ask_open(&q, req);
        list = ask_objects(&q, "tries", ASK_NEED, &n);
        if (q.result == 0 && n > ENDED_MAX)
                ask_check(&q, refusal_invalid(&q.refusal, "At most %d tries at once.", ENDED_MAX));
        if (q.result == 0)
                all.tries = arena_zalloc_array(q.arena, n, sizeof(*all.tries));
        if (q.result == 0 && ask_check(&q, all.tries || n == 0 ? 0 : -ENOMEM))
                json_each (item, list)
                        if (q.result == 0)
                                read_one_of(&q, item, &all);
        return job_write(&q, run_ended, &all);
}
