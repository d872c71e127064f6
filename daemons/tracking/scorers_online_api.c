#include "daemons/tracking/scorers_online_api.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemons/tracking/access.h"
#include "daemons/tracking/python_json.h"
#include "daemons/tracking/scorer_model.h"
#include "daemons/tracking/scorer_of.h"
#include "daemons/tracking/trace_filter.h"
#include "lib/base/entropy.h"
#include "lib/base/json_number.h"
#include "lib/base/str.h"

/* These answers are on one line. */
#define ONE_LINE (JSON_WRITE_ASCII | JSON_WRITE_SPACED)

static void write_config(struct job *j, const char *scorer_id, const struct scorer_online *x) {
        json_write_kv_str(&j->json, "online_scoring_config_id", x->id);
        json_write_kv_str(&j->json, "scorer_id", scorer_id);
        json_write_kv_f64(&j->json, "sample_rate", x->sample_rate);
        json_write_kv_i64_text(&j->json, "experiment_id", x->experiment_id);
        if (x->filter)
                json_write_kv_str(&j->json, "filter_string", x->filter);
        json_write_end(&j->json);
}

/* Beside the right on its experiment: nobody has denied the scorer to him. 0, REFUSED or -ENOMEM.
 */
static int check_not_denied(struct job *j, int64_t experiment_id, const char *name) {
        const char *key = scorer_of_key(j->arena, experiment_id, name);

        if (!key)
                return -ENOMEM;
        return access_is_denied(j->refusal.access, ACCESS_SCORER, key)
                       ? refusal_set(&j->refusal, REFUSAL_PERMISSION_DENIED, "Permission denied.")
                       : 0;
}

/* --- all of some scorers --- */

struct list_in {
        const char **ids;
        size_t n;
};

static int list_one(struct job *j, const char *scorer_id, const struct scorer_online *x) {
        int r = access_check_experiment(&j->refusal, x->experiment_id);

        if (r == 0)
                r = check_not_denied(j, x->experiment_id, x->scorer.name);
        if (r != 0)
                return r;
        json_write_object(&j->json);
        write_config(j, scorer_id, x);
        return 0;
}

static int list_of(struct job *j, struct db *db, const char *scorer_id) {
        DB_USE struct db_stmt *s = scorers_sql_online(db, scorer_id);
        struct scorer_online x;
        int r;

        while ((r = db_step(s)) == DB_ROW) {
                r = scorers_sql_read_online(s, j->arena, &x);
                if (r == 0)
                        r = list_one(j, scorer_id, &x);
                if (r != 0)
                        return r;
        }
        return r < 0 ? r : 0;
}

static int by_text(const void *a, const void *b) {
        return strcmp(*(const char *const *) a, *(const char *const *) b);
}

static int run_list(struct job *j, struct db *db) {
        const struct list_in *in = j->in;
        int r = 0;

        j->json.flags = ONE_LINE;
        json_write_kv_array(&j->json, "configs");
        for (size_t i = 0; r == 0 && i < in->n; i++)
                if (i == 0 || strcmp(in->ids[i], in->ids[i - 1]) != 0)
                        r = list_of(j, db, in->ids[i]);
        json_write_end(&j->json);
        return r;
}

int scorers_online_api_list(struct http_request *req) {
        struct list_in in;
        struct ask q;

        ask_open(&q, req);
        in.ids = ask_list(&q, "scorer_ids", ASK_NEED, &in.n);
        if (in.n > 0)
                qsort(in.ids, in.n, sizeof(*in.ids), by_text); /* each is told once */
        return job_read(&q, run_list, &in);
}

/* --- one of a scorer --- */

struct set_in {
        const char *experiment_id, *name;
        struct scorer_online config;
};

static int check_latest(struct job *j, struct db *db, const char *id) {
        const struct set_in *in = j->in;
        struct scorer x;
        int r = scorers_sql_version(db, j->arena, id, 0, &x);

        if (r != DB_ROW)
                return r < 0 ? r : 0;
        return scorer_model_check_online(j, in->name, x.serialized);
}

/* Who may change the experiment may, unless the scorer is denied to him. */
static int need(struct job *j, struct db *db, struct experiment *ret, const char **ret_id) {
        const struct set_in *in = j->in;
        int r = scorer_of_experiment(j, db, in->experiment_id, ret);

        if (r == 0)
                r = check_not_denied(j, ret->id, in->name);
        if (r != 0)
                return r;
        r = scorers_sql_get(db, j->arena, ret->id, in->name, ret_id);
        return r == DB_DONE ? scorer_of_absent(j, in->experiment_id, in->name, 0) : r < 0 ? r : 0;
}

static int run_set(struct job *j, struct db *db) {
        const struct set_in *in = j->in;
        struct scorer_online x = in->config;
        char hex[ENTROPY_ID_SIZE];
        struct experiment e;
        const char *id;
        int r = need(j, db, &e, &id);

        if (r == 0 && x.sample_rate > 0)
                r = check_latest(j, db, id);
        if (r == 0)
                r = entropy_id(j->tracking->entropy, hex);
        if (r != 0)
                return r;
        x.id = hex;
        x.experiment_id = e.id;
        r = scorers_sql_online_set(db, id, &x);
        if (r < 0)
                return r;
        j->json.flags = ONE_LINE;
        json_write_kv_object(&j->json, "config");
        write_config(j, id, &x);
        return 0;
}

static int check_rate(struct ask *q, double rate) {
        char text[JSON_NUMBER_SIZE];

        if (rate >= 0 && rate <= 1)
                return 0;
        (void) json_number_print_f64(rate, text);
        return refusal_invalid(&q->refusal, "sample_rate must be between 0.0 and 1.0, got %s",
                               text);
}

/* A text or nothing. */
static int read_filter(struct ask *q, const char **ret) {
        const struct json *j = q->body ? json_get(q->body, "filter_string") : NULL;
        const char *text;
        int r = 0;

        if (!j || json_is(j, JSON_NULL) || json_str(j, ret) == 0)
                return 0;
        text = python_json_str(j, q->arena, &r);
        return !text ? r
                     : refusal_invalid(&q->refusal,
                                       "Invalid value %s for parameter 'filter_string' supplied: "
                                       "Value was of type '%s'. Expected type 'str' or None.",
                                       text, python_json_type(j));
}

static int check_filter(struct ask *q, const char *filter) {
        struct trace_filter parsed;

        return str_empty(filter) ? 0 : trace_filter_parse(filter, &q->refusal, &parsed);
}

int scorers_online_api_set(struct http_request *req) {
        struct set_in in = {};
        struct ask q;

        ask_open(&q, req);
        in.experiment_id = ask_str(&q, "experiment_id", ASK_NEED);
        in.name = ask_str(&q, "name", ASK_NEED);
        ask_f64(&q, "sample_rate", ASK_NEED, &in.config.sample_rate);
        if (q.result == 0)
                ask_check(&q, read_filter(&q, &in.config.filter));
        if (q.result == 0)
                ask_check(&q, check_rate(&q, in.config.sample_rate));
        if (q.result == 0)
                ask_check(&q, check_filter(&q, in.config.filter));
        return job_write(&q, run_set, &in);
}
