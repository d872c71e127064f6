#include "daemons/tracking/traces_start.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "daemons/tracking/assessments_json.h"
#include "daemons/tracking/experiments_sql.h"
#include "daemons/tracking/field_check.h"
#include "daemons/tracking/traces_spans.h"
#include "lib/base/entropy.h"
#include "lib/base/str.h"

/* They have columns of their own. */
static bool is_promoted(const char *key) {
        return str_eq(key, "mlflow.trace.session") || str_eq(key, "mlflow.trace.tokenUsage") ||
               str_eq(key, "mlflow.trace.cost");
}

static int put_tags(struct job *j, struct db *db, const struct traces_json_given *g) {
        const struct json *item;
        const char *value;
        int r = 0;

        json_each (item, g->tags) {
                if (r != 0)
                        return r;
                if (!json_is(item, JSON_STRING) || str_eq(item->key, "mlflow.traceName") ||
                    traces_json_is_reserved(item->key))
                        continue;
                value = item->str;
                r = field_check_tag(&j->refusal, "", item->key, &value);
                if (r == 0)
                        r = traces_sql_tag_set(db, g->trace.id, item->key, value);
        }
        return r;
}

static int put_metadata(struct job *j, struct db *db, const struct traces_json_given *g) {
        const struct json *item;
        const char *value;
        int r = 0;

        json_each (item, g->metadata) {
                if (r != 0)
                        return r;
                if (!json_is(item, JSON_STRING) || is_promoted(item->key))
                        continue;
                value = item->str;
                r = field_check_tag(&j->refusal, "", item->key, &value);
                if (r == 0)
                        r = traces_sql_metadata_set(db, g->trace.id, item->key, value);
        }
        return r;
}

static int put_assessment(struct job *j, struct db *db, const struct trace *t,
                          const struct json *item) {
        const char *owner = NULL;
        char id[ENTROPY_ID_SIZE];
        struct assessment x;
        int r = assessments_json_read(&j->refusal, item, tracking_now_ms(j->tracking), &x);

        if (r == 0 && !x.id) {
                r = entropy_id(j->tracking->entropy, id);
                x.id = r == 0 ? arena_printf(j->arena, "a-%s", id) : "";
                if (!x.id)
                        return -ENOMEM;
        }
        if (r != 0)
                return r;
        r = assessments_sql_owner(db, x.id, j->arena, &owner);
        if (r < 0)
                return r;
        if (r == DB_ROW && !str_eq(owner, t->id))
                return refusal_invalid(&j->refusal,
                                       "Assessment with ID '%s' belongs to another trace.", x.id);
        x.trace_id = t->id;
        return r == DB_ROW ? assessments_sql_update(db, &x) : assessments_sql_insert(db, t, &x);
}

/* What the spans gave stands where the client says nothing. */
static void merge(struct trace *t, const struct traces_json_given *g) {
        const struct trace old = *t;

        *t = g->trace;
        if (!json_get(g->tags, "mlflow.traceName"))
                t->name = old.name;
        if (!t->request_preview)
                t->request_preview = old.request_preview;
        if (!t->response_preview)
                t->response_preview = old.response_preview;
        if (!t->session)
                t->session = old.session;
        for (size_t i = 0; i < TRACES_SQL_TOKENS; i++)
                if (!t->has_tokens[i]) {
                        t->has_tokens[i] = old.has_tokens[i];
                        t->tokens[i] = old.tokens[i];
                }
        for (size_t i = 0; i < TRACES_SQL_COSTS; i++)
                if (!t->has_costs[i]) {
                        t->has_costs[i] = old.has_costs[i];
                        t->costs[i] = old.costs[i];
                }
}

static int put_trace(struct job *j, struct db *db, const struct traces_json_given *g,
                     struct trace *ret) {
        int r = traces_sql_get(db, g->trace.id, j->arena, ret);

        if (r < 0)
                return r;
        if (r == DB_DONE) {
                *ret = g->trace;
                return traces_sql_insert(db, ret);
        }
        if (ret->experiment_id != g->trace.experiment_id)
                return refusal_invalid(&j->refusal,
                                       "Trace with ID '%s' already exists in another experiment.",
                                       g->trace.id);
        merge(ret, g);
        r = traces_sql_update(db, ret);
        return r != 0 ? r : traces_sql_move_assessments(db, ret->id, ret->at_ms);
}

int traces_start_pairs(struct job *j, struct db *db, const struct traces_json_given *given) {
        int r = put_tags(j, db, given);

        return r != 0 ? r : put_metadata(j, db, given);
}

int traces_start_v2(struct job *j, struct db *db, const struct traces_json_given *given,
                    struct trace *ret) {
        struct experiment e;
        char id[24];
        int r;

        snprintf(id, sizeof(id), "%" PRId64, given->trace.experiment_id);
        r = experiments_sql_need(db, &j->refusal, id, EXPERIMENTS_SQL_ANY, &e);
        if (r == 0)
                r = experiments_sql_need_active(&j->refusal, &e);
        if (r == 0)
                r = put_trace(j, db, given, ret);
        if (r == 0)
                r = traces_start_pairs(j, db, given);
        return r != 0 ? r : traces_spans_locate(j, db, ret->experiment_id, ret->id);
}

int traces_start(struct job *j, struct db *db, const struct traces_json_given *given,
                 struct trace *ret) {
        const struct json *item;
        int r = traces_start_v2(j, db, given, ret);

        /* What the client said stands from now on, whatever spans still come. */
        if (r == 0)
                r = traces_sql_metadata_set(db, ret->id, "mlflow.trace.infoFinalized", "true");
        json_each (item, given->assessments) {
                if (r == 0)
                        r = put_assessment(j, db, ret, item);
        }
        return r;
}
