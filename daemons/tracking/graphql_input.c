#include "daemons/tracking/graphql_input.h"

#include <errno.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/json.h"
#include "lib/base/json_write.h"
#include "lib/base/str.h"

/* In json.flags of what is made from a literal. */
enum { LITERAL = 1, LITERAL_WORD = 2 };

static const struct graphql_variable *find_variable(const struct graphql_input *in,
                                                    const char *name) {
        for (const struct graphql_variable *v = in->declared; v; v = v->next)
                if (str_eq(v->name, name))
                        return v;
        return NULL;
}

static struct json *node(const struct graphql_input *in, enum json_type type) {
        struct json *j = arena_new(in->refusal->arena, struct json);

        if (j)
                j->type = type;
        return j;
}

static int from_literal(const struct graphql_input *in, const struct graphql_value *v,
                        const struct json **ret);

static int from_items(const struct graphql_input *in, const struct graphql_value *v,
                      struct json *ret) {
        struct json **last = &ret->child, *copy;
        const struct json *item;
        int r;

        for (const struct graphql_value *i = v->items; i; i = i->next) {
                r = from_literal(in, i, &item);
                if (r != 0)
                        return r;
                if (!item)
                        continue;
                copy = node(in, JSON_NULL);
                if (!copy)
                        return -ENOMEM;
                *copy = *item;
                copy->next = NULL;
                copy->key = i->key;
                copy->key_len = i->key ? (unsigned) strlen(i->key) & 0xffffff : 0;
                *last = copy;
                last = &copy->next;
                ret->len++;
        }
        return 0;
}

static int from_variable(const struct graphql_input *in, const char *name,
                         const struct json **ret) {
        const struct graphql_variable *v = find_variable(in, name);

        *ret = json_get(in->given, name);
        if (!*ret && v && v->otherwise && v->otherwise->kind != GRAPHQL_VARIABLE)
                return from_literal(in, v->otherwise, ret);
        return 0;
}

static int from_literal(const struct graphql_input *in, const struct graphql_value *v,
                        const struct json **ret) {
        static const enum json_type types[] = {
                [GRAPHQL_INT] = JSON_NUMBER,    [GRAPHQL_FLOAT] = JSON_NUMBER,
                [GRAPHQL_STRING] = JSON_STRING, [GRAPHQL_ENUM] = JSON_STRING,
                [GRAPHQL_NULL] = JSON_NULL,     [GRAPHQL_LIST] = JSON_ARRAY,
                [GRAPHQL_OBJECT] = JSON_OBJECT,
        };
        struct json *j;

        if (v->kind == GRAPHQL_VARIABLE)
                return from_variable(in, v->text, ret);
        j = node(in, v->kind == GRAPHQL_BOOLEAN ? (str_eq(v->text, "true") ? JSON_TRUE : JSON_FALSE)
                                                : types[v->kind]);
        if (!j)
                return -ENOMEM;
        j->flags = v->kind == GRAPHQL_ENUM ? LITERAL_WORD : LITERAL;
        *ret = j;
        if (v->kind == GRAPHQL_LIST || v->kind == GRAPHQL_OBJECT)
                return from_items(in, v, j);
        if (v->text && (j->type == JSON_STRING || j->type == JSON_NUMBER)) {
                j->str = v->text;
                j->len = (uint32_t) strlen(v->text);
        }
        return 0;
}

/* --- what fits ----------------------------------------------------------------------------------
 */

struct place {
        const struct graphql_input *in;
        const char *variable; /* whose value is looked at; NULL: a literal */
        const char *path;     /* below the variable: "d.runId" */
};

static const char *print(const struct place *p, const struct json *j, char quote) {
        _cleanup_buf_ struct buf out = {.limit = 1024};
        struct json_write w;

        if (json_is(j, JSON_STRING))
                return arena_printf(p->in->refusal->arena, "%c%.200s%c", quote, j->str, quote);
        json_write_init(&w, &out, JSON_WRITE_SPACED);
        json_write_node(&w, j);
        return buf_error(&out) < 0 ? "…" : arena_strdup(p->in->refusal->arena, buf_cstr(&out));
}

static int misfit(const struct place *p, const struct json *j, const char *fmt, ...) _printf_(3, 4);

