#include "daemons/tracking/graphql_check.h"

#include <errno.h>

#include "lib/base/arena.h"
#include "lib/base/str.h"

const struct graphql_definition *graphql_check_fragment(const struct graphql_definition *all,
                                                        const char *name) {
        for (const struct graphql_definition *d = all; d; d = d->next)
                if (d->kind == GRAPHQL_FRAGMENT && str_eq(d->name, name))
                        return d;
        return NULL;
}

/* --- size
 * -----------------------------------------------------------------------------------------
 */

struct scan {
        const struct graphql_definition *all;
        struct refusal *refusal;
        size_t n_definitions;
        size_t n_roots, n_selections, n_aliases; /* n_aliases: most on one level */
};

/* The fields of one level, those of its fragments included. */
struct level {
        const struct graphql_selection **fields;
        size_t n, n_max, n_aliases;
        bool *seen; /* by place of the fragment */
};

static size_t place_of(const struct scan *s, const struct graphql_definition *d) {
        size_t i = 0;

        for (const struct graphql_definition *x = s->all; x != d; x = x->next)
                i++;
        return i;
}

static int too_many_selections(struct scan *s) {
        return refusal_invalid(s->refusal, "Query exceeds maximum total selections of %d",
                               GRAPHQL_CHECK_SELECTIONS_MAX);
}

static int collect(struct scan *s, const struct graphql_selection *first, struct level *level) {
        const struct graphql_definition *d;
        int r = 0;

        for (const struct graphql_selection *x = first; r == 0 && x; x = x->next) {
                if (x->kind == GRAPHQL_FIELD) {
                        if (level->n == GRAPHQL_CHECK_SELECTIONS_MAX)
                                return too_many_selections(s);
                        level->fields[level->n++] = x;
                        level->n_aliases += x->alias != NULL;
                } else if (x->kind == GRAPHQL_INLINE) {
                        r = collect(s, x->selections, level);
                } else {
                        d = graphql_check_fragment(s->all, x->name);
                        if (!d || level->seen[place_of(s, d)])
                                continue;
                        level->seen[place_of(s, d)] = true;
                        r = collect(s, d->selections, level);
                }
        }
        return r;
}

static int scan_level(struct scan *s, const struct graphql_selection *selections, unsigned depth) {
        struct arena *a = s->refusal->arena;
        struct level level = {};
        int r;

        if (depth > GRAPHQL_CHECK_DEPTH_MAX)
                return refusal_invalid(s->refusal, "Query exceeds maximum depth of %d",
                                       GRAPHQL_CHECK_DEPTH_MAX);
        level.fields = arena_zalloc_array(a, GRAPHQL_CHECK_SELECTIONS_MAX, sizeof(*level.fields));
        level.seen = arena_zalloc_array(a, s->n_definitions, sizeof(*level.seen));
        if (!level.fields || !level.seen)
                return -ENOMEM;
        r = collect(s, selections, &level);
        s->n_aliases = MAX(s->n_aliases, level.n_aliases);
        if (depth == 1)
                s->n_roots += level.n;
        for (size_t i = 0; r == 0 && i < level.n; i++) {
                if (++s->n_selections > GRAPHQL_CHECK_SELECTIONS_MAX)
                        r = too_many_selections(s);
                else if (level.fields[i]->selections)
                        r = scan_level(s, level.fields[i]->selections, depth + 1);
        }
        return r;
}

static int check_size(struct scan *s) {
        const char *what = "root fields", *name = "MLFLOW_SERVER_GRAPHQL_MAX_ROOT_FIELDS";
        size_t n, max = GRAPHQL_CHECK_ROOTS_MAX;
        int r = 0;

        for (const struct graphql_definition *d = s->all; r == 0 && d; d = d->next)
                if (d->kind != GRAPHQL_FRAGMENT)
                        r = scan_level(s, d->selections, 1);
        if (r != 0)
                return r;
        n = s->n_roots;
        if (n <= max) {
                what = "aliases";
                name = "MLFLOW_SERVER_GRAPHQL_MAX_ALIASES";
                n = s->n_aliases;
                max = GRAPHQL_CHECK_ALIASES_MAX;
        }
        if (n <= max)
                return 0;
        return refusal_invalid(s->refusal,
                               "GraphQL queries should have at most %zu %s, got %zu %s. To "
                               "increase the limit, set the %s environment variable.",
                               max, what, n, what, name);
}

/* --- names
 * ----------------------------------------------------------------------------------------
 */

enum progress { NOT_YET, INSIDE, DONE };

