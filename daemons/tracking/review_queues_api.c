#include "daemons/tracking/review_queues_api.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "daemons/tracking/experiments_sql.h"
#include "daemons/tracking/field_check.h"
#include "daemons/tracking/job.h"
#include "daemons/tracking/label_schemas_sql.h"
#include "daemons/tracking/page_token.h"
#include "daemons/tracking/python_text.h"
#include "daemons/tracking/review_check.h"
#include "lib/auth/auth_identity.h"
#include "lib/auth/auth_store.h"
#include "lib/base/entropy.h"
#include "lib/base/str.h"
#include "lib/net/http_request.h"

enum { PAGE = 1000 };

struct in {
        const char *id, *experiment_id, *name, *type, *owner;
        const char *user, *item_id;
        bool set_users, set_schemas;
        struct review_list users, schemas;
        int64_t max_results, offset;
};

/* --- who may --- */

const char *review_queues_api_user(const struct job *j) {
        const struct auth_identity *who = j->req->identity;

        return j->tracking->users && who && who->how != AUTH_BY_NOTHING ? who->name : NULL;
}

static bool is_owner(const struct job *j, const struct review_queue *q) {
        const char *user = review_queues_api_user(j);

        return user && q->created_by && str_eq_fold(user, q->created_by);
}

/* Is the one who asks one of the queue's users? DB_ROW, 0 or -errno. */
static int is_member(struct job *j, struct db *db, const struct review_queue *q) {
        const char *user = review_queues_api_user(j), *key;

        if (!user)
                return 0;
        key = python_text_lower(j->arena, user);
        return key ? review_queues_sql_has_user(db, q->id, key) : -ENOMEM;
}

/* 1 yes, 0 no, or -errno. */
static int may(struct job *j, struct db *db, const struct review_queue *q,
               enum review_queues_api_use use) {
        enum access_level level;
        bool edit, manage;
        char id[24];

        if (!j->refusal.access)
                return 1;
        snprintf(id, sizeof(id), "%" PRId64, q->experiment_id);
        level = access_level_on(j->refusal.access, ACCESS_EXPERIMENT, id);
        edit = level >= ACCESS_EDIT;
        manage = level >= ACCESS_MANAGE;
        switch (use) {
        case REVIEW_QUEUES_API_SEE:
                if (manage || (edit && is_owner(j, q)) || level < ACCESS_READ)
                        return level >= ACCESS_READ;
                return is_member(j, db, q);
        case REVIEW_QUEUES_API_FILL:
                return edit;
        case REVIEW_QUEUES_API_SHAPE:
                return manage || (edit && is_owner(j, q));
        case REVIEW_QUEUES_API_PRUNE:
                return manage || (edit && is_owner(j, q) && str_eq(q->type, "custom"));
        case REVIEW_QUEUES_API_MANAGE:
                return manage;
        default:
                return edit ? is_member(j, db, q) : 0;
        }
}

static int check_may(struct job *j, struct db *db, const struct review_queue *q,
                     enum review_queues_api_use use) {
        int r = may(j, db, q, use);

        if (r == 0)
                return refusal_set(&j->refusal, REFUSAL_PERMISSION_DENIED, "Permission denied.");
        return r < 0 ? r : 0;
}

int review_queues_api_need(struct job *j, struct db *db, const char *id,
                           enum review_queues_api_use use, struct review_queue *ret) {
        int r = review_queues_sql_get(db, j->arena, id, ret);

        if (r == DB_DONE)
                return refusal_set(&j->refusal, REFUSAL_RESOURCE_DOES_NOT_EXIST,
                                   "Review queue with id '%s' not found.", id);
        return r < 0 ? r : check_may(j, db, ret, use);
}

static int need_experiment(struct job *j, struct db *db, const struct in *in,
                           struct experiment *ret) {
        return experiments_sql_need(db, &j->refusal, in->experiment_id, EXPERIMENTS_SQL_ACTIVE,
                                    ret);
}

/* --- writing --- */