static int misfit(const struct place *p, const struct json *j, const char *fmt, ...) {
        struct refusal *r = p->in->refusal;
        const char *why, *value;
        va_list ap;

        va_start(ap, fmt);
        why = arena_vprintf(r->arena, fmt, ap);
        va_end(ap);
        value = print(p, j, '\'');
        if (!why || !value)
                return -ENOMEM;
        if (!p->variable)
                return refusal_invalid(r, "%s", why);
        if (str_eq(p->path, p->variable))
                return refusal_invalid(r, "Variable '$%s' got invalid value %s; %s", p->variable,
                                       value, why);
        return refusal_invalid(r, "Variable '$%s' got invalid value %s at '%s'; %s", p->variable,
                               value, p->path, why);
}

/* A field of an input object that `object` gives a name that no input of the type has. */
static int check_fields(const struct place *p, const struct json *object, enum graphql_type_id of) {
        const struct json *item;

        json_each (item, object) {
                if (!graphql_schema_field(of, item->key))
                        return misfit(p, object, "Field '%s' is not defined by type '%s'.",
                                      item->key, graphql_schema_type_name(of));
        }
        return 0;
}

static int fit(const struct place *p, const struct json *j, enum graphql_shape shape,
               enum graphql_type_id of, struct json *ret);

static int fit_object(const struct place *p, const struct json *j, enum graphql_type_id of,
                      struct json *ret) {
        struct arena *a = p->in->refusal->arena;
        struct json **last = &ret->child, *copy;
        const struct graphql_field *f;
        struct place below = *p;
        const struct json *item;
        int r;

        if (!json_is(j, JSON_OBJECT))
                return misfit(p, j, "Expected type '%s' to be a mapping.",
                              graphql_schema_type_name(of));
        r = check_fields(p, j, of);
        ret->type = JSON_OBJECT;
        json_each (item, j) {
                if (r != 0)
                        return r;
                if (json_is(item, JSON_NULL))
                        continue;
                f = graphql_schema_field(of, item->key);
                copy = node(p->in, JSON_NULL);
                below.path = p->path ? arena_printf(a, "%s.%s", p->path, item->key) : NULL;
                if (!copy || (p->path && !below.path))
                        return -ENOMEM;
                r = fit(&below, item, f->shape, f->of, copy);
                copy->key = f->key;
                copy->key_len = (unsigned) strlen(f->key) & 0xffffff;
                *last = copy;
                last = &copy->next;
                ret->len++;
        }
        return r;
}

/* One value stands for a list of one. */
static int fit_strings(const struct place *p, const struct json *j, struct json *ret) {
        const struct json single = *j, *item;
        struct json **last = &ret->child, *copy;
        int r;

        ret->type = JSON_ARRAY;
        for (item = json_is(j, JSON_ARRAY) ? json_first(j) : &single; item;
             item = json_is(j, JSON_ARRAY) ? item->next : NULL) {
                copy = node(p->in, JSON_NULL);
                if (!copy)
                        return -ENOMEM;
                r = fit(p, item, GRAPHQL_SHAPE_STRING, GRAPHQL_TYPE_NONE, copy);
                if (r != 0)
                        return r;
                *last = copy;
                last = &copy->next;
                ret->len++;
        }
        return 0;
}

static int fit_number(const struct place *p, const struct json *j, enum graphql_shape shape) {
        int64_t i;
        double f;

        if (shape == GRAPHQL_SHAPE_LONG && json_is(j, JSON_STRING) && str_to_i64(j->str, &i) == 0)
                return 0; /* the REST form takes numbers as strings, too */
        if (shape == GRAPHQL_SHAPE_LONG && json_i64(j, &i) == 0)
                return 0;
        if (shape == GRAPHQL_SHAPE_INT && json_i64(j, &i) == 0) {
                if (i >= INT32_MIN && i <= INT32_MAX)
                        return 0;
                return misfit(p, j, "Int cannot represent non 32-bit signed integer value: %s",
                              print(p, j, '\''));
        }
        if (shape == GRAPHQL_SHAPE_FLOAT && json_f64(j, &f) == 0)
                return 0;
        return misfit(p, j, "%s cannot represent non-integer value: %s",
                      shape == GRAPHQL_SHAPE_INT ? "Int" : "LongString",
                      print(p, j, p->variable ? '\'' : '"'));
}

static int fit_word(const struct place *p, const struct json *j, enum graphql_type_id of) {
        const char *name = graphql_schema_type_name(of);

        if (!json_is(j, JSON_STRING) || j->flags == LITERAL)
                return misfit(p, j, "Enum '%s' cannot represent non-enum value: %s.", name,
                              print(p, j, '"'));
        if (!graphql_schema_has_word(of, j->str))
                return misfit(p, j, "Value '%.200s' does not exist in '%s' enum.", j->str, name);
        return 0;
}