struct check {
        const struct graphql_definition *all;
        const struct graphql_definition *operation; /* NULL while a fragment is looked at */
        struct refusal *refusal;
        bool *used_fragments;   /* by place */
        enum progress *reached; /* the operation's fragments, by place */
        bool *used_variables;   /* of the operation, by place */
};

static int check_selections(struct check *c, const struct graphql_selection *first,
                            enum graphql_type_id type);

static int use_variable(struct check *c, const char *name) {
        size_t i = 0;

        for (const struct graphql_variable *v = c->operation->variables; v; v = v->next, i++)
                if (str_eq(v->name, name)) {
                        c->used_variables[i] = true;
                        return 0;
                }
        if (c->operation->name)
                return refusal_invalid(c->refusal,
                                       "Variable '$%s' is not defined by operation '%s'.", name,
                                       c->operation->name);
        return refusal_invalid(c->refusal, "Variable '$%s' is not defined.", name);
}

static int use_variables(struct check *c, const struct graphql_value *first) {
        int r = 0;

        for (const struct graphql_value *v = first; r == 0 && v; v = v->next)
                r = v->kind == GRAPHQL_VARIABLE ? use_variable(c, v->text)
                                                : use_variables(c, v->items);
        return r;
}

static int check_directives(struct check *c, const struct graphql_directive *first) {
        int r = 0;

        for (const struct graphql_directive *d = first; r == 0 && d; d = d->next) {
                if (!str_eq(d->name, "component")) /* MLflow's schema knows no other */
                        return refusal_invalid(c->refusal, "Unknown directive '@%s'.", d->name);
                r = use_variables(c, d->arguments);
        }
        return r;
}

static int check_arguments(struct check *c, const struct graphql_selection *s,
                           const struct graphql_field *f) {
        for (const struct graphql_value *v = s->arguments; v; v = v->next)
                if (!f || !f->argument || !graphql_schema_is(v->key, f->argument))
                        return refusal_invalid(
                                c->refusal, "Unknown argument '%s' on field '%s.%s'.", v->key,
                                f ? graphql_schema_type_name(f->owner) : "", s->name);
        return use_variables(c, s->arguments);
}

static int check_field(struct check *c, const struct graphql_selection *s,
                       enum graphql_type_id type) {
        const struct graphql_field *f = graphql_schema_field(type, s->name);
        int r;

        if (!f && !str_eq(s->name, "__typename"))
                return refusal_invalid(c->refusal, "Cannot query field '%s' on type '%s'.", s->name,
                                       graphql_schema_type_name(type));
        r = check_arguments(c, s, f);
        if (r != 0)
                return r;
        if (f && graphql_schema_is_composite(f->shape)) {
                if (!s->selections)
                        return refusal_invalid(c->refusal,
                                               "Field '%s' of type '%s' must have a selection of "
                                               "subfields. Did you mean '%s { ... }'?",
                                               s->name, graphql_schema_type_name(f->of), s->name);
                return check_selections(c, s->selections, f->of);
        }
        if (s->selections)
                return refusal_invalid(c->refusal,
                                       "Field '%s' must not have a selection since type '%s' has "
                                       "no subfields.",
                                       s->name,
                                       f ? graphql_schema_shape_name(f->shape, f->of) : "String!");
        return 0;
}

static int check_condition(struct check *c, const char *fragment, const char *on,
                           enum graphql_type_id type) {
        enum graphql_type_id narrowed = graphql_schema_type(on);

        if (narrowed == GRAPHQL_TYPE_NONE)
                return refusal_invalid(c->refusal, "Unknown type '%s'.", on);
        if (narrowed == type)
                return 0;
        if (!fragment)
                return refusal_invalid(c->refusal,
                                       "Fragment cannot be spread here as objects of type '%s' can "
                                       "never be of type '%s'.",
                                       graphql_schema_type_name(type), on);
        return refusal_invalid(c->refusal,
                               "Fragment '%s' cannot be spread here as objects of type '%s' can "
                               "never be of type '%s'.",
                               fragment, graphql_schema_type_name(type), on);
}

