#include "daemons/tracking/scorers_api.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemons/tracking/access.h"
#include "daemons/tracking/experiments_sql.h"
#include "daemons/tracking/field_check.h"
#include "daemons/tracking/job.h"
#include "daemons/tracking/python_json.h"
#include "daemons/tracking/python_text.h"
#include "daemons/tracking/scorers_sql.h"
#include "lib/base/entropy.h"
#include "lib/base/str.h"
#include "lib/net/http_request.h"
#include "lib/net/http_target.h"

enum { SCORER_NAME_MAX = 256 };

struct in {
        const char *experiment_id, *name, *serialized;
        int64_t version; /* 0: the latest, or all */
};

/* --- reading --- */

static bool brings_code(const struct json *j) {
        const struct json *item, *code = json_get(j, "call_source");

        if (code && !json_is(code, JSON_NULL))
                return true;
        json_each (item, j) {
                if (brings_code(item)) /* as deep as the parser lets it be */
                        return true;
        }
        return false;
}

static bool code_is_allowed(void) {
        const char *text = getenv("MLFLOW_SERVER_ENABLE_CUSTOM_SCORERS");
        bool allowed = false;

        return text && str_to_bool(text, &allowed) == 0 && allowed;
}

static int check_serialized(struct ask *q, const char *text) {
        struct json *root = NULL;
        int r = json_parse_copy(q->arena, text, strlen(text), &root, NULL);

        if (r == -EINVAL)
                return refusal_invalid(&q->refusal, "serialized_scorer must be valid JSON");
        if (r < 0 || !brings_code(root) || code_is_allowed())
                return r;
        return refusal_invalid(&q->refusal,
                               "A scorer that brings code of its own cannot be registered here: it "
                               "would be run where scorers are. Set "
                               "MLFLOW_SERVER_ENABLE_CUSTOM_SCORERS=true for the server if you "
                               "trust all who may register one.");
}

static int check_name(struct ask *q, const char *name) {
        const char *stripped = python_text_strip(q->arena, name);

        if (!stripped)
                return -ENOMEM;
        if (!*stripped)
                return refusal_invalid(&q->refusal,
                                       "Scorer name cannot be empty or contain only whitespace.");
        return field_check_length(&q->refusal, "name", SCORER_NAME_MAX, name);
}

static void open_one(struct ask *q, struct http_request *req, struct in *in) {
        *in = (struct in){};
        ask_open(q, req);
        in->experiment_id = ask_str(q, "experiment_id", ASK_NEED);
        in->name = ask_str(q, "name", ASK_NEED);
}

/* --- what is there --- */

static int need_experiment(struct job *j, struct db *db, const char *id, struct experiment *ret) {
        int r = experiments_sql_need(db, &j->refusal, id, EXPERIMENTS_SQL_ANY, ret);

        return r != 0 ? r : experiments_sql_need_active(&j->refusal, ret);
}

static int absent(struct job *j, const struct in *in) {
        const char *version =
                in->version ? arena_printf(j->arena, " and version %" PRId64, in->version) : "";

        return refusal_set(&j->refusal, REFUSAL_RESOURCE_DOES_NOT_EXIST,
                           "Scorer with name '%s'%s not found for experiment %s.", in->name,
                           version ? version : "", in->experiment_id);
}

/* What permissions on it are on; NULL when out of memory. */
static const char *key_of(struct arena *a, int64_t experiment_id, const char *name) {
        char *text = arena_alloc(a, 3 * strlen(name) + 1);

        if (!text)
                return NULL;
        text[http_target_encode(text, name, strlen(name), "")] = '\0';
        return arena_printf(a, "%" PRId64 "/%s", experiment_id, text);
}

/* Permissions are on the scorer, by its key, not on its experiment. */
static int need(struct job *j, struct db *db, const struct in *in, const char **ret_id,
                const char **ret_key) {
        const struct access *access = j->refusal.access;
        struct experiment e;
        int r;

        j->refusal.access = NULL;
        r = need_experiment(j, db, in->experiment_id, &e);
        j->refusal.access = access;
        if (r != 0)
                return r;
        *ret_key = key_of(j->arena, e.id, in->name);
        r = *ret_key ? access_check(&j->refusal, ACCESS_SCORER, *ret_key) : -ENOMEM;
        if (r != 0)
                return r;
        r = scorers_sql_get(db, j->arena, e.id, in->name, ret_id);
        return r == DB_DONE ? absent(j, in) : r < 0 ? r : 0;
}

static void write_scorer(struct json_write *w, const struct scorer *x) {
        json_write_kv_i64(w, "experiment_id", x->experiment_id);
        json_write_kv_str(w, "scorer_name", x->name);
        json_write_kv_i64(w, "scorer_version", x->version);
        json_write_kv_str(w, "serialized_scorer", x->serialized);
        json_write_kv_i64(w, "creation_time", x->created_at_ms);
        json_write_kv_str(w, "scorer_id", x->id);
}

