/* pools_api.c: pools: lists, one, made, changed, taken away. */
#include <errno.h>
#include <string.h>

#include "daemons/scheduler/pools_sql.h"
#include "daemons/scheduler/rest.h"
#include "daemons/scheduler/rest_bulk.h"
#include "daemons/scheduler/scheduler_api.h"
#include "lib/base/str.h"

#define INCOMPLETE "\"name\" and \"slots\" are needed"

enum { SLOTS_MAX = 1000000, NAME_BYTES_MAX = 256 };

/* What a change says; absent things stay as they are. */
struct pool_ask {
        const char *name, *new_name, *description;
        int64_t slots; /* -1: no limit */
        bool has_slots, has_description, has_deferred, include_deferred, is_new;
};

/* --- reading ------------------------------------------------------------------------------------
 */

struct usage {
        unsigned n_running, n_queued, n_scheduled, n_deferred;
};

static void count_usage(const struct world *w, const struct world_pool *p, struct usage *u) {
        const struct world_run *run;
        const struct world_task *t;

        TAILQ_FOREACH(run, &w->active, in_active) {
                if (run->state != RUN_RUNNING)
                        continue;
                world_each_task(t, run) {
                        unsigned n = t->spec->pool_slots;

                        if (!str_eq(t->spec->pool, p->name))
                                continue;
                        u->n_running += t->state == TASK_RUNNING ? n : 0;
                        u->n_queued += t->state == TASK_QUEUED ? n : 0;
                        u->n_scheduled += t->state == TASK_SCHEDULED ? n : 0;
                        u->n_deferred += t->state == TASK_DEFERRED ? n : 0;
                }
        }
}

static int64_t slots_of(unsigned n) {
        return n == WORLD_SLOTS_INFINITE ? -1 : (int64_t) n;
}

static int write_pool(struct scheduler *s, struct http_request *req, struct json_write *w,
                      const struct world_pool *p) {
        const char *description;
        struct usage u = {};
        int r = pools_sql_description(s->db, p->name, req->arena, &description);

        if (r < 0)
                return r;
        count_usage(&s->world, p, &u);
        json_write_object(w);
        json_write_kv_str(w, "name", p->name);
        json_write_kv_i64(w, "slots", slots_of(p->n_slots));
        json_write_kv_str(w, "description", description);
        json_write_kv_bool(w, "include_deferred", p->include_deferred);
        json_write_kv_u64(w, "occupied_slots", p->n_used);
        json_write_kv_u64(w, "running_slots", u.n_running);
        json_write_kv_u64(w, "queued_slots", u.n_queued);
        json_write_kv_u64(w, "scheduled_slots", u.n_scheduled);
        json_write_kv_u64(w, "deferred_slots", u.n_deferred);
        json_write_kv_i64(w, "open_slots",
                          p->n_slots == WORLD_SLOTS_INFINITE
                                  ? -1
                                  : (int64_t) (p->n_slots - MIN(p->n_slots, p->n_used)));
        json_write_kv_null(w, "team_name");
        json_write_end(w);
        return 0;
}

static int list(struct http_request *req) {
        struct scheduler *s = scheduler_api_of(req);
        _cleanup_buf_ struct buf b = {};
        struct rest_page page;
        struct world_pool *p;
        struct json_write w;
        int64_t n = 0;
        int r = 0;

        if (!rest_read_page(req, &page))
                return rest_replied;
        json_write_init(&w, &b, 0);
        json_write_object(&w);
        json_write_kv_array(&w, "pools");
        TAILQ_FOREACH(p, &s->world.pools, in_world) {
                if (n >= page.offset && n < page.offset + page.limit && r >= 0)
                        r = write_pool(s, req, &w, p);
                n++;
        }
        json_write_end(&w);
        json_write_kv_i64(&w, "total_entries", n);
        json_write_end(&w);
        if (r >= 0)
                r = json_write_finish(&w);
        return r < 0 ? r : http_request_reply_json(req, 200, &b);
}

int pools_api_list(struct http_request *req) {
        return scheduler_api_landed(req, list);
}

