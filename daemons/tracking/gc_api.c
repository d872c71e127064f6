/* Artifacts first, then the rows: what is cut off in between is found again and goes on. What was
 * restored meanwhile stays, without its artifacts only if it was restored in that very moment. */
#include "daemons/tracking/gc_api.h"

#include <errno.h>
#include <stdio.h>

#include "daemons/tracking/artifact_reply.h"
#include "daemons/tracking/gc_sql.h"
#include "daemons/tracking/job.h"
#include "lib/base/log.h"
#include "lib/base/str.h"
#include "lib/net/http_request.h"
#include "lib/store/store.h"

enum { BATCH = 100, DRY_MAX = 100000 };

static const char *const kind_names[] = {"Run", "Logged model", "Experiment"};

struct gc {
        int64_t older_than_ms, before_ms;
        bool has_age, dry_run;
        const char **ids[3]; /* by enum gc_kind; NULL: all that were deleted */
        size_t n_ids[3];
        bool any_ids;
        size_t n_max;
        bool more;
        struct gc_list list;
};

/* --- what shall go -------------------------------------------------------------------------------
 */

static int check_named(struct ask *q, const struct gc *g, const struct gc_item *item,
                       const char *id) {
        const char *kind = kind_names[item->kind];

        if (!item->is_deleted)
                return refusal_invalid(&q->refusal,
                                       "%s %s is not in `deleted` lifecycle stage. Only what is in "
                                       "`deleted` lifecycle stage can be deleted.",
                                       kind, id);
        if (g->has_age && (item->deleted_at_ms < 0 || item->deleted_at_ms > g->before_ms))
                return refusal_invalid(&q->refusal,
                                       "%s %s is not older than the required age of %lld s.", kind,
                                       id, (long long) g->older_than_ms / 1000);
        return 0;
}

static int find_named(struct ask *q, struct db *db, struct gc *g, enum gc_kind kind) {
        for (size_t i = 0; i < g->n_ids[kind]; i++) {
                const char *id = g->ids[kind][i];
                int r = gc_sql_one(db, kind, id, &g->list);

                if (r == DB_DONE)
                        return refusal_set(&q->refusal, REFUSAL_RESOURCE_DOES_NOT_EXIST,
                                           "%s %s does not exist", kind_names[kind], id);
                if (r == DB_ROW)
                        r = check_named(q, g, &g->list.items[g->list.n - 1], id);
                if (r != 0)
                        return r;
        }
        return 0;
}

static int find_kind(struct ask *q, struct db *db, struct gc *g, enum gc_kind kind) {
        size_t n = g->list.n;
        int r;

        if (g->ids[kind])
                return find_named(q, db, g, kind);
        if (g->any_ids) /* others are named: only those */
                return 0;
        r = gc_sql_deleted(db, kind, g->before_ms, g->n_max, &g->list);
        g->more = g->more || g->list.n - n == g->n_max;
        return r;
}

/* Runs go with their experiment. */
static int find_runs_of(struct db *db, struct gc *g, size_t n_before) {
        for (size_t i = 0; i < n_before; i++) {
                size_t n = g->list.n;
                int r;

                if (g->list.items[i].kind != GC_EXPERIMENT)
                        continue;
                r = gc_sql_runs_of(db, g->list.items[i].experiment_id, g->n_max, &g->list);
                if (r < 0)
                        return r;
                for (size_t k = n; k < g->list.n; k++)
                        if (!g->list.items[k].is_deleted)
                                g->list.items[k].kept = "it is not deleted";
                g->more = g->more || g->list.n - n == g->n_max;
        }
        return 0;
}

static int find(struct ask *q, struct db *db, void *in) {
        struct gc *g = in;
        int r = find_kind(q, db, g, GC_RUN);

        if (r == 0)
                r = find_kind(q, db, g, GC_MODEL);
        if (r == 0)
                r = find_kind(q, db, g, GC_EXPERIMENT);
        return r == 0 ? find_runs_of(db, g, g->list.n) : r;
}

/* --- its artifacts -------------------------------------------------------------------------------
 */