/* Lists give it as Python would write it again. */
static int print_again(struct job *j, struct scorer *x) {
        struct json *root = NULL;
        const char *text = NULL;
        int r = json_parse_copy(j->arena, x->serialized, strlen(x->serialized), &root, NULL);

        if (r == 0)
                text = python_json_text(root, 0, j->arena, &r);
        if (r == -ENOMEM)
                return r;
        x->serialized = text ? text : x->serialized; /* what we cannot read is as it is */
        return 0;
}

static int check_row(struct job *j, const struct scorer *x) {
        const char *key = j->refusal.access ? key_of(j->arena, x->experiment_id, x->name) : "";
        int r = access_check_experiment(&j->refusal, x->experiment_id);

        if (r == 0)
                r = key ? access_check(&j->refusal, ACCESS_SCORER, key) : -ENOMEM;
        return r;
}

/* of_all: not of one that was looked at before. */
static int write_list(struct job *j, struct db_stmt *s, bool of_all) {
        struct scorer x;
        int r;

        json_write_kv_items(&j->json, "scorers");
        while ((r = db_step(s)) == DB_ROW) {
                r = scorers_sql_read(s, j->arena, &x);
                if (r == 0 && of_all)
                        r = check_row(j, &x);
                if (r < 0)
                        return r;
                if (r == REFUSED) /* not this one's to see */
                        continue;
                r = print_again(j, &x);
                if (r < 0)
                        return r;
                json_write_object(&j->json);
                write_scorer(&j->json, &x);
                json_write_end(&j->json);
        }
        json_write_end(&j->json);
        return r;
}

/* --- the calls --- */

static int new_scorer(struct job *j, struct db *db, const struct scorer *x, const char **ret_id) {
        char hex[ENTROPY_ID_SIZE];
        struct scorer made = *x;
        int r = entropy_id(j->tracking->entropy, hex);

        if (r < 0)
                return r;
        made.id = arena_printf(j->arena, "%.8s-%.4s-%.4s-%.4s-%s", hex, hex + 8, hex + 12, hex + 16,
                               hex + 20);
        *ret_id = made.id;
        return made.id ? scorers_sql_insert(db, &made) : -ENOMEM;
}

static int run_register(struct job *j, struct db *db) {
        const struct in *in = j->in;
        struct scorer x = {.name = in->name, .serialized = in->serialized};
        struct experiment e;
        const char *key;
        char id[24];
        int r = need_experiment(j, db, in->experiment_id, &e);

        if (r != 0)
                return r;
        key = key_of(j->arena, e.id, in->name);
        if (!key)
                return -ENOMEM;
        if (access_is_denied(j->refusal.access, ACCESS_SCORER, key))
                return refusal_set(&j->refusal, REFUSAL_PERMISSION_DENIED, "Permission denied.");
        x.experiment_id = e.id;
        x.created_at_ms = tracking_now_ms(j->tracking);
        r = scorers_sql_get(db, j->arena, e.id, in->name, &x.id);
        if (r == DB_DONE) {
                r = new_scorer(j, db, &x, &x.id);
                j->made_type = ACCESS_SCORER;
                j->made_id = key;
        }
        if (r >= 0)
                r = scorers_sql_last(db, x.id, &x.version);
        if (r < 0)
                return r;
        x.version++;
        r = scorers_sql_version_insert(db, &x);
        snprintf(id, sizeof(id), "%" PRId64, x.experiment_id);
        json_write_kv_i64(&j->json, "version", x.version);
        json_write_kv_str(&j->json, "scorer_id", x.id);
        json_write_kv_str(&j->json, "experiment_id", id);
        json_write_kv_str(&j->json, "name", x.name);
        json_write_kv_str(&j->json, "serialized_scorer", x.serialized);
        json_write_kv_i64(&j->json, "creation_time", x.created_at_ms);
        return r;
}

int scorers_api_register(struct http_request *req) {
        struct in in;
        struct ask q;

        open_one(&q, req, &in);
        in.serialized = ask_str(&q, "serialized_scorer", ASK_NEED);
        if (q.result == 0)
                ask_check(&q, check_serialized(&q, in.serialized));
        if (q.result == 0)
                ask_check(&q, check_name(&q, in.name));
        return job_write(&q, run_register, &in);
}

static int run_list(struct job *j, struct db *db) {
        const struct in *in = j->in;
        DB_USE struct db_stmt *s = NULL;
        struct experiment e = {.id = -1};
        int r = 0;

        if (!str_empty(in->experiment_id))
                r = need_experiment(j, db, in->experiment_id, &e);
        if (r != 0)
                return r;
        s = scorers_sql_list(db, e.id);
        return write_list(j, s, e.id < 0);
}