static int reply_pool(struct scheduler *s, struct http_request *req, const char *name, int status) {
        struct world_pool *p = world_get_pool(&s->world, name);
        _cleanup_buf_ struct buf b = {};
        struct json_write w;
        int r;

        if (!p)
                return http_request_reply_error(req, 404, "there is no pool \"%s\"", name);
        json_write_init(&w, &b, 0);
        r = write_pool(s, req, &w, p);
        if (r >= 0)
                r = json_write_finish(&w);
        return r < 0 ? r : http_request_reply_json(req, status, &b);
}

static int get(struct http_request *req) {
        return reply_pool(scheduler_api_of(req), req, http_request_param(req, "pool_name"), 200);
}

int pools_api_get(struct http_request *req) {
        return scheduler_api_landed(req, get);
}

/* --- changing -----------------------------------------------------------------------------------
 */

static int write_change(struct scheduler *s, struct scheduler_api_job *j,
                        const struct pool_ask *ask) {
        struct world_pool *p = world_get_pool(&s->world, ask->name);
        struct pools_sql_row row = {.name = ask->name};
        int r = 0;

        if (!ask->has_description)
                r = pools_sql_description(s->db, ask->name, j->req->arena, &row.description);
        else
                row.description = ask->description;
        if (r >= 0 && (!p || ask->has_slots))
                r = world_put_pool(&s->world, ask->name,
                                   ask->slots < 0 ? WORLD_SLOTS_INFINITE : (unsigned) ask->slots);
        if (r < 0)
                return r;
        p = world_get_pool(&s->world, ask->name);
        if (ask->has_deferred)
                p->include_deferred = ask->include_deferred;
        row.n_slots = p->n_slots;
        row.include_deferred = p->include_deferred;
        r = pools_sql_put(s->db, &row);
        return MIN(r, 0);
}

static int change_pool(struct scheduler *s, struct scheduler_api_job *j,
                       const struct pool_ask *ask) {
        bool exists = world_get_pool(&s->world, ask->name) != NULL;
        int r;

        if (ask->is_new && exists)
                return scheduler_api_job_refuse(j, 409, "there is a pool \"%s\" already",
                                                ask->name);
        if (!ask->is_new && !exists)
                return scheduler_api_job_refuse(j, 404, "there is no pool \"%s\"", ask->name);
        r = write_change(s, j, ask);
        if (r >= 0)
                r = scheduler_api_job_log(s, j, ask->is_new ? "post_pool" : "patch_pool",
                                          ask->name);
        return MIN(r, 0);
}

static int run_change(struct scheduler *s, struct scheduler_api_job *j) {
        return change_pool(s, j, j->extra);
}

static int reply_change(struct scheduler *s, struct scheduler_api_job *j) {
        const struct pool_ask *ask = j->extra;

        return reply_pool(s, j->req, ask->name, ask->is_new ? 201 : 200);
}

static int read_ask(const struct json *body, struct pool_ask *ask, struct errmsg *em) {
        const struct json *deferred = json_get(body, "include_deferred");

        if (json_want_str(body, "name", &ask->new_name, em) < 0 ||
            json_want_i64(body, "slots", &ask->slots, em) < 0 ||
            json_want_str(body, "description", &ask->description, em) < 0 ||
            json_want_bool(body, "include_deferred", &ask->include_deferred, em) < 0)
                return -EINVAL;
        ask->has_slots = json_get(body, "slots") != NULL;
        ask->has_description = json_get(body, "description") != NULL;
        ask->has_deferred = deferred && deferred->type != JSON_NULL;
        if (ask->slots < -1 || ask->slots > SLOTS_MAX)
                return errmsg_fail(em, -EINVAL,
                                   "\"slots\" must be from 0 to %d, or -1 for no limit", SLOTS_MAX);
        return 0;
}

static const char *const keys[] = {"name",     "pool", "slots", "description", "include_deferred",
                                   "team_name"};

static bool is_complete(const struct pool_ask *ask) {
        return !str_empty(ask->name) && strlen(ask->name) <= NAME_BYTES_MAX &&
               (!ask->is_new || ask->has_slots);
}

