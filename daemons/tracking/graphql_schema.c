#include "daemons/tracking/graphql_schema.h"

#include "daemons/tracking/experiments_api.h"
#include "daemons/tracking/inputs_api.h"
#include "daemons/tracking/metrics_api.h"
#include "daemons/tracking/model_versions_api.h"
#include "daemons/tracking/run_artifacts_api.h"
#include "daemons/tracking/runs_api.h"
#include "lib/base/macros.h"
#include "lib/base/str.h"

#define GRAPHQL_WORD(...)
#define GRAPHQL_FIELD(...)
#define GRAPHQL_ROOT(...)
enum kind { OUTPUT, INPUT, ENUM };
static const struct {
        const char *name;
        enum kind kind;
} types[GRAPHQL_TYPE_N] = {
        {"", OUTPUT},
#define GRAPHQL_TYPE(id, name, kind) {name, kind},
#include "daemons/tracking/graphql_schema.def"
#undef GRAPHQL_TYPE
};
#undef GRAPHQL_WORD
#undef GRAPHQL_FIELD
#undef GRAPHQL_ROOT

#define GRAPHQL_TYPE(...)
#define GRAPHQL_FIELD(...)
#define GRAPHQL_ROOT(...)
static const struct {
        enum graphql_type_id type;
        const char *word;
} words[] = {
#define GRAPHQL_WORD(type, word) {GRAPHQL_TYPE_##type, word},
#include "daemons/tracking/graphql_schema.def"
#undef GRAPHQL_WORD
};
#undef GRAPHQL_FIELD
#undef GRAPHQL_ROOT

#define GRAPHQL_WORD(...)
static const struct graphql_field fields[] = {
#define GRAPHQL_FIELD(owner_, key_, shape_, of_) \
        {.owner = GRAPHQL_TYPE_##owner_,         \
         .key = key_,                            \
         .shape = GRAPHQL_SHAPE_##shape_,        \
         .of = GRAPHQL_TYPE_##of_},
#define GRAPHQL_ROOT(owner_, key_, of_, argument_, argument_shape_, argument_of_, asked_) \
        {.owner = GRAPHQL_TYPE_##owner_,                                                  \
         .key = key_,                                                                     \
         .shape = GRAPHQL_SHAPE_OBJECT,                                                   \
         .of = GRAPHQL_TYPE_##of_,                                                        \
         .argument = argument_,                                                           \
         .argument_shape = GRAPHQL_SHAPE_##argument_shape_,                               \
         .argument_of = GRAPHQL_TYPE_##argument_of_,                                      \
         .asked = asked_},
#include "daemons/tracking/graphql_schema.def"
};

bool graphql_schema_is(const char *name, const char *key) {
        for (; *key; key++, name++) {
                char c = *key;

                if (c == '_' && key[1]) {
                        c = *++key;
                        if (c >= 'a' && c <= 'z')
                                c = (char) (c - 'a' + 'A');
                }
                if (*name != c)
                        return false;
        }
        return !*name;
}

const struct graphql_field *graphql_schema_field(enum graphql_type_id owner, const char *name) {
        for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
                if (fields[i].owner == owner && graphql_schema_is(name, fields[i].key))
                        return &fields[i];
        return NULL;
}

enum graphql_type_id graphql_schema_type(const char *name) {
        for (size_t i = 1; i < GRAPHQL_TYPE_N; i++)
                if (str_eq(types[i].name, name))
                        return (enum graphql_type_id) i;
        return GRAPHQL_TYPE_NONE;
}

const char *graphql_schema_type_name(enum graphql_type_id type) {
        return types[type].name;
}

bool graphql_schema_is_input(enum graphql_type_id type) {
        return types[type].kind != OUTPUT;
}

bool graphql_schema_has_word(enum graphql_type_id type, const char *word) {
        for (size_t i = 0; i < ARRAY_SIZE(words); i++)
                if (words[i].type == type && str_eq(words[i].word, word))
                        return true;
        return false;
}

const char *graphql_schema_shape_name(enum graphql_shape shape, enum graphql_type_id of) {
        switch (shape) {
        case GRAPHQL_SHAPE_LONG:
                return "LongString";
        case GRAPHQL_SHAPE_INT:
                return "Int";
        case GRAPHQL_SHAPE_FLOAT:
        case GRAPHQL_SHAPE_FLOAT_OR_NULL:
                return "Float";
        case GRAPHQL_SHAPE_BOOLEAN:
                return "Boolean";
        case GRAPHQL_SHAPE_STRING:
                return "String";
        case GRAPHQL_SHAPE_STRINGS:
                return "[String]";
        default:
                return types[of].name;
        }
}

bool graphql_schema_is_composite(enum graphql_shape shape) {
        return shape == GRAPHQL_SHAPE_OBJECT || shape == GRAPHQL_SHAPE_OBJECTS ||
               shape == GRAPHQL_SHAPE_LOOKED_UP || shape == GRAPHQL_SHAPE_LOOKED_UP_LIST;
}
