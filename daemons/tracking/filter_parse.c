#include "daemons/tracking/filter_parse.h"

#include <errno.h>
#include <string.h>

#include "daemons/tracking/filter_check.h"
#include "daemons/tracking/filter_lex.h"
#include "daemons/tracking/filter_scan.h"
#include "daemons/tracking/filter_value.h"
#include "lib/base/str.h"

static bool in_list(const char *key, const char *const *list) {
        for (; list && *list; list++)
                if (str_eq(*list, key))
                        return true;
        return false;
}

static int clause_of(enum filter_family family, const struct filter_comparison *found,
                     struct refusal *r, struct filter_clause *ret) {
        const struct filter_check_family *f = filter_check_family(family);
        struct filter_clause c = {.op = found->op};
        const char *name, *key;
        bool numeric;
        int x;

        if (found->left.kind != FILTER_NAME)
                return refusal_invalid(r,
                                       "Invalid comparison clause. Expected 'Identifier' found "
                                       "'%.*s'",
                                       (int) found->left.size, found->left.text);
        x = filter_check_null(family, found->op, r);
        if (x != 0)
                return x;
        name = arena_strndup(r->arena, found->left.text, found->left.size);
        if (!name)
                return -ENOMEM;
        x = filter_parse_identifier(family, name, f->attributes, r, &c.entity, &key);
        if (x != 0)
                return x;
        c.key = c.entity == FILTER_ATTRIBUTE ? filter_check_alias(family, key) : key;
        numeric = c.entity == FILTER_ATTRIBUTE && in_list(c.key, f->numeric);
        if (found->op == FILTER_IS_NULL || found->op == FILTER_IS_NOT_NULL) {
                x = filter_check_nullable(family, c.entity, key, r);
        } else {
                if (family == FILTER_LOGGED_MODELS) /* it looks at the operator first */
                        x = filter_check_op(family, &c, numeric, found->op_text, r);
                if (x == 0)
                        x = filter_value_read(family, key, numeric, &found->right, r, &c);
        }
        if (x == 0)
                *ret = c;
        return x;
}

/* First every clause must read well, only then the comparisons are looked at. */
static int understand(enum filter_family family, const struct filter_comparison *found, size_t n,
                      struct refusal *r, struct filter *ret) {
        const struct filter_check_family *f = filter_check_family(family);
        struct filter_clause *clauses;
        int x;

        clauses = arena_zalloc_array(r->arena, n + 1, sizeof(*clauses));
        if (!clauses)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                x = clause_of(family, &found[i], r, &clauses[i]);
                if (x != 0)
                        return x;
        }
        for (size_t i = 0; i < n; i++) {
                struct filter_clause *c = &clauses[i];
                bool numeric = c->entity == FILTER_ATTRIBUTE && in_list(c->key, f->numeric);

                x = filter_check_op(family, c, numeric, found[i].op_text, r);
                if (x == 0)
                        x = filter_check_value(family, c, numeric, r);
                if (x != 0)
                        return x;
        }
        *ret = (struct filter){clauses, n};
        return 0;
}

int filter_parse(enum filter_family family, const char *text, struct refusal *r,
                 struct filter *ret) {
        const struct filter_comparison *found = NULL;
        size_t n = 0;
        int x = filter_scan(family, text, r, &found, &n);

        *ret = (struct filter){};
        return x == 0 && n > 0 ? understand(family, found, n, r, ret) : x;
}

const char *filter_parse_entity_name(enum filter_entity entity) {
        static const char *const names[] = {
                [FILTER_ATTRIBUTE] = "attribute", [FILTER_METRIC] = "metric",
                [FILTER_PARAM] = "parameter",     [FILTER_TAG] = "tag",
                [FILTER_DATASET] = "dataset",
        };

        assert((size_t) entity < ARRAY_SIZE(names));
        return names[entity];
}

/* Without the quotes of one kind that it may stand in. NULL: out of memory. */
static const char *unquote(struct arena *a, const char *key, char quote) {
        size_t n = strlen(key);

        return filter_lex_quoted(key, n, quote) ? arena_strndup(a, key + 1, n - 2) : key;
}

/* 'x' and "x" and then `x` lose their quotes; of logged models `x` alone, of data sets none. */
static const char *key_of(enum filter_family family, struct arena *a, const char *key) {
        if (family == FILTER_EVALUATION_DATASETS)
                return key;
        if (family != FILTER_LOGGED_MODELS) {
                const char *bare = unquote(a, key, '\'');

                key = bare == key ? unquote(a, key, '"') : bare;
        }
        return key ? unquote(a, key, '`') : NULL;
}

/* The entity before the dot; without one it is an attribute. */
static int entity_of(enum filter_family family, const char *name, const char *dot,
                     struct refusal *r, enum filter_entity *ret) {
        const char *entity;

        *ret = FILTER_ATTRIBUTE;
        if (!dot)
                return 0;
        entity = arena_strndup(r->arena, name, (size_t) (dot - name));
        if (entity && family == FILTER_RUNS)
                entity = unquote(r->arena, entity, '`');
        return entity ? filter_check_entity(family, entity, r, ret) : -ENOMEM;
}

int filter_parse_identifier(enum filter_family family, const char *name, const char *const *valid,
                            struct refusal *r, enum filter_entity *ret_entity,
                            const char **ret_key) {
        const char *dot = strchr(name, '.'), *key = dot ? dot + 1 : name;
        bool registry = family == FILTER_REGISTERED_MODELS || family == FILTER_MODEL_VERSIONS;
        int x = entity_of(family, name, dot, r, ret_entity);

        if (x != 0)
                return x;
        /* The registry looks at the name of an attribute before it takes the quotes off. */
        if (registry && *ret_entity == FILTER_ATTRIBUTE && !in_list(key, valid))
                return filter_check_unknown(family, key, valid, "attribute", r);
        key = key_of(family, r->arena, key);
        if (!key)
                return -ENOMEM;
        if (*ret_entity == FILTER_ATTRIBUTE && !in_list(key, valid))
                return filter_check_unknown(family, key, valid, "attribute", r);
        if (*ret_entity == FILTER_DATASET && !in_list(key, filter_check_datasets))
                return filter_check_unknown(family, key, filter_check_datasets, "dataset", r);
        *ret_key = key;
        return 0;
}