static void delete_artifacts(struct ask *q, struct gc_item *item) {
        struct ask own = *q;
        struct artifact_place place;
        struct errmsg em = {};
        int r;

        if (item->kind == GC_EXPERIMENT || str_empty(item->uri))
                return;
        if (artifact_reply_locate(&own, item->uri, "", &place) != 0) {
                item->kept = own.result == REFUSED ? own.refusal.text : "out of memory";
                return;
        }
        if (!*place.name) {
                item->kept = "its artifact location is the whole store";
                return;
        }
        r = store_delete_prefix(place.store, place.name, &em, NULL);
        if (r < 0 && r != -ENOENT && r != -ENOTDIR)
                item->kept = arena_strdup(q->arena, em.text) ?: "out of memory";
        if (item->kept)
                log_warning("gc: the artifacts of %s %s stay: %s", kind_names[item->kind], item->id,
                            item->kept);
}

/* --- its rows ------------------------------------------------------------------------------------
 */

static void write_item(struct json_write *w, const struct gc_item *item) {
        static const char *const id_names[] = {"run_id", "model_id", "name"};

        json_write_object(w);
        if (item->kind == GC_EXPERIMENT)
                json_write_kv_i64_text(w, "experiment_id", item->experiment_id);
        json_write_kv_str(w, id_names[item->kind], item->id);
        json_write_kv_str(w, "artifact_location", item->uri ?: "");
        if (item->deleted_at_ms >= 0)
                json_write_kv_i64(w, "deleted_time", item->deleted_at_ms);
        if (item->kept)
                json_write_kv_str(w, "kept", item->kept);
        json_write_end(w);
}

static void write_all(struct json_write *w, const struct gc *g) {
        static const char *const list_names[] = {"runs", "logged_models", "experiments"};

        for (int kind = GC_RUN; kind <= GC_EXPERIMENT; kind++) {
                json_write_kv_array(w, list_names[kind]);
                for (size_t i = 0; i < g->list.n; i++)
                        if ((int) g->list.items[i].kind == kind)
                                write_item(w, &g->list.items[i]);
                json_write_end(w);
        }
        json_write_kv_bool(w, "more", g->more);
}

static int run_list(struct job *j, struct db *db) {
        (void) db;
        write_all(&j->json, j->in);
        return 0;
}

/* Experiments last: they wait for their runs and models. */
static int run_remove(struct job *j, struct db *db) {
        struct gc *g = j->in;

        for (int kind = GC_RUN; kind <= GC_EXPERIMENT; kind++)
                for (size_t i = 0; i < g->list.n; i++) {
                        struct gc_item *item = &g->list.items[i];
                        int r;

                        if ((int) item->kind != kind || item->kept)
                                continue;
                        r = gc_sql_remove(db, item);
                        if (r < 0)
                                return r;
                        if (r == 1)
                                item->kept = kind == GC_EXPERIMENT
                                                     ? "it still has runs, logged models or "
                                                       "scorers of guardrails"
                                                     : "it was restored";
                }
        write_all(&j->json, g);
        return 0;
}

int gc_api(struct http_request *req) {
        const struct tracking *t = req->ctx;
        struct gc g = {.list.arena = req->arena};
        struct ask q;

        ask_open(&q, req);
        g.has_age = ask_i64(&q, "older_than_ms", 0, &g.older_than_ms);
        (void) ask_bool(&q, "dry_run", &g.dry_run);
        g.ids[GC_RUN] = ask_list(&q, "run_ids", 0, &g.n_ids[GC_RUN]);
        g.ids[GC_MODEL] = ask_list(&q, "logged_model_ids", 0, &g.n_ids[GC_MODEL]);
        g.ids[GC_EXPERIMENT] = ask_list(&q, "experiment_ids", 0, &g.n_ids[GC_EXPERIMENT]);
        g.any_ids = g.ids[GC_RUN] || g.ids[GC_MODEL] || g.ids[GC_EXPERIMENT];
        g.n_max = g.dry_run ? DRY_MAX : BATCH;
        g.before_ms = tracking_now_ms(t) - MAX(g.older_than_ms, (int64_t) 0);
        if (q.result == 0 && !t->has_traces)
                ask_check(&q, refusal_set(&q.refusal, REFUSAL_NOT_IMPLEMENTED,
                                          "This needs the tables of MLflow 3.18: bring the "
                                          "database up with `mlflow db upgrade`."));
        job_look(&q, find, &g);
        if (q.result != 0)
                return job_refuse(&q);
        if (g.dry_run)
                return job_read(&q, run_list, &g);
        for (size_t i = 0; i < g.list.n; i++)
                if (!g.list.items[i].kept)
                        delete_artifacts(&q, &g.list.items[i]);
        return job_write(&q, run_remove, &g);
}
