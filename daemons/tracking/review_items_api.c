#include "daemons/tracking/review_items_api.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "daemons/tracking/field_check.h"
#include "daemons/tracking/job.h"
#include "daemons/tracking/page_token.h"
#include "daemons/tracking/python_text.h"
#include "daemons/tracking/review_check.h"
#include "daemons/tracking/review_queues_api.h"
#include "daemons/tracking/traces_sql.h"
#include "lib/base/str.h"
#include "lib/base/utf8.h"
#include "lib/net/http_request.h"

enum { PAGE = 1000, USER_MAX = 250 };

static const char *const statuses[] = {"REVIEW_STATUS_UNSPECIFIED", "PENDING", "COMPLETE",
                                       "DECLINED"};
static const char *const kept_as[] = {"", "pending", "complete", "declined"};

struct in {
        const char *id, *item_id, *completed_by;
        int64_t status; /* of statuses; 0: none */
        struct review_list items;
        int64_t max_results, offset;
};

static void write_item(struct job *j, const struct review_item *x) {
        int64_t status = 1;

        for (size_t i = 1; i < ARRAY_SIZE(kept_as); i++)
                status = str_eq(x->status, kept_as[i]) ? (int64_t) i : status;
        json_write_kv_str(&j->json, "queue_id", x->queue_id);
        json_write_kv_str(&j->json, "item_type", "TRACE");
        json_write_kv_str(&j->json, "item_id", x->id);
        json_write_kv_str(&j->json, "status", statuses[status]);
        if (x->completed_by)
                json_write_kv_str(&j->json, "completed_by", x->completed_by);
        if (x->completed_at_ms)
                json_write_kv_i64(&j->json, "completed_time_ms", x->completed_at_ms);
        json_write_kv_i64(&j->json, "creation_time_ms", x->created_at_ms);
        json_write_kv_i64(&j->json, "last_update_time_ms", x->updated_at_ms);
}

static void read_items(struct ask *q, struct in *in) {
        const char **ids;
        size_t n;

        in->id = ask_str(q, "queue_id", ASK_NEED);
        ids = ask_list(q, "item_ids", 0, &n);
        if (q->result == 0)
                ask_check(q, review_check_items(&q->refusal, ids, n, &in->items));
}

/* Every trace must be the queue's experiment's: who reviews would see another's else. */
static int check_traces(struct job *j, struct db *db, const struct in *in,
                        const struct review_queue *q) {
        struct review_list strange = {arena_zalloc_array(j->arena, in->items.n + 1, sizeof(char *)),
                                      0};
        struct trace t;

        if (!strange.items)
                return -ENOMEM;
        for (size_t i = 0; i < in->items.n; i++) {
                int r = traces_sql_get(db, in->items.items[i], j->arena, &t);

                if (r < 0)
                        return r;
                if (r == DB_DONE || t.experiment_id != q->experiment_id)
                        strange.items[strange.n++] = in->items.items[i];
        }
        if (strange.n == 0)
                return 0;
        return refusal_set(&j->refusal, REFUSAL_RESOURCE_DOES_NOT_EXIST,
                           "Cannot attach trace(s) %s to review queue '%s': they do not exist in "
                           "experiment '%" PRId64 "'.",
                           review_check_repr(j->arena, &strange), q->id, q->experiment_id);
}

/* One that is there stays as it is. */
static int add(struct job *j, struct db *db, const char *queue_id, const char *id, int64_t now_ms) {
        struct review_item x = {
                .queue_id = queue_id,
                .type = "trace",
                .id = id,
                .status = "pending",
                .created_at_ms = now_ms,
                .updated_at_ms = now_ms,
        };
        int r = review_queues_sql_item_insert(db, &x);

        if (r == DB_CONFLICT)
                r = review_queues_sql_item(db, j->arena, queue_id, id, &x);
        if (r < 0)
                return r;
        json_write_object(&j->json);
        write_item(j, &x);
        json_write_end(&j->json);
        return 0;
}

static int run_add(struct job *j, struct db *db) {
        const struct in *in = j->in;
        int64_t now_ms = tracking_now_ms(j->tracking);
        struct review_queue q;
        int r = review_queues_api_need(j, db, in->id, REVIEW_QUEUES_API_FILL, &q);

        if (r == 0)
                r = check_traces(j, db, in, &q);
        if (r != 0)
                return r;
        json_write_kv_array(&j->json, "items");
        for (size_t i = 0; r == 0 && i < in->items.n; i++)
                r = add(j, db, q.id, in->items.items[i], now_ms);
        json_write_end(&j->json);
        return r;
}

int review_items_api_add(struct http_request *req) {
        static const char *const types[] = {"REVIEW_ITEM_TYPE_UNSPECIFIED", "TRACE"};
        struct in in = {};
        struct ask q;
        int64_t type;

        ask_open(&q, req);
        read_items(&q, &in);
        ask_enum(&q, "item_type", 0, types, ARRAY_SIZE(types), &type);
        return job_write(&q, run_add, &in);
}

static int run_remove(struct job *j, struct db *db) {
        const struct in *in = j->in;
        struct review_queue q;
        int r = review_queues_api_need(j, db, in->id, REVIEW_QUEUES_API_PRUNE, &q);

        for (size_t i = 0; r == 0 && i < in->items.n; i++)
                r = review_queues_sql_item_delete(db, q.id, in->items.items[i]);
        return r;
}

