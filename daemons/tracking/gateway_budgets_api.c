#include "daemons/tracking/gateway_budgets_api.h"

#include <errno.h>
#include <math.h>

#include "daemons/tracking/field_check.h"
#include "daemons/tracking/gateway_budget_window.h"
#include "daemons/tracking/gateway_budgets_sql.h"
#include "daemons/tracking/gateway_endpoints_sql.h"
#include "daemons/tracking/job.h"
#include "daemons/tracking/page_token.h"
#include "lib/base/entropy.h"
#include "lib/base/str.h"
#include "lib/net/http_request.h"

enum { WHO_MAX = 255, PAGE = 1000 };

struct in {
        const char *id, *unit, *duration_unit, *scope, *action, *by, *target;
        double amount;
        int64_t duration, max_results, offset;
        bool has_amount, has_duration, has_target;
};

/* The first name of each is no choice, but what a message holds that says nothing. */
static const char *const units[] = {"BUDGET_UNIT_UNSPECIFIED", "USD"};
static const char *const duration_units[] = {
        "DURATION_UNIT_UNSPECIFIED", "MINUTES", "HOURS", "DAYS", "WEEKS", "MONTHS"};
static const char *const scopes[] = {"TARGET_SCOPE_UNSPECIFIED", "GLOBAL", "WORKSPACE",
                                     GATEWAY_BUDGET_ENDPOINT, GATEWAY_BUDGET_USER};
static const char *const actions[] = {"BUDGET_ACTION_UNSPECIFIED", "ALERT", "REJECT"};

/* --- reading --- */

/* NULL when absent. */
static const char *choice(struct ask *q, const char *key, unsigned flags, const char *const *names,
                          size_t n) {
        int64_t value;

        return ask_enum(q, key, flags, names, n, &value) ? names[value] : NULL;
}

static void read_duration(struct ask *q, unsigned flags, struct in *in) {
        const struct json *j = q->body ? ask_get(q->body, "duration") : NULL;
        struct ask within;

        if (q->result == 0 && json_is(j, JSON_OBJECT)) {
                ask_open_within(&within, q->req, j, NULL);
                in->duration_unit =
                        choice(&within, "unit", 0, duration_units, ARRAY_SIZE(duration_units));
                if (!in->duration_unit)
                        in->duration_unit = duration_units[0];
                if (ask_i64(&within, "value", 0, &in->duration) &&
                    in->duration != (int32_t) in->duration)
                        ask_refuse_value(&within, "value");
                q->refusal = within.refusal;
                in->has_duration = ask_check(q, within.result);
        } else if (!str_empty(ask_str(q, "duration", flags)))
                ask_refuse_value(q, "duration");
}

static void check_choice(struct ask *q, const char *key, const char *value,
                         const char *const *names) {
        if (q->result == 0 && value && str_eq(value, names[0]))
                ask_check(q, refusal_invalid(&q->refusal, "Invalid %s: 0", key));
}

static void check(struct ask *q, const struct in *in) {
        check_choice(q, "budget_unit", in->unit, units);
        check_choice(q, "duration.unit", in->duration_unit, duration_units);
        if (q->result == 0 && in->has_duration && in->duration <= 0)
                ask_check(q, refusal_invalid(&q->refusal,
                                             "duration.value must be a positive integer, got %lld",
                                             (long long) in->duration));
        check_choice(q, "target_scope", in->scope, scopes);
        check_choice(q, "budget_action", in->action, actions);
        if (q->result == 0 && in->has_amount && !isfinite(in->amount))
                ask_refuse_value(q, "budget_amount");
        if (q->result == 0 && in->by)
                ask_check(q, field_check_length(&q->refusal, "created_by", WHO_MAX, in->by));
        if (q->result == 0 && in->target)
                ask_check(q, field_check_length(&q->refusal, "target_value", WHO_MAX, in->target));
}

static void read_policy(struct ask *q, unsigned flags, const char *by, struct in *in) {
        const char *target;

        in->unit = choice(q, "budget_unit", flags, units, ARRAY_SIZE(units));
        in->has_amount = ask_f64(q, "budget_amount", flags, &in->amount);
        read_duration(q, flags, in);
        in->scope = choice(q, "target_scope", flags, scopes, ARRAY_SIZE(scopes));
        in->action = choice(q, "budget_action", flags, actions, ARRAY_SIZE(actions));
        in->by = ask_given(q, by);
        target = ask_str(q, "target_value", 0);
        in->has_target = target;
        in->target = str_empty(target) ? NULL : target;
        check(q, in);
}

/* --- what it is for --- */