static int write_list(struct job *j, const char *key, struct db_stmt *s) {
        int r;

        json_write_kv_items(&j->json, key);
        while ((r = db_step(s)) == DB_ROW)
                json_write_str(&j->json, db_col_text(s, 0));
        json_write_end(&j->json);
        return r;
}

static int write_users(struct job *j, struct db *db, const char *id) {
        DB_USE struct db_stmt *s = review_queues_sql_users(db, id);

        return write_list(j, "users", s);
}

static int write_schemas(struct job *j, struct db *db, const char *id) {
        DB_USE struct db_stmt *s = review_queues_sql_schemas(db, id);

        return write_list(j, "schema_ids", s);
}

static int write_queue(struct job *j, struct db *db, const struct review_queue *q) {
        int r;

        json_write_kv_str(&j->json, "queue_id", q->id);
        json_write_kv_i64_text(&j->json, "experiment_id", q->experiment_id);
        json_write_kv_str(&j->json, "name", q->name);
        json_write_kv_str(&j->json, "queue_type", str_eq(q->type, "user") ? "USER" : "CUSTOM");
        if (q->created_by)
                json_write_kv_str(&j->json, "created_by", q->created_by);
        json_write_kv_i64(&j->json, "creation_time_ms", q->created_at_ms);
        json_write_kv_i64(&j->json, "last_update_time_ms", q->updated_at_ms);
        r = write_users(j, db, q->id);
        return r < 0 ? r : write_schemas(j, db, q->id);
}

static int write_answer(struct job *j, struct db *db, const struct review_queue *q) {
        int r;

        json_write_kv_object(&j->json, "review_queue");
        r = write_queue(j, db, q);
        json_write_end(&j->json);
        return r;
}

/* --- making --- */

static int check_schemas(struct job *j, struct db *db, int64_t experiment_id,
                         const struct review_list *ids) {
        struct review_list missing = {arena_zalloc_array(j->arena, ids->n + 1, sizeof(char *)), 0};
        struct label_schema x;

        if (!missing.items)
                return -ENOMEM;
        for (size_t i = 0; i < ids->n; i++) {
                int r = label_schemas_sql_get(db, j->arena, ids->items[i], &x);

                if (r < 0)
                        return r;
                if (r == DB_DONE || x.experiment_id != experiment_id)
                        missing.items[missing.n++] = ids->items[i];
        }
        if (missing.n == 0)
                return 0;
        return refusal_invalid(&j->refusal,
                               "Label schema id(s) %s not found for experiment '%" PRId64 "'.",
                               review_check_repr(j->arena, &missing), experiment_id);
}

static int refuse_taken(struct job *j, const char *name) {
        return refusal_set(&j->refusal, REFUSAL_RESOURCE_ALREADY_EXISTS,
                           "Review queue with name '%s' already exists (names are "
                           "case-insensitive).",
                           name);
}

/* 0, DB_CONFLICT: the name is taken; REFUSED or -errno. */
static int make(struct job *j, struct db *db, const struct in *in, int64_t experiment_id,
                const char *owner, struct review_queue *q) {
        char id[3 + ENTROPY_ID_SIZE] = "rq-";
        const char *key = python_text_lower(j->arena, in->name);
        int r = check_schemas(j, db, experiment_id, &in->schemas);

        if (r == 0)
                r = entropy_id(j->tracking->entropy, id + 3);
        if (r != 0)
                return r;
        q->id = arena_strdup(j->arena, id);
        if (!q->id || !key)
                return -ENOMEM;
        q->experiment_id = experiment_id;
        q->name = in->name;
        q->type = in->type;
        q->created_by = owner;
        q->created_at_ms = q->updated_at_ms = tracking_now_ms(j->tracking);
        r = review_queues_sql_insert(db, q, key);
        if (r == 0)
                r = review_queues_sql_set_users(db, q->id, in->users.items, in->users.n);
        if (r == 0)
                r = review_queues_sql_set_schemas(db, q->id, in->schemas.items, in->schemas.n);
        return r;
}