int review_items_api_remove(struct http_request *req) {
        struct in in = {};
        struct ask q;

        ask_open(&q, req);
        read_items(&q, &in);
        return job_write(&q, run_remove, &in);
}

static int run_list(struct job *j, struct db *db) {
        const struct in *in = j->in;
        DB_USE struct db_stmt *s = NULL;
        struct review_queue q;
        struct review_item x;
        int64_t n = 0;
        int r = review_queues_api_need(j, db, in->id, REVIEW_QUEUES_API_SEE, &q);

        if (r != 0)
                return r;
        s = review_queues_sql_items(db, q.id, kept_as[in->status], in->max_results + 1, in->offset);
        json_write_kv_items(&j->json, "items");
        while ((r = db_step(s)) == DB_ROW && n++ < in->max_results) {
                r = review_queues_sql_read_item(s, j->arena, &x);
                if (r < 0)
                        return r;
                json_write_object(&j->json);
                write_item(j, &x);
                json_write_end(&j->json);
        }
        json_write_end(&j->json);
        return r < 0 ? r
                     : page_token_write(&j->json, j->arena, n > in->max_results,
                                        in->offset + in->max_results);
}

int review_items_api_list(struct http_request *req) {
        struct in in = {.max_results = PAGE};
        const char *token;
        struct ask q;

        ask_open(&q, req);
        in.id = ask_str(&q, "queue_id", ASK_NEED);
        ask_page_size(&q, FIELD_CHECK_RESULTS_MAX, &in.max_results);
        ask_enum(&q, "status", 0, statuses, ARRAY_SIZE(statuses), &in.status);
        token = ask_str(&q, "page_token", 0);
        ask_offset(&q, token, &in.offset);
        return job_read(&q, run_list, &in);
}

/* Who is said to have done it: the one who asks, where that is known. 0, REFUSED or -ENOMEM. */
static int check_completed_by(struct job *j, const struct in *in, const char **ret) {
        const char *user = review_queues_api_user(j);
        bool pending = in->status == 1;

        user = user ? (pending ? NULL : user) : in->completed_by;
        if (user) {
                user = python_text_strip(j->arena, user);
                user = user ? python_text_lower(j->arena, user) : NULL;
                if (!user)
                        return -ENOMEM;
        }
        *ret = user;
        if (pending && user)
                return refusal_invalid(&j->refusal, "`completed_by` must not be set when reopening "
                                                    "an item to `pending`.");
        if (!pending && str_empty(user))
                return refusal_invalid(&j->refusal,
                                       "`completed_by` is required when setting status to `%s`.",
                                       kept_as[in->status]);
        if (user && utf8_count(user, strlen(user)) > USER_MAX)
                return refusal_invalid(&j->refusal,
                                       "`completed_by` must be at most %d characters; got %zu.",
                                       USER_MAX, utf8_count(user, strlen(user)));
        return 0;
}

static int run_set_status(struct job *j, struct db *db) {
        const struct in *in = j->in;
        int64_t now_ms = tracking_now_ms(j->tracking);
        struct review_queue q;
        struct review_item x;
        const char *user;
        int r = check_completed_by(j, in, &user);

        if (r == 0)
                r = review_queues_api_need(j, db, in->id, REVIEW_QUEUES_API_REVIEW, &q);
        if (r != 0)
                return r;
        r = review_queues_sql_item(db, j->arena, q.id, in->item_id, &x);
        if (r == DB_DONE)
                return refusal_set(&j->refusal, REFUSAL_RESOURCE_DOES_NOT_EXIST,
                                   "Item '%s' is not attached to review queue '%s'.", in->item_id,
                                   q.id);
        if (r < 0)
                return r;
        r = 0;
        if (!str_eq(x.status, kept_as[in->status])) { /* again is not anew: the first did it */
                x.status = kept_as[in->status];
                x.updated_at_ms = now_ms;
                x.completed_by = user;
                x.completed_at_ms = user ? now_ms : 0;
                r = review_queues_sql_item_update(db, &x);
        }
        json_write_kv_object(&j->json, "item");
        write_item(j, &x);
        json_write_end(&j->json);
        return r;
}

int review_items_api_set_status(struct http_request *req) {
        struct in in = {};
        struct ask q;

        ask_open(&q, req);
        in.id = ask_str(&q, "queue_id", ASK_NEED);
        in.item_id = ask_str(&q, "item_id", ASK_NEED);
        ask_enum(&q, "status", 0, statuses, ARRAY_SIZE(statuses), &in.status);
        in.completed_by = ask_str(&q, "completed_by", 0);
        if (q.result == 0 && in.status == 0)
                ask_check(&q, refusal_invalid(&q.refusal, "`status` must be one of PENDING, "
                                                          "COMPLETE, or DECLINED; got proto enum "
                                                          "value 0."));
        if (q.result == 0) {
                in.item_id = python_text_strip(q.arena, in.item_id);
                ask_check(&q, in.item_id ? 0 : -ENOMEM);
        }
        return job_write(&q, run_set_status, &in);
}