static bool has_target(const char *scope) {
        return str_eq(scope, GATEWAY_BUDGET_ENDPOINT) || str_eq(scope, GATEWAY_BUDGET_USER);
}

static int check_target(struct job *j, const char *scope, const char *target) {
        if (has_target(scope) && !target)
                return refusal_invalid(&j->refusal,
                                       "target_value is required when target_scope is %s.", scope);
        if (!has_target(scope) && target)
                return refusal_invalid(
                        &j->refusal,
                        "target_value can only be set when target_scope is ENDPOINT or USER.");
        if (!str_eq(scope, GATEWAY_BUDGET_USER) || j->tracking->users)
                return 0;
        return refusal_invalid(&j->refusal,
                               "USER-scoped budget policies require server authentication to be "
                               "enabled. Without auth the gateway cannot attribute requests to a "
                               "user, so the policy would never take effect.");
}

static int need_endpoint(struct job *j, struct db *db, const char *scope, const char *target) {
        struct gateway_endpoint endpoint;

        if (!target || !str_eq(scope, GATEWAY_BUDGET_ENDPOINT))
                return 0;
        return gateway_endpoints_sql_need(db, &j->refusal, target, NULL, &endpoint);
}

/* --- answers --- */

static void write_policy(struct json_write *w, const struct gateway_budget *x) {
        json_write_kv_str(w, "budget_policy_id", x->id);
        json_write_kv_str(w, "budget_unit", x->unit);
        json_write_kv_f64(w, "budget_amount", x->amount);
        json_write_kv_object(w, "duration");
        json_write_kv_str(w, "unit", x->duration_unit);
        json_write_kv_i64(w, "value", x->duration);
        json_write_end(w);
        json_write_kv_str(w, "target_scope", x->scope);
        json_write_kv_str(w, "budget_action", x->action);
        json_write_kv_str(w, "created_by", x->created_by ? x->created_by : "");
        json_write_kv_i64(w, "created_at", x->created_at_ms);
        json_write_kv_str(w, "last_updated_by", x->updated_by ? x->updated_by : "");
        json_write_kv_i64(w, "last_updated_at", x->updated_at_ms);
        if (x->target)
                json_write_kv_str(w, "target_value", x->target);
}

static int write_answer(struct job *j, const struct gateway_budget *x) {
        json_write_kv_object(&j->json, "budget_policy");
        write_policy(&j->json, x);
        json_write_end(&j->json);
        return 0;
}

/* --- requests --- */

static int run_create(struct job *j, struct db *db) {
        const struct in *in = j->in;
        char id[3 + ENTROPY_ID_SIZE] = "bp-";
        struct gateway_budget x = {
                .unit = in->unit,
                .duration_unit = in->duration_unit,
                .scope = in->scope,
                .action = in->action,
                .target = in->target,
                .created_by = in->by,
                .updated_by = in->by,
                .amount = in->amount,
                .duration = in->duration,
                .created_at_ms = tracking_now_ms(j->tracking),
        };
        int r = check_target(j, in->scope, in->target);

        if (r == 0)
                r = need_endpoint(j, db, in->scope, in->target);
        if (r == 0)
                r = entropy_id(j->tracking->entropy, id + 3);
        if (r != 0)
                return r;
        x.id = id;
        x.updated_at_ms = x.created_at_ms;
        r = gateway_budgets_sql_insert(db, &x);
        return r < 0 ? r : write_answer(j, &x);
}

int gateway_budgets_api_create(struct http_request *req) {
        struct in in = {};
        struct ask q;

        ask_open(&q, req);
        read_policy(&q, ASK_NEED, "created_by", &in);
        return job_write(&q, run_create, &in);
}

static int run_get(struct job *j, struct db *db) {
        const struct in *in = j->in;
        struct gateway_budget x;
        int r = gateway_budgets_sql_need(db, &j->refusal, in->id, &x);

        return r != 0 ? r : write_answer(j, &x);
}

int gateway_budgets_api_get(struct http_request *req) {
        struct in in = {};
        struct ask q;

        ask_open(&q, req);
        in.id = ask_str(&q, "budget_policy_id", ASK_NEED);
        return job_read(&q, run_get, &in);
}

static int run_list(struct job *j, struct db *db) {
        const struct in *in = j->in;
        DB_USE struct db_stmt *s = gateway_budgets_sql_list(db, in->max_results + 1, in->offset);
        struct gateway_budget x;
        int64_t n = 0;
        int r;

        json_write_kv_items(&j->json, "budget_policies");
        while ((r = db_step(s)) == DB_ROW && n++ < in->max_results) {
                r = gateway_budgets_sql_read(s, j->arena, &x);
                if (r < 0)
                        return r;
                json_write_object(&j->json);
                write_policy(&j->json, &x);
                json_write_end(&j->json);
        }
        json_write_end(&j->json);
        if (r < 0 || n <= in->max_results)
                return r < 0 ? r : 0;
        return page_token_write_next(&j->json, j->arena, in->offset + in->max_results);
}