static int run_create(struct job *j, struct db *db) {
        const struct in *in = j->in;
        struct review_queue q;
        struct experiment e;
        int r = need_experiment(j, db, in, &e);

        if (r == 0)
                r = make(j, db, in, e.id, review_queues_api_user(j), &q);
        if (r == DB_CONFLICT)
                return refuse_taken(j, in->name);
        return r != 0 ? r : write_answer(j, db, &q);
}

/* A queue of another kind must not look like a user's own. */
static void check_no_user(struct ask *q, const char *name, const char *what) {
        const struct tracking *t = q->req->ctx;
        struct auth_store_user *users = NULL;
        const char *key;
        size_t n = 0;

        if (q->result != 0 || !t->users || !name)
                return;
        key = python_text_lower(q->arena, name);
        ask_check(q, key ? auth_store_user_list(t->users, q->arena, &users, &n) : -ENOMEM);
        for (size_t i = 0; q->result == 0 && i < n; i++)
                if (str_eq_fold(users[i].name, key))
                        ask_check(q, refusal_invalid(&q->refusal,
                                                     "'%s' is a registered user. A custom review "
                                                     "queue cannot %s; assign that user to a queue "
                                                     "instead.",
                                                     users[i].name, what));
}

int review_queues_api_create(struct http_request *req) {
        static const char *const types[] = {"REVIEW_QUEUE_TYPE_UNSPECIFIED", "USER", "CUSTOM"};
        const char **users, **schemas;
        size_t n_users, n_schemas;
        int64_t type = 0;
        struct in in = {};
        struct ask q;

        ask_open(&q, req);
        in.experiment_id = ask_str(&q, "experiment_id", ASK_NEED);
        in.name = ask_str(&q, "name", ASK_NEED);
        ask_enum(&q, "queue_type", 0, types, ARRAY_SIZE(types), &type);
        users = ask_list(&q, "users", 0, &n_users);
        schemas = ask_list(&q, "schema_ids", 0, &n_schemas);
        if (q.result == 0 && type == 0)
                ask_check(&q, refusal_invalid(&q.refusal, "`queue_type` must be one of USER or "
                                                          "CUSTOM; got proto enum value 0."));
        in.type = type == 1 ? "user" : "custom";
        if (q.result == 0)
                ask_check(&q, review_check_users(&q.refusal, users, n_users, &in.users));
        if (q.result == 0)
                ask_check(&q, review_check_schemas(&q.refusal, schemas, n_schemas, &in.schemas));
        if (q.result == 0 && type == 1)
                ask_check(&q, review_check_user_queue(&q.refusal, in.name, &in.users, &in.schemas,
                                                      &in.name));
        else if (q.result == 0)
                ask_check(&q, review_check_custom_name(&q.refusal, in.name, &in.name));
        if (type == 2)
                check_no_user(&q, in.name, "use a username as its name");
        return job_write(&q, run_create, &in);
}

static int run_get_or_create_user(struct job *j, struct db *db) {
        const struct in *in = j->in;
        struct review_queue q;
        struct experiment e;
        int r = need_experiment(j, db, in, &e);

        if (r != 0)
                return r;
        r = review_queues_sql_by_name(db, j->arena, e.id, in->name, &q);
        if (r == DB_DONE)
                r = make(j, db, in, e.id, in->name, &q);
        else if (r == DB_ROW && !str_eq(q.type, "user"))
                return refusal_set(&j->refusal, REFUSAL_RESOURCE_ALREADY_EXISTS,
                                   "A non-user queue named '%s' already exists; cannot "
                                   "get-or-create a user queue with that name.",
                                   in->name);
        else if (r == DB_ROW)
                r = 0;
        return r != 0 ? r : write_answer(j, db, &q);
}

int review_queues_api_get_or_create_user(struct http_request *req) {
        struct in in = {.type = "user"};
        struct ask q;

        ask_open(&q, req);
        in.experiment_id = ask_str(&q, "experiment_id", ASK_NEED);
        in.name = ask_str(&q, "user", ASK_NEED);
        if (q.result == 0)
                ask_check(&q, review_check_users(&q.refusal, NULL, 0, &in.users));
        if (q.result == 0)
                ask_check(&q, review_check_user_queue(&q.refusal, in.name, &in.users, &in.schemas,
                                                      &in.name));
        return job_write(&q, run_get_or_create_user, &in);
}