static int check_spread(struct check *c, const struct graphql_selection *s,
                        enum graphql_type_id type) {
        const struct graphql_definition *d = graphql_check_fragment(c->all, s->name);
        size_t i = 0;
        int r;

        if (!d)
                return refusal_invalid(c->refusal, "Unknown fragment '%s'.", s->name);
        for (const struct graphql_definition *x = c->all; x != d; x = x->next)
                i++;
        c->used_fragments[i] = true;
        r = check_condition(c, d->name, d->on, type);
        if (r != 0 || c->reached[i] == DONE)
                return r;
        if (c->reached[i] == INSIDE)
                return refusal_invalid(c->refusal, "Cannot spread fragment '%s' within itself.",
                                       d->name);
        c->reached[i] = INSIDE;
        r = check_directives(c, d->directives);
        if (r == 0)
                r = check_selections(c, d->selections, type);
        c->reached[i] = DONE;
        return r;
}

static int check_selections(struct check *c, const struct graphql_selection *first,
                            enum graphql_type_id type) {
        int r = 0;

        for (const struct graphql_selection *s = first; r == 0 && s; s = s->next) {
                r = check_directives(c, s->directives);
                if (r == 0 && s->kind == GRAPHQL_FIELD)
                        r = check_field(c, s, type);
                else if (r == 0 && s->kind == GRAPHQL_SPREAD)
                        r = check_spread(c, s, type);
                else if (r == 0) {
                        if (s->name)
                                r = check_condition(c, NULL, s->name, type);
                        if (r == 0)
                                r = check_selections(c, s->selections, type);
                }
        }
        return r;
}

static int check_unused_variables(struct check *c) {
        size_t i = 0;

        for (const struct graphql_variable *v = c->operation->variables; v; v = v->next, i++)
                if (!c->used_variables[i])
                        return c->operation->name
                                       ? refusal_invalid(c->refusal,
                                                         "Variable '$%s' is never used in "
                                                         "operation '%s'.",
                                                         v->name, c->operation->name)
                                       : refusal_invalid(c->refusal,
                                                         "Variable '$%s' is never used.", v->name);
        return 0;
}

static int check_operation(struct check *c, const struct graphql_definition *d) {
        size_t n = 0, n_all = 0;
        int r;

        c->operation = d;
        for (const struct graphql_variable *v = d->variables; v; v = v->next)
                n++;
        for (const struct graphql_definition *x = c->all; x; x = x->next)
                n_all++;
        c->used_variables = arena_zalloc_array(c->refusal->arena, n + 1, sizeof(bool));
        c->reached = arena_zalloc_array(c->refusal->arena, n_all, sizeof(*c->reached));
        if (!c->used_variables || !c->reached)
                return -ENOMEM;
        r = check_directives(c, d->directives);
        if (r == 0 && d->kind != GRAPHQL_SUBSCRIPTION)
                r = check_selections(c, d->selections,
                                     d->kind == GRAPHQL_QUERY ? GRAPHQL_TYPE_QUERY
                                                              : GRAPHQL_TYPE_MUTATION);
        return r != 0 ? r : check_unused_variables(c);
}

static int check_unused_fragments(struct check *c) {
        size_t i = 0;

        for (const struct graphql_definition *d = c->all; d; d = d->next, i++)
                if (d->kind == GRAPHQL_FRAGMENT && !c->used_fragments[i])
                        return refusal_invalid(c->refusal, "Fragment '%s' is never used.", d->name);
        return 0;
}

static int check_names(const struct graphql_definition *all, size_t n_definitions,
                       struct refusal *refusal) {
        struct check c = {.all = all, .refusal = refusal};
        size_t n_operations = 0;
        bool anonymous = false;
        int r = 0;

        c.used_fragments = arena_zalloc_array(refusal->arena, n_definitions, sizeof(bool));
        if (!c.used_fragments)
                return -ENOMEM;
        for (const struct graphql_definition *d = all; r == 0 && d; d = d->next) {
                if (d->kind == GRAPHQL_FRAGMENT)
                        continue;
                n_operations++;
                anonymous = anonymous || !d->name;
                r = check_operation(&c, d);
        }
        if (r == 0 && anonymous && n_operations > 1)
                r = refusal_invalid(refusal,
                                    "This anonymous operation must be the only defined operation.");
        return r != 0 ? r : check_unused_fragments(&c);
}

int graphql_check(const struct graphql_definition *all, struct refusal *r) {
        struct scan s = {.all = all, .refusal = r};
        int x;

        for (const struct graphql_definition *d = all; d; d = d->next)
                s.n_definitions++;
        if (s.n_definitions > GRAPHQL_CHECK_DEFINITIONS_MAX)
                return refusal_invalid(r, "A request has at most %d operations and fragments.",
                                       GRAPHQL_CHECK_DEFINITIONS_MAX);
        x = check_size(&s);
        return x != 0 ? x : check_names(all, s.n_definitions, r);
}
