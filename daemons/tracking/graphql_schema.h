/* graphql_schema.h: which types, fields and roots GraphQL requests may name. Pure, read-only. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct ask;

enum graphql_type_id {
        GRAPHQL_TYPE_NONE,
#define GRAPHQL_TYPE(id, name, kind) GRAPHQL_TYPE_##id,
#define GRAPHQL_WORD(...)
#define GRAPHQL_FIELD(...)
#define GRAPHQL_ROOT(...)
#include "daemons/tracking/graphql_schema.def"
#undef GRAPHQL_TYPE
        GRAPHQL_TYPE_N
};

enum graphql_shape {
        GRAPHQL_SHAPE_STRING,
        GRAPHQL_SHAPE_LONG, /* an int64 as a string */
        GRAPHQL_SHAPE_INT,
        GRAPHQL_SHAPE_FLOAT,
        GRAPHQL_SHAPE_FLOAT_OR_NULL, /* NaN is null, not an error */
        GRAPHQL_SHAPE_BOOLEAN,
        GRAPHQL_SHAPE_ENUM,
        GRAPHQL_SHAPE_OBJECT,
        GRAPHQL_SHAPE_OBJECTS,
        GRAPHQL_SHAPE_STRINGS,
        GRAPHQL_SHAPE_LOOKED_UP,
        GRAPHQL_SHAPE_LOOKED_UP_LIST,
};

struct graphql_field {
        enum graphql_type_id owner;
        const char *key; /* in our answers: run_id */
        enum graphql_shape shape;
        enum graphql_type_id of;
        /* Of roots only. */
        const char *argument;
        enum graphql_shape argument_shape;
        enum graphql_type_id argument_of;
        int (*asked)(struct ask *q); /* NULL: an echo */
};

/* The field of a type by its name on the wire; NULL: it has none. */
const struct graphql_field *graphql_schema_field(enum graphql_type_id owner, const char *name);
/* "runId" for run_id? */
bool graphql_schema_is(const char *name, const char *key);

/* GRAPHQL_TYPE_NONE when there is no such type. */
enum graphql_type_id graphql_schema_type(const char *name);
const char *graphql_schema_type_name(enum graphql_type_id type);
bool graphql_schema_is_input(enum graphql_type_id type);
bool graphql_schema_has_word(enum graphql_type_id type, const char *word);
/* What a field is made of: "MlflowRun", "String". */
const char *graphql_schema_shape_name(enum graphql_shape shape, enum graphql_type_id of);
/* Is it an object, so that a request must say which of its fields? */
bool graphql_schema_is_composite(enum graphql_shape shape);