/* --- looking --- */

static int run_get(struct job *j, struct db *db) {
        const struct in *in = j->in;
        struct review_queue q;
        int r = review_queues_api_need(j, db, in->id, REVIEW_QUEUES_API_SEE, &q);

        return r != 0 ? r : write_answer(j, db, &q);
}

int review_queues_api_get(struct http_request *req) {
        struct in in = {};
        struct ask q;

        ask_open(&q, req);
        in.id = ask_str(&q, "queue_id", ASK_NEED);
        return job_read(&q, run_get, &in);
}

static int run_get_by_name(struct job *j, struct db *db) {
        const struct in *in = j->in;
        const char *key = python_text_lower(j->arena, in->name);
        struct review_queue q;
        struct experiment e;
        int r = key ? need_experiment(j, db, in, &e) : -ENOMEM;

        if (r != 0)
                return r;
        r = review_queues_sql_by_name(db, j->arena, e.id, key, &q);
        if (r == DB_DONE)
                return refusal_set(&j->refusal, REFUSAL_RESOURCE_DOES_NOT_EXIST,
                                   "Review queue with name '%s' not found for experiment '%s'.",
                                   in->name, in->experiment_id);
        r = r < 0 ? r : check_may(j, db, &q, REVIEW_QUEUES_API_SEE);
        return r != 0 ? r : write_answer(j, db, &q);
}

int review_queues_api_get_by_name(struct http_request *req) {
        struct in in = {};
        struct ask q;

        ask_open(&q, req);
        in.experiment_id = ask_str(&q, "experiment_id", ASK_NEED);
        in.name = ask_str(&q, "name", ASK_NEED);
        return job_read(&q, run_get_by_name, &in);
}

/* Who may only read sees the queues he is one of the users of. */
static int visible(struct job *j, struct db *db, const struct review_queue *q) {
        int r = may(j, db, q, REVIEW_QUEUES_API_FILL);

        return r != 0 ? r : may(j, db, q, REVIEW_QUEUES_API_SEE);
}

static int run_list(struct job *j, struct db *db) {
        const struct in *in = j->in;
        DB_USE struct db_stmt *s = NULL;
        struct review_queue q;
        struct experiment e;
        int64_t n = 0;
        int r = need_experiment(j, db, in, &e);

        if (r != 0)
                return r;
        s = review_queues_sql_list(db, e.id, in->user, in->item_id, in->max_results + 1,
                                   in->offset);
        json_write_kv_items(&j->json, "review_queues");
        while ((r = db_step(s)) == DB_ROW && n++ < in->max_results) {
                r = review_queues_sql_read(s, j->arena, &q);
                if (r == 0)
                        r = visible(j, db, &q);
                if (r < 0)
                        return r;
                if (r == 0)
                        continue;
                json_write_object(&j->json);
                r = write_queue(j, db, &q);
                json_write_end(&j->json);
                if (r < 0)
                        return r;
        }
        json_write_end(&j->json);
        return r < 0 ? r
                     : page_token_write(&j->json, j->arena, n > in->max_results,
                                        in->offset + in->max_results);
}

int review_queues_api_list(struct http_request *req) {
        struct in in = {.max_results = PAGE};
        const char *token;
        struct ask q;

        ask_open(&q, req);
        in.experiment_id = ask_str(&q, "experiment_id", ASK_NEED);
        ask_page_size(&q, FIELD_CHECK_RESULTS_MAX, &in.max_results);
        in.user = ask_str(&q, "user", 0);
        in.item_id = ask_str(&q, "item_id", 0);
        token = ask_str(&q, "page_token", 0);
        in.item_id = in.item_id ? in.item_id : "";
        if (q.result == 0 && in.user) {
                in.user = python_text_strip(q.arena, in.user);
                in.user = in.user ? python_text_lower(q.arena, in.user) : NULL;
                ask_check(&q, in.user ? 0 : -ENOMEM);
        }
        in.user = in.user ? in.user : "";
        ask_offset(&q, token, &in.offset);
        return job_read(&q, run_list, &in);
}

