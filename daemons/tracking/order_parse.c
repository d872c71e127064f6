#include "daemons/tracking/order_parse.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "daemons/tracking/filter_check.h"
#include "daemons/tracking/filter_lex.h"
#include "lib/base/str.h"

static int unparsed(const char *text, struct refusal *r) {
        return refusal_invalid(r, "Invalid order_by clause '%s'. Could not be parsed.", text);
}

/* "name" or "name direction", with nothing before and behind. *ret_direction is NULL without one.
 */
static int split(const char *text, struct refusal *r, const char **ret_name,
                 const char **ret_direction) {
        struct filter_lex lex = {text};
        struct filter_word name = filter_lex_next(&lex), direction = {};

        *ret_direction = NULL;
        if (name.kind != FILTER_NAME || name.text != text)
                return unparsed(text, r);
        if (isspace((unsigned char) *lex.at)) {
                direction = filter_lex_next(&lex);
                if (direction.kind != FILTER_NAME && direction.kind != FILTER_KEYWORD)
                        return unparsed(text, r);
        }
        if (*lex.at)
                return unparsed(text, r);
        *ret_name = arena_strndup(r->arena, name.text, name.size);
        if (!*ret_name)
                return -ENOMEM;
        if (direction.size > 0) {
                *ret_direction = arena_strndup(r->arena, direction.text, direction.size);
                if (!*ret_direction)
                        return -ENOMEM;
        }
        return 0;
}

static bool in_list(const char *key, const char *const *list) {
        for (; *list; list++)
                if (str_eq(*list, key))
                        return true;
        return false;
}

static int registered_model(const char *name, struct refusal *r, struct order_key *k) {
        if (!in_list(name, filter_check_family(FILTER_REGISTERED_MODELS)->order_by))
                return refusal_invalid(
                        r,
                        "Invalid order by key '%s' specified. Valid keys are '{'name', "
                        "'timestamp'}'",
                        name);
        k->entity = FILTER_ATTRIBUTE;
        k->key = str_eq(name, "name") ? name : "timestamp";
        return 0;
}

/* Experiments and model versions have one reader of names: the one of experiments. */
static int attribute_only(enum filter_family family, const char *name, struct refusal *r,
                          struct order_key *k) {
        const char *const *valid = filter_check_family(family)->order_by;
        enum filter_family names = family == FILTER_MODEL_VERSIONS ? FILTER_EXPERIMENTS : family;
        int x = filter_parse_identifier(names, name, valid, r, &k->entity, &k->key);

        if (x != 0 || k->entity == FILTER_ATTRIBUTE)
                return x;
        if (family != FILTER_MODEL_VERSIONS)
                return refusal_invalid(r, "Invalid order_by entity: %s",
                                       filter_parse_entity_name(k->entity));
        return refusal_invalid(
                r,
                "Invalid order by key '%s' specified. Valid keys are {'name', 'version_number', "
                "'creation_timestamp', 'last_updated_timestamp'}",
                k->key);
}

static int run(const char *name, struct refusal *r, struct order_key *k) {
        int x = filter_parse_identifier(FILTER_RUNS, name,
                                        filter_check_family(FILTER_RUNS)->order_by, r, &k->entity,
                                        &k->key);

        if (x != 0)
                return x;
        if (k->entity == FILTER_DATASET)
                return refusal_invalid(r, "Invalid identifier type 'dataset'");
        if (k->entity == FILTER_ATTRIBUTE)
                k->key = filter_check_alias(FILTER_RUNS, k->key);
        return 0;
}

int order_parse(enum filter_family family, const char *text, struct refusal *r,
                struct order_key *ret) {
        struct order_key k = {};
        const char *name, *direction;
        int x = split(text, r, &name, &direction);

        if (x != 0)
                return x;
        if (direction && !str_eq_fold(direction, "asc") && !str_eq_fold(direction, "desc"))
                return refusal_invalid(r, "Invalid ordering key in order_by clause '%s'.", text);
        k.descending = direction && str_eq_fold(direction, "desc");
        switch (family) {
        case FILTER_RUNS:
                x = run(name, r, &k);
                break;
        case FILTER_EXPERIMENTS:
        case FILTER_MODEL_VERSIONS:
        case FILTER_EVALUATION_DATASETS:
                x = attribute_only(family, name, r, &k);
                break;
        case FILTER_REGISTERED_MODELS:
                x = registered_model(name, r, &k);
                break;
        case FILTER_LOGGED_MODELS:
                assert(!"logged models are ordered by objects, not by strings");
        }
        if (x == 0)
                *ret = k;
        return x;
}

int order_parse_unique(const struct order_key *keys, size_t n, struct refusal *r) {
        for (size_t i = 0; i < n; i++)
                for (size_t j = 0; j < i; j++)
                        if (keys[i].entity == keys[j].entity && str_eq(keys[i].key, keys[j].key))
                                return refusal_invalid(
                                        r, "`order_by` contains duplicate fields: %s.%s",
                                        filter_parse_entity_name(keys[i].entity), keys[i].key);
        return 0;
}
