#include "daemons/tracking/lineage_api.h"

#include <errno.h>
#include <stdio.h>

#include "daemons/tracking/field_check.h"
#include "daemons/tracking/job.h"
#include "daemons/tracking/lineage_sql.h"
#include "lib/auth/auth_identity.h"
#include "lib/base/str.h"
#include "lib/net/http_request.h"

#define LINEAGE_API_OBJECTS_MAX 1000 /* in one request */

struct lineage_in {
        const char *try_id;
        struct lineage_object *objects;
        size_t n;
        bool more;
};

static int run_objects(struct job *j, struct db *db) {
        const struct lineage_in *in = j->in;
        struct entropy *e = j->tracking->entropy;
        size_t n_runs = 0;
        int r = lineage_sql_attach(db, e, j->arena, in->try_id, in->objects, in->n, in->more,
                                   &n_runs);

        if (r == 0)
                r = lineage_sql_keep(db, e, in->try_id, in->objects, in->n,
                                     tracking_now_ms(j->tracking));
        json_write_kv_i64(&j->json, "runs", (int64_t) n_runs);
        return r;
}

static void read_object(struct ask *q, const struct json *item, size_t i,
                        struct lineage_object *ret) {
        static const struct {
                const char *name;
                size_t max;
        } limits[] = {{"bucket", 222}, {"name", 1024}, {"generation", 20}};
        const char **const values[] = {&ret->bucket, &ret->name, &ret->generation};
        char path[32];

        snprintf(path, sizeof(path), "objects[%zu]", i);
        for (size_t k = 0; q->result == 0 && k < ARRAY_SIZE(limits); k++) {
                *values[k] = ask_item_str(q, item, path, limits[k].name);
                if (q->result == 0 && str_empty(*values[k]))
                        ask_check(q, refusal_invalid(&q->refusal, "%s has no %s.", path,
                                                     limits[k].name));
                if (q->result == 0)
                        ask_check(q, field_check_length(&q->refusal, limits[k].name, limits[k].max,
                                                        *values[k]));
        }
        (void) json_bool(json_get(item, "written"), &ret->written);
}

static void read_objects(struct ask *q, struct lineage_in *in) {
        const struct json *list, *item;
        size_t i = 0, n;

        list = ask_objects(q, "objects", ASK_NEED, &n);
        if (q->result == 0 && n > LINEAGE_API_OBJECTS_MAX)
                ask_check(q, field_check_batch(&q->refusal, "objects", LINEAGE_API_OBJECTS_MAX, n));
        if (q->result != 0)
                return;
        in->objects = arena_zalloc_array(q->arena, n + 1, sizeof(*in->objects));
        if (!ask_check(q, in->objects ? 0 : -ENOMEM))
                return;
        json_each (item, list) {
                read_object(q, item, i, &in->objects[i]);
                if (q->result != 0)
                        return;
                i++;
        }
        in->n = n;
}

int lineage_api_objects(struct http_request *req) {
        const struct auth_identity *who = req->identity;
        struct lineage_in in = {};
        struct ask q;

        ask_open(&q, req);
        in.try_id = http_request_param(req, "try_id");
        if (q.result == 0 && who && !str_empty(who->try_id) && !str_eq(who->try_id, in.try_id))
                ask_check(&q, refusal_set(&q.refusal, REFUSAL_PERMISSION_DENIED,
                                          "A task may speak for its own try alone."));
        if (q.result == 0)
                ask_check(&q, field_check_length(&q.refusal, "try_id", 64, in.try_id));
        read_objects(&q, &in);
        ask_bool(&q, "more", &in.more);
        return job_write(&q, run_objects, &in);
}
