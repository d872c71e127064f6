/* filter_parse.h: a filter string as a list of clauses that all must hold. Pure.
 *
 * One grammar, six families: which entities, attributes, comparisons and values a search takes,
 * and what it says when they are wrong, are the family's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemons/tracking/refusal.h"

enum filter_family {
        FILTER_RUNS,
        FILTER_EXPERIMENTS,
        FILTER_REGISTERED_MODELS,
        FILTER_MODEL_VERSIONS,
        FILTER_LOGGED_MODELS,
        FILTER_EVALUATION_DATASETS,
};

enum filter_entity {
        FILTER_ATTRIBUTE,
        FILTER_METRIC,
        FILTER_PARAM,
        FILTER_TAG,
        FILTER_DATASET,
};

enum filter_op {
        FILTER_EQ,
        FILTER_NE,
        FILTER_LT,
        FILTER_LE,
        FILTER_GT,
        FILTER_GE,
        FILTER_LIKE,
        FILTER_ILIKE,
        FILTER_IN,
        FILTER_NOT_IN,
        FILTER_IS_NULL,
        FILTER_IS_NOT_NULL,
        FILTER_RLIKE,    /* of traces alone; elsewhere one of the others */
        FILTER_OP_OTHER, /* a comparison no family takes: ==, RLIKE, … */
};

enum filter_value_kind { FILTER_NOTHING, FILTER_TEXT, FILTER_I64, FILTER_F64, FILTER_LIST };

struct filter_clause {
        enum filter_entity entity;
        const char *key; /* of an attribute: its first name, alternatives are resolved */
        enum filter_op op;
        enum filter_value_kind kind;
        union {
                const char *text;
                int64_t i64;
                double f64;
                const char **list; /* n_list strings, at least one */
        };
        size_t n_list;
};

struct filter {
        struct filter_clause *clauses;
        size_t n;
};

enum {
        FILTER_CLAUSES_MAX = 200, /* more are refused */
        FILTER_LIST_MAX = 10000,  /* strings in one list */
};

/* NULL and "" are a filter without clauses. Everything is taken from r->arena.
 * 0, REFUSED or -ENOMEM. */
int filter_parse(enum filter_family family, const char *text, struct refusal *r,
                 struct filter *ret);

/* "attribute", "metric", "parameter", "tag", "dataset". */
const char *filter_parse_entity_name(enum filter_entity entity);

/* `metric`.`a b` or start_time: what a name in filters and order_by refers to. `valid` names the
 * attributes that may stand there, NULL at the end. 0, REFUSED or -ENOMEM. */
int filter_parse_identifier(enum filter_family family, const char *name, const char *const *valid,
                            struct refusal *r, enum filter_entity *ret_entity,
                            const char **ret_key);
