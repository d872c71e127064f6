#include "daemons/tracking/filter_check.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "daemons/tracking/field_check.h"
#include "lib/base/buf.h"
#include "lib/base/json_number.h"
#include "lib/base/str.h"

#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})

/* What each comparison is allowed for, as bits. */
#define OP(x) (1u << FILTER_##x)
#define OPS_NUMBER (OP(EQ) | OP(NE) | OP(LT) | OP(LE) | OP(GT) | OP(GE))
#define OPS_TEXT (OP(EQ) | OP(NE) | OP(LIKE) | OP(ILIKE))
#define OPS_LIST (OPS_TEXT | OP(IN) | OP(NOT_IN))
#define OPS_NULL (OPS_TEXT | OP(IS_NULL) | OP(IS_NOT_NULL))

static const char names_number[] = "{'>', '>=', '!=', '=', '<', '<='}";
static const char names_list[] = "{'!=', '=', 'LIKE', 'ILIKE', 'IN', 'NOT IN'}";
static const char names_null[] = "{'!=', '=', 'LIKE', 'ILIKE', 'IS NULL', 'IS NOT NULL'}";

const char *const filter_check_datasets[] = {"name", "digest", "context", NULL};

/* What is looked for is what is ordered by: MLflow takes any column of the table. */
#define LOGGED_MODELS_COLUMNS                                                              \
        "name", "model_id", "model_type", "status", "source_run_id", "creation_timestamp", \
                "creation_timestamp_ms", "creation_time", "last_updated_timestamp",        \
                "last_updated_timestamp_ms", "experiment_id", "artifact_location",         \
                "lifecycle_stage", "status_message"

static const struct filter_check_family families[] = {
        [FILTER_RUNS] =
                {
                        LIST("run_id", "run_name", "user_id", "status", "start_time", "end_time",
                             "artifact_uri", "created", "Created", "run name", "Run name",
                             "Run Name"),
                        LIST("run_id", "run_name", "user_id", "status", "start_time", "end_time",
                             "artifact_uri", "created", "Created"),
                        LIST("start_time", "end_time"),
                },
        [FILTER_EXPERIMENTS] =
                {
                        LIST("name", "experiment_id", "creation_time", "last_update_time"),
                        LIST("name", "experiment_id", "creation_time", "last_update_time"),
                        LIST("creation_time", "last_update_time"),
                },
        [FILTER_REGISTERED_MODELS] =
                {
                        LIST("name"),
                        LIST("name", "timestamp", "last_updated_timestamp"),
                        LIST("timestamp", "last_updated_timestamp"),
                },
        [FILTER_MODEL_VERSIONS] =
                {
                        LIST("name", "version_number", "run_id", "source_path"),
                        LIST("name", "version_number", "creation_timestamp",
                             "last_updated_timestamp"),
                        LIST("version_number", "creation_timestamp", "last_updated_timestamp"),
                },
        [FILTER_LOGGED_MODELS] =
                {
                        LIST(LOGGED_MODELS_COLUMNS),
                        LIST(LOGGED_MODELS_COLUMNS),
                        LIST("creation_timestamp", "last_updated_timestamp"),
                },
        [FILTER_EVALUATION_DATASETS] =
                {
                        LIST("name", "created_time", "last_update_time", "created_by",
                             "last_updated_by"),
                        LIST("name", "created_time", "last_update_time"),
                        LIST("created_time", "last_update_time"),
                },
};

const struct filter_check_family *filter_check_family(enum filter_family family) {
        assert((size_t) family < ARRAY_SIZE(families));
        return &families[family];
}