static int change(struct http_request *req, const char *name) {
        struct pool_ask *ask = arena_new(req->arena, struct pool_ask);
        struct scheduler_api_job *j;
        const struct json *body;
        struct errmsg em = {};

        if (!ask)
                return -ENOMEM;
        if (!rest_read_body(req, keys, ARRAY_SIZE(keys), &body) ||
            !(j = scheduler_api_job_new(req)))
                return rest_replied;
        if (read_ask(body, ask, &em) < 0)
                return rest_refuse(req, &em);
        ask->is_new = name == NULL;
        ask->name = name ? name : ask->new_name;
        if (!is_complete(ask))
                return http_request_reply_error(req, 422, INCOMPLETE);
        if (name && ask->new_name && !str_eq(name, ask->new_name))
                return http_request_reply_error(req, 400,
                                                "a pool keeps its name: make another one instead");
        j->extra = ask;
        j->run = run_change;
        j->reply = reply_change;
        return scheduler_api_job_submit(j);
}

int pools_api_create(struct http_request *req) {
        return change(req, NULL);
}

int pools_api_patch(struct http_request *req) {
        return change(req, http_request_param(req, "pool_name"));
}

static int delete_pool(struct scheduler *s, struct scheduler_api_job *j, const char *name) {
        int r = world_remove_pool(&s->world, name);

        if (r == -ENOENT)
                return scheduler_api_job_refuse(j, 404, "there is no pool \"%s\"", name);
        if (r == -EBUSY)
                return scheduler_api_job_refuse(j, 400, "the pool \"%s\" %s", name,
                                                str_eq(name, "default_pool")
                                                        ? "is always there: set its slots"
                                                        : "is in use: let its tasks end first");
        r = pools_sql_delete(s->db, name);
        if (r >= 0)
                r = scheduler_api_job_log(s, j, "delete_pool", name);
        return MIN(r, 0);
}

static int run_delete(struct scheduler *s, struct scheduler_api_job *j) {
        return delete_pool(s, j, j->extra);
}

static int reply_deleted(struct scheduler *s, struct scheduler_api_job *j) {
        return http_request_reply_empty(j->req, 204);
}

int pools_api_delete(struct http_request *req) {
        struct scheduler_api_job *j = scheduler_api_job_new(req);

        if (!j)
                return rest_replied;
        j->extra = (void *) (uintptr_t) http_request_param(req, "pool_name");
        j->run = run_delete;
        j->reply = reply_deleted;
        return scheduler_api_job_submit(j);
}

/* --- many at once -------------------------------------------------------------------------------
 */

static int bulk_exists(struct scheduler *s, struct scheduler_api_job *j,
                       const struct rest_bulk_noun *noun, const char *name) {
        return world_get_pool(&s->world, name) != NULL;
}

/* What a mask leaves out stays as it is. */
static void mask_ask(const char *mask, struct pool_ask *ask) {
        ask->has_slots &= str_has_word(mask, ",", "slots");
        ask->has_description &= str_has_word(mask, ",", "description");
        ask->has_deferred &= str_has_word(mask, ",", "include_deferred");
}

static int bulk_put(struct scheduler *s, struct scheduler_api_job *j,
                    const struct rest_bulk_noun *noun, const char *name, const struct json *entity,
                    const char *mask, bool is_new) {
        struct pool_ask ask = {.name = name, .is_new = is_new};
        struct errmsg em = {};

        if (read_ask(entity, &ask, &em) < 0)
                return scheduler_api_job_refuse(j, 422, "%s", em.text);
        if (mask)
                mask_ask(mask, &ask);
        if (!is_complete(&ask))
                return scheduler_api_job_refuse(j, 422, INCOMPLETE);
        return change_pool(s, j, &ask);
}

static int bulk_drop(struct scheduler *s, struct scheduler_api_job *j,
                     const struct rest_bulk_noun *noun, const char *name) {
        return delete_pool(s, j, name);
}

int pools_api_bulk(struct http_request *req) {
        static const struct rest_bulk_noun noun = {.kind = "pool",
                                                   .name_key = "name",
                                                   .keys = keys,
                                                   .n_keys = ARRAY_SIZE(keys),
                                                   .exists = bulk_exists,
                                                   .put = bulk_put,
                                                   .drop = bulk_drop};

        return rest_bulk(req, &noun);
}