int scorers_api_list(struct http_request *req) {
        struct in in = {};
        struct ask q;

        ask_open(&q, req);
        in.experiment_id = ask_str(&q, "experiment_id", 0);
        return job_read(&q, run_list, &in);
}

static int run_versions(struct job *j, struct db *db) {
        DB_USE struct db_stmt *s = NULL;
        const char *id, *key;
        int r = need(j, db, j->in, &id, &key);

        if (r != 0)
                return r;
        s = scorers_sql_versions(db, id);
        return write_list(j, s, false);
}

int scorers_api_versions(struct http_request *req) {
        struct in in;
        struct ask q;

        open_one(&q, req, &in);
        return job_read(&q, run_versions, &in);
}

static int run_get(struct job *j, struct db *db) {
        const struct in *in = j->in;
        struct scorer x;
        const char *id, *key;
        int r = need(j, db, in, &id, &key);

        if (r != 0)
                return r;
        r = scorers_sql_version(db, j->arena, id, in->version, &x);
        if (r != DB_ROW)
                return r == DB_DONE ? absent(j, in) : r;
        json_write_kv_object(&j->json, "scorer");
        write_scorer(&j->json, &x);
        json_write_end(&j->json);
        return 0;
}

int scorers_api_get(struct http_request *req) {
        struct in in;
        struct ask q;

        open_one(&q, req, &in);
        ask_i64(&q, "version", 0, &in.version);
        return job_read(&q, run_get, &in);
}

static int run_delete(struct job *j, struct db *db) {
        const struct in *in = j->in;
        const char *id, *key;
        int64_t n = 0;
        int r = need(j, db, in, &id, &key);

        if (r != 0)
                return r;
        if (!in->version) {
                j->gone_type = ACCESS_SCORER;
                j->gone_id = key;
                return scorers_sql_delete(db, id);
        }
        r = scorers_sql_version_delete(db, id, in->version, &n);
        return r == 0 && n == 0 ? absent(j, in) : r;
}

int scorers_api_delete(struct http_request *req) {
        struct in in;
        struct ask q;

        open_one(&q, req, &in);
        ask_i64(&q, "version", 0, &in.version);
        return job_write(&q, run_delete, &in);
}

/* --- scorers that run by themselves: nothing runs here, what was written down is told --- */

struct online_in {
        const char **ids;
        size_t n;
};

static int write_online(struct job *j, const char *scorer_id, const struct scorer_online *x) {
        int r = check_row(j, &x->scorer);

        if (r == 0)
                r = access_check_experiment(&j->refusal, x->experiment_id);
        if (r != 0)
                return r;
        json_write_object(&j->json);
        json_write_kv_str(&j->json, "online_scoring_config_id", x->id);
        json_write_kv_str(&j->json, "scorer_id", scorer_id);
        json_write_kv_f64(&j->json, "sample_rate", x->sample_rate);
        json_write_kv_str(&j->json, "experiment_id",
                          arena_printf(j->arena, "%" PRId64, x->experiment_id));
        if (x->filter)
                json_write_kv_str(&j->json, "filter_string", x->filter);
        json_write_end(&j->json);
        return 0;
}

static int write_online_of(struct job *j, struct db *db, const char *scorer_id) {
        DB_USE struct db_stmt *s = scorers_sql_online(db, scorer_id);
        struct scorer_online x;
        int r;

        while ((r = db_step(s)) == DB_ROW) {
                r = scorers_sql_read_online(s, j->arena, &x);
                if (r == 0)
                        r = write_online(j, scorer_id, &x);
                if (r != 0)
                        return r;
        }
        return r < 0 ? r : 0;
}

static int by_text(const void *a, const void *b) {
        return strcmp(*(const char *const *) a, *(const char *const *) b);
}

static int run_online(struct job *j, struct db *db) {
        const struct online_in *in = j->in;
        int r = 0;

        j->json.flags = JSON_WRITE_ASCII | JSON_WRITE_SPACED; /* this answer is on one line */
        json_write_kv_array(&j->json, "configs");
        for (size_t i = 0; r == 0 && i < in->n; i++)
                if (i == 0 || strcmp(in->ids[i], in->ids[i - 1]) != 0)
                        r = write_online_of(j, db, in->ids[i]);
        json_write_end(&j->json);
        return r;
}

int scorers_api_online(struct http_request *req) {
        struct online_in in;
        struct ask q;

        ask_open(&q, req);
        in.ids = ask_list(&q, "scorer_ids", ASK_NEED, &in.n);
        if (in.n > 0)
                qsort(in.ids, in.n, sizeof(*in.ids), by_text); /* each is told once */
        return job_read(&q, run_online, &in);
}