/* --- changing --- */

/* What is asked is settled once there is something to review. */
static int change_schemas(struct job *j, struct db *db, const struct in *in,
                          const struct review_queue *q) {
        int r = review_queues_sql_has_items(db, q->id);

        if (r == DB_ROW)
                return refusal_invalid(&j->refusal,
                                       "A review queue's questions are locked once items are "
                                       "assigned to it. Remove the items before changing its "
                                       "questions.");
        if (r == 0)
                r = check_schemas(j, db, q->experiment_id, &in->schemas);
        return r != 0 ? r
                      : review_queues_sql_set_schemas(db, q->id, in->schemas.items, in->schemas.n);
}

static int change(struct job *j, struct db *db, const struct in *in, struct review_queue *q) {
        const char *key;
        int r = 0;

        q->created_by = in->owner ? in->owner : q->created_by;
        q->name = in->name ? in->name : q->name;
        q->updated_at_ms = tracking_now_ms(j->tracking);
        key = python_text_lower(j->arena, q->name);
        if (!key)
                return -ENOMEM;
        if (in->set_users)
                r = review_queues_sql_set_users(db, q->id, in->users.items, in->users.n);
        if (r == 0 && in->set_schemas)
                r = change_schemas(j, db, in, q);
        if (r == 0)
                r = review_queues_sql_update(db, q, key);
        return r == DB_CONFLICT ? refuse_taken(j, q->name) : r;
}

static int run_update(struct job *j, struct db *db) {
        const struct in *in = j->in;
        struct review_queue q;
        int r = review_queues_api_need(
                j, db, in->id, in->owner ? REVIEW_QUEUES_API_MANAGE : REVIEW_QUEUES_API_SHAPE, &q);

        if (r == 0 && str_eq(q.type, "user"))
                r = refusal_invalid(&j->refusal, "A user queue's name, assigned user, schemas, and "
                                                 "owner are fixed and cannot be updated.");
        if (r == 0 && (in->set_users || in->set_schemas || in->name || in->owner))
                r = change(j, db, in, &q);
        return r != 0 ? r : write_answer(j, db, &q);
}

int review_queues_api_update(struct http_request *req) {
        const char **users, **schemas;
        size_t n_users, n_schemas;
        struct in in = {};
        struct ask q;

        ask_open(&q, req);
        in.id = ask_str(&q, "queue_id", ASK_NEED);
        ask_bool(&q, "update_users", &in.set_users);
        users = ask_list(&q, "users", 0, &n_users);
        ask_bool(&q, "update_schema_ids", &in.set_schemas);
        schemas = ask_list(&q, "schema_ids", 0, &n_schemas);
        in.name = ask_str(&q, "name", 0);
        in.owner = ask_str(&q, "new_owner", 0);
        if (q.result == 0 && in.owner)
                ask_check(&q, review_check_owner(&q.refusal, in.owner, &in.owner));
        if (q.result == 0 && in.name)
                ask_check(&q, review_check_custom_name(&q.refusal, in.name, &in.name));
        if (q.result == 0 && in.set_users)
                ask_check(&q, review_check_users(&q.refusal, users, n_users, &in.users));
        if (q.result == 0 && in.set_schemas)
                ask_check(&q, review_check_schemas(&q.refusal, schemas, n_schemas, &in.schemas));
        check_no_user(&q, in.name, "be renamed to a username");
        return job_write(&q, run_update, &in);
}

static int run_delete(struct job *j, struct db *db) {
        const struct in *in = j->in;
        struct review_queue q;
        int r = review_queues_sql_get(db, j->arena, in->id, &q);

        if (r != DB_ROW) /* gone is gone */
                return r;
        r = check_may(j, db, &q, REVIEW_QUEUES_API_PRUNE);
        return r != 0 ? r : review_queues_sql_delete(db, q.id);
}

int review_queues_api_delete(struct http_request *req) {
        struct in in = {};
        struct ask q;

        ask_open(&q, req);
        in.id = ask_str(&q, "queue_id", ASK_NEED);
        return job_write(&q, run_delete, &in);
}