static int fit(const struct place *p, const struct json *j, enum graphql_shape shape,
               enum graphql_type_id of, struct json *ret) {
        *ret = *j;
        ret->next = NULL;
        switch (shape) {
        case GRAPHQL_SHAPE_OBJECT:
                *ret = (struct json){};
                return fit_object(p, j, of, ret);
        case GRAPHQL_SHAPE_STRINGS:
                *ret = (struct json){};
                return fit_strings(p, j, ret);
        case GRAPHQL_SHAPE_ENUM:
                return fit_word(p, j, of);
        case GRAPHQL_SHAPE_STRING:
                if (json_is(j, JSON_STRING) && j->flags != LITERAL_WORD)
                        return 0;
                return misfit(p, j, "String cannot represent a non string value: %s",
                              print(p, j, p->variable ? '\'' : '"'));
        case GRAPHQL_SHAPE_BOOLEAN:
                if (json_is(j, JSON_TRUE) || json_is(j, JSON_FALSE))
                        return 0;
                return misfit(p, j, "Boolean cannot represent a non boolean value: %s",
                              print(p, j, '\''));
        default:
                return fit_number(p, j, shape);
        }
}

static enum graphql_shape shape_of_variable(const struct graphql_variable *v) {
        static const struct {
                const char *name;
                enum graphql_shape shape;
        } scalars[] = {
                {"String", GRAPHQL_SHAPE_STRING},   {"ID", GRAPHQL_SHAPE_STRING},
                {"Int", GRAPHQL_SHAPE_INT},         {"Float", GRAPHQL_SHAPE_FLOAT},
                {"Boolean", GRAPHQL_SHAPE_BOOLEAN}, {"LongString", GRAPHQL_SHAPE_LONG},
        };

        if (v->is_list)
                return GRAPHQL_SHAPE_STRINGS;
        for (size_t i = 0; i < ARRAY_SIZE(scalars); i++)
                if (str_eq(v->type, scalars[i].name))
                        return scalars[i].shape;
        return str_eq(v->type, "MlflowViewType") ? GRAPHQL_SHAPE_ENUM : GRAPHQL_SHAPE_OBJECT;
}

static int check_variable(const struct graphql_input *in, const struct graphql_variable *v) {
        const struct json *given = json_get(in->given, v->name);
        const struct place p = {in, v->name, v->name};
        enum graphql_type_id type = graphql_schema_type(v->type);
        enum graphql_shape shape = shape_of_variable(v);
        struct json fitted;

        if ((shape == GRAPHQL_SHAPE_OBJECT || shape == GRAPHQL_SHAPE_ENUM) &&
            (type == GRAPHQL_TYPE_NONE || !graphql_schema_is_input(type)))
                return refusal_invalid(in->refusal, "Unknown type '%s'.", v->type);
        if (!given && v->is_needed && !v->otherwise)
                return refusal_invalid(in->refusal,
                                       "Variable '$%s' of required type '%s' was not provided.",
                                       v->name, v->type_text);
        if (json_is(given, JSON_NULL) && v->is_needed)
                return refusal_invalid(in->refusal,
                                       "Variable '$%s' of non-null type '%s' must not be null.",
                                       v->name, v->type_text);
        if (!given || json_is(given, JSON_NULL))
                return 0;
        return fit(&p, given, shape, type, &fitted);
}

int graphql_input_check(const struct graphql_input *in) {
        int r = 0;

        for (const struct graphql_variable *v = in->declared; r == 0 && v; v = v->next)
                r = check_variable(in, v);
        return r;
}

int graphql_input_argument(const struct graphql_input *in, const struct graphql_field *root,
                           const struct graphql_value *arguments, const struct json **ret) {
        const struct json *given = NULL;
        struct json *fitted;
        int r = 0;

        *ret = NULL;
        for (const struct graphql_value *v = arguments; r == 0 && v; v = v->next)
                if (graphql_schema_is(v->key, root->argument))
                        r = from_literal(in, v, &given);
        if (r != 0 || !given || json_is(given, JSON_NULL))
                return r;
        fitted = node(in, JSON_NULL);
        if (!fitted)
                return -ENOMEM;
        r = fit(&(struct place){.in = in}, given, root->argument_shape, root->argument_of, fitted);
        if (r == 0)
                *ret = fitted;
        return r;
}