int gateway_budgets_api_list(struct http_request *req) {
        struct in in = {};
        const char *token;
        struct ask q;

        ask_open(&q, req);
        (void) ask_i64(&q, "max_results", 0, &in.max_results);
        token = ask_str(&q, "page_token", 0);
        if (in.max_results == 0)
                in.max_results = PAGE;
        ask_page(&q, in.max_results, token, &in.offset);
        return job_read(&q, run_list, &in);
}

/* A target is one of its scope: it does not stay when the scope becomes another. */
static int change_target(struct job *j, struct db *db, struct gateway_budget *x) {
        const struct in *in = j->in;
        const char *scope = in->scope ? in->scope : x->scope;
        const char *kept = str_eq(scope, x->scope) ? x->target : NULL;
        const char *target = in->has_target ? in->target : kept;
        int r = in->scope || in->has_target ? check_target(j, scope, target) : 0;

        if (r == 0)
                r = need_endpoint(j, db, scope, in->target);
        x->scope = scope;
        x->target = target;
        return r;
}

static int run_update(struct job *j, struct db *db) {
        const struct in *in = j->in;
        struct gateway_budget x;
        int r = gateway_budgets_sql_need(db, &j->refusal, in->id, &x);

        if (r == 0)
                r = change_target(j, db, &x);
        if (r != 0)
                return r;
        x.unit = in->unit ? in->unit : x.unit;
        x.amount = in->has_amount ? in->amount : x.amount;
        x.duration_unit = in->has_duration ? in->duration_unit : x.duration_unit;
        x.duration = in->has_duration ? in->duration : x.duration;
        x.action = in->action ? in->action : x.action;
        x.updated_by = in->by ? in->by : x.updated_by;
        x.updated_at_ms = tracking_now_ms(j->tracking);
        r = gateway_budgets_sql_update(db, &x);
        return r < 0 ? r : write_answer(j, &x);
}

int gateway_budgets_api_update(struct http_request *req) {
        struct in in = {};
        struct ask q;

        ask_open(&q, req);
        in.id = ask_str(&q, "budget_policy_id", ASK_NEED);
        read_policy(&q, 0, "updated_by", &in);
        return job_write(&q, run_update, &in);
}

static int run_delete(struct job *j, struct db *db) {
        const struct in *in = j->in;
        struct gateway_budget x;
        int r = gateway_budgets_sql_need(db, &j->refusal, in->id, &x);

        return r != 0 ? r : gateway_budgets_sql_delete(db, in->id);
}

int gateway_budgets_api_delete(struct http_request *req) {
        struct in in = {};
        struct ask q;

        ask_open(&q, req);
        in.id = ask_str(&q, "budget_policy_id", ASK_NEED);
        return job_write(&q, run_delete, &in);
}

static int write_window(struct job *j, struct db *db, const struct gateway_budget *x) {
        int64_t start_ms, end_ms;
        double spent = 0;
        int r = gateway_budget_window(x->duration_unit, x->duration, tracking_now_ms(j->tracking),
                                      &start_ms, &end_ms);

        if (r < 0)
                return 0; /* a row of somebody else's: it has none */
        r = gateway_budgets_sql_spent(db, x, start_ms, end_ms, &spent);
        json_write_object(&j->json);
        json_write_kv_str(&j->json, "budget_policy_id", x->id);
        json_write_kv_i64(&j->json, "window_start_ms", start_ms);
        json_write_kv_i64(&j->json, "window_end_ms", end_ms);
        json_write_kv_f64(&j->json, "current_spend", spent);
        json_write_end(&j->json);
        return r;
}

static int run_windows(struct job *j, struct db *db) {
        DB_USE struct db_stmt *s = gateway_budgets_sql_list(db, INT64_MAX, 0);
        struct gateway_budget x;
        int r;

        json_write_kv_items(&j->json, "windows");
        while ((r = db_step(s)) == DB_ROW) {
                r = gateway_budgets_sql_read(s, j->arena, &x);
                if (r == 0)
                        r = write_window(j, db, &x);
                if (r < 0)
                        return r;
        }
        json_write_end(&j->json);
        return r;
}

int gateway_budgets_api_windows(struct http_request *req) {
        struct in in = {};
        struct ask q;

        ask_open(&q, req);
        return job_read(&q, run_windows, &in);
}