const char *filter_check_alias(enum filter_family family, const char *key) {
        static const struct {
                enum filter_family family;
                const char *alias, *name;
        } rows[] = {
                {FILTER_RUNS, "created", "start_time"},
                {FILTER_RUNS, "Created", "start_time"},
                {FILTER_RUNS, "run name", "run_name"},
                {FILTER_RUNS, "Run name", "run_name"},
                {FILTER_RUNS, "Run Name", "run_name"},
                {FILTER_LOGGED_MODELS, "creation_time", "creation_timestamp"},
                {FILTER_LOGGED_MODELS, "creation_timestamp_ms", "creation_timestamp"},
                {FILTER_LOGGED_MODELS, "last_updated_timestamp_ms", "last_updated_timestamp"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                if (rows[i].family == family && str_eq(rows[i].alias, key))
                        return rows[i].name;
        return key;
}

/* Which families know an entity by this name. */
#define IN_RUNS (1u << FILTER_RUNS)
#define IN_EXPERIMENTS (1u << FILTER_EXPERIMENTS)
#define IN_REGISTRY (1u << FILTER_REGISTERED_MODELS | 1u << FILTER_MODEL_VERSIONS)
#define IN_LOGGED (1u << FILTER_LOGGED_MODELS)
#define IN_DATASETS (1u << FILTER_EVALUATION_DATASETS)

static int refuse_entity(enum filter_family family, const char *name, struct refusal *r) {
        switch (family) {
        case FILTER_RUNS:
                return refusal_invalid(r,
                                       "Invalid entity type '%s'. Valid values are ['metric', "
                                       "'parameter', 'tag', 'attribute', 'dataset']",
                                       name);
        case FILTER_LOGGED_MODELS:
                return refusal_invalid(r,
                                       "Invalid entity type: '%s'. Expected one of ['attributes', "
                                       "'metrics', 'params', 'tags'].",
                                       name);
        case FILTER_EVALUATION_DATASETS:
                return refusal_invalid(r, "Invalid identifier token '%s' specified", name);
        default:
                return refusal_invalid(
                        r, "Invalid entity type '%s'. Valid entity types are (%s'tag', 'tags')",
                        name,
                        family == FILTER_EXPERIMENTS ? "'attribute', 'attributes', "
                                                     : "'attribute', ");
        }
}

int filter_check_entity(enum filter_family family, const char *name, struct refusal *r,
                        enum filter_entity *ret) {
        static const struct {
                const char *name;
                enum filter_entity entity;
                unsigned families;
        } rows[] = {
                {"attribute", FILTER_ATTRIBUTE, IN_RUNS | IN_EXPERIMENTS | IN_REGISTRY},
                {"attributes", FILTER_ATTRIBUTE, IN_RUNS | IN_EXPERIMENTS | IN_LOGGED},
                {"attr", FILTER_ATTRIBUTE, IN_RUNS},
                {"run", FILTER_ATTRIBUTE, IN_RUNS},
                {"tag", FILTER_TAG, IN_RUNS | IN_EXPERIMENTS | IN_REGISTRY},
                {"tags", FILTER_TAG,
                 IN_RUNS | IN_EXPERIMENTS | IN_REGISTRY | IN_LOGGED | IN_DATASETS},
                {"metric", FILTER_METRIC, IN_RUNS},
                {"metrics", FILTER_METRIC, IN_RUNS | IN_LOGGED},
                {"parameter", FILTER_PARAM, IN_RUNS},
                {"parameters", FILTER_PARAM, IN_RUNS},
                {"param", FILTER_PARAM, IN_RUNS},
                {"params", FILTER_PARAM, IN_RUNS | IN_LOGGED},
                {"dataset", FILTER_DATASET, IN_RUNS},
                {"datasets", FILTER_DATASET, IN_RUNS},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                if (rows[i].families & 1u << family && str_eq(rows[i].name, name)) {
                        *ret = rows[i].entity;
                        return 0;
                }
        return refuse_entity(family, name, r);
}

int filter_check_unknown(enum filter_family family, const char *key, const char *const *valid,
                         const char *what, struct refusal *r) {
        bool colon = family == FILTER_EVALUATION_DATASETS;
        _cleanup_buf_ struct buf names = {};

        for (size_t i = 0; valid[i]; i++)
                buf_printf(&names, "%s'%s'", i ? ", " : "", valid[i]);
        if (buf_error(&names) < 0)
                return buf_error(&names);
        return refusal_invalid(r, "Invalid %s key '%s' specified. Valid keys are%s{%s}%s", what,
                               key, colon ? ": " : " '", buf_cstr(&names), colon ? "" : "'");
}

int filter_check_null(enum filter_family family, enum filter_op op, struct refusal *r) {
        if (op != FILTER_IS_NULL && op != FILTER_IS_NOT_NULL)
                return 0;
        switch (family) {
        case FILTER_REGISTERED_MODELS:
                return refusal_invalid(r, "IS NULL / IS NOT NULL is not supported for registered "
                                          "model search.");
        case FILTER_MODEL_VERSIONS:
                return refusal_invalid(
                        r, "IS NULL / IS NOT NULL is not supported for model version search.");
        case FILTER_LOGGED_MODELS:
                return refusal_invalid(
                        r, "IS NULL / IS NOT NULL is not supported for logged model search.");
        default:
                return 0;
        }
}

int filter_check_nullable(enum filter_family family, enum filter_entity entity, const char *key,
                          struct refusal *r) {
        if (entity == FILTER_TAG || (family == FILTER_RUNS && entity == FILTER_PARAM))
                return 0;
        if (family == FILTER_RUNS || family == FILTER_EVALUATION_DATASETS)
                return refusal_invalid(r,
                                       "IS NULL / IS NOT NULL is only supported for tags and "
                                       "params, not for '%s' '%s'",
                                       filter_parse_entity_name(entity), key);
        return refusal_invalid(
                r, "IS NULL / IS NOT NULL is only supported for tags, not for attribute '%s'", key);
}

static int check_runs(const struct filter_clause *c, bool numeric, const char *text,
                      struct refusal *r) {
        static const struct {
                unsigned ops;
                const char *names, *end;
        } rows[] = {
                [FILTER_ATTRIBUTE] = {OPS_LIST, names_list, "'"},
                [FILTER_METRIC] = {OPS_NUMBER, names_number, ""},
                [FILTER_PARAM] = {OPS_NULL, names_null, "'"},
                [FILTER_TAG] = {OPS_NULL, names_null, ""},
                [FILTER_DATASET] = {OPS_LIST, names_list, ""},
        };
        unsigned ops = numeric ? OPS_NUMBER : rows[c->entity].ops;

        if (ops & 1u << c->op)
                return 0;
        return refusal_invalid(r, "Invalid comparator '%s' not one of '%s%s", text,
                               rows[c->entity].names, numeric ? "" : rows[c->entity].end);
}

static int check_experiments(const struct filter_clause *c, bool numeric, const char *text,
                             struct refusal *r) {
        if (c->entity == FILTER_TAG)
                return OPS_NULL & 1u << c->op
                               ? 0
                               : refusal_invalid(r, "Invalid comparator for tag: %s", text);
        if (str_eq(c->key, "experiment_id"))
                return (OP(EQ) | OP(NE) | OP(IN) | OP(NOT_IN)) & 1u << c->op
                               ? 0
                               : refusal_invalid(r, "Invalid comparator for experiment_id: %s",
                                                 text);
        if ((numeric ? OPS_NUMBER : OPS_TEXT) & 1u << c->op)
                return 0;
        if (!numeric && OPS_LIST & 1u << c->op)
                return refusal_invalid(r, "Invalid comparator for string attribute: %s", text);
        return refusal_invalid(r, "Invalid comparator '%s' not one of '%s%s", text, names_list,
                               numeric ? "" : "'");
}

static int check_registry(enum filter_family family, const struct filter_clause *c, bool numeric,
                          const char *text, struct refusal *r) {
        if (c->entity == FILTER_TAG)
                return OPS_TEXT & 1u << c->op
                               ? 0
                               : refusal_invalid(r, "Invalid comparator for tag: %s", text);
        if (family == FILTER_MODEL_VERSIONS && numeric)
                return OPS_NUMBER & 1u << c->op
                               ? 0
                               : refusal_invalid(r, "Invalid comparator for attribute %s: %s",
                                                 c->key, text);
        if (OPS_LIST & 1u << c->op)
                return 0;
        return refusal_invalid(r, "Invalid comparator for attribute: %s", text);
}

static int check_logged_models(const struct filter_clause *c, bool numeric, const char *text,
                               struct refusal *r) {
        static const char *const entities[] = {
                [FILTER_ATTRIBUTE] = "attributes",
                [FILTER_METRIC] = "metrics",
                [FILTER_PARAM] = "params",
                [FILTER_TAG] = "tags",
        };
        bool number = numeric || c->entity == FILTER_METRIC;

        assert(c->entity < ARRAY_SIZE(entities));
        if (!((number ? OPS_NUMBER : OPS_LIST) & 1u << c->op))
                return refusal_invalid(
                        r, "Invalid comparison operator for %s.%s%s: '%s'. Expected one of %s.",
                        entities[c->entity], c->key, numeric ? "_ms" : "", text,
                        number ? "('<', '<=', '>', '>=', '=', '!=')"
                               : "('=', '!=', 'LIKE', 'ILIKE', 'IN', 'NOT IN')");
        if (c->entity == FILTER_ATTRIBUTE && str_eq(c->key, "status") &&
            (c->op == FILTER_LIKE || c->op == FILTER_ILIKE))
                return refusal_invalid(r, "Invalid comparison operator for status: %s", text);
        return 0;
}

/* Names are compared in every way, and a list of them with IN only. */
static int check_evaluation_datasets(const struct filter_clause *c, bool numeric, const char *text,
                                     struct refusal *r) {
        if (c->entity == FILTER_TAG)
                return OPS_TEXT & 1u << c->op
                               ? 0
                               : refusal_invalid(r, "Invalid comparator for tag: %s", text);
        if (c->kind == FILTER_LIST && c->op != FILTER_IN)
                return refusal_invalid(r, "List values for 'name' are only supported with the IN "
                                          "comparator.");
        if ((numeric ? OPS_NUMBER : OPS_TEXT | OPS_NUMBER | OP(IN)) & 1u << c->op)
                return 0;
        return refusal_invalid(r, "Invalid comparator for %s attribute: %s",
                               numeric ? "numeric" : "string", text);
}

/* A list goes with IN and NOT IN, and they with nothing else. */
static int check_list(const struct filter_clause *c, const char *text, struct refusal *r) {
        bool in = c->op == FILTER_IN || c->op == FILTER_NOT_IN;

        if (c->kind == FILTER_NOTHING || (c->kind == FILTER_LIST) == in)
                return 0;
        return refusal_invalid(r, "Invalid comparator '%s' for %s", text,
                               in ? "a single value" : "a list of values");
}

int filter_check_op(enum filter_family family, const struct filter_clause *c, bool numeric,
                    const char *text, struct refusal *r) {
        int x = 0;

        switch (family) {
        case FILTER_RUNS:
                x = check_runs(c, numeric, text, r);
                break;
        case FILTER_EXPERIMENTS:
                x = check_experiments(c, numeric, text, r);
                break;
        case FILTER_REGISTERED_MODELS:
        case FILTER_MODEL_VERSIONS:
                x = check_registry(family, c, numeric, text, r);
                break;
        case FILTER_LOGGED_MODELS:
                x = check_logged_models(c, numeric, text, r);
                break;
        case FILTER_EVALUATION_DATASETS:
                x = check_evaluation_datasets(c, numeric, text, r);
                break;
        }
        return x == 0 ? check_list(c, text, r) : x;
}

static int experiment_id(const char *text, struct refusal *r, int64_t *ret) {
        if (str_to_i64(text, ret) == 0)
                return 0;
        return refusal_invalid(
                r, "Invalid experiment ID '%s'. Experiment ID must be a valid integer.", text);
}

static int check_experiment_id(struct filter_clause *c, struct refusal *r) {
        int64_t id;
        int x;

        for (size_t i = 0; c->kind == FILTER_LIST && i < c->n_list; i++) {
                x = experiment_id(c->list[i], r, &id);
                if (x != 0)
                        return x;
        }
        if (c->kind != FILTER_TEXT)
                return 0;
        x = experiment_id(c->text, r, &id);
        if (x != 0)
                return x;
        c->kind = FILTER_I64;
        c->i64 = id;
        return 0;
}

int filter_check_value(enum filter_family family, struct filter_clause *c, bool numeric,
                       struct refusal *r) {
        char number[JSON_NUMBER_SIZE];
        int64_t value;

        if (family == FILTER_EXPERIMENTS && c->entity == FILTER_ATTRIBUTE &&
            str_eq(c->key, "experiment_id"))
                return check_experiment_id(c, r);
        if (!numeric || (family != FILTER_EXPERIMENTS && family != FILTER_MODEL_VERSIONS &&
                         family != FILTER_EVALUATION_DATASETS))
                return 0;
        if (c->kind == FILTER_F64) {
                const char *quote = family == FILTER_MODEL_VERSIONS ? "" : "'";

                if (isinf(c->f64)) /* as Python has it */
                        snprintf(number, sizeof(number), "%s", c->f64 < 0 ? "-inf" : "inf");
                else
                        json_number_print_f64(c->f64, number);
                return refusal_invalid(r, "Invalid value for numeric attribute '%s': %s%s%s",
                                       c->key, quote, number, quote);
        }
        if (c->kind == FILTER_TEXT) {
                if (str_to_i64(c->text, &value) < 0)
                        return refusal_invalid(r, "Invalid value for numeric attribute '%s': %s",
                                               c->key, field_check_repr(r->arena, c->text));
                c->kind = FILTER_I64;
                c->i64 = value;
        }
        return 0;
}
