#include "daemons/tracking/graphql_run.h"

#include <errno.h>
#include <string.h>

#include "daemons/tracking/experiments_api.h"
#include "daemons/tracking/graphql_check.h"
#include "daemons/tracking/model_versions_api.h"
#include "lib/base/arena.h"
#include "lib/base/json_write.h"
#include "lib/base/str.h"

enum { ERRORS_MAX = 1000 };

struct error {
        const char *text;
        struct error *next;
};

struct runner {
        const struct graphql_run *run;
        const struct graphql_definition *all;
        struct graphql_input input;
        struct json_write json;
        struct error *errors, **last_error;
        size_t n_errors;
};

/* Braces whose fields go into one object: those of all fields with the same answer name. */
struct braces {
        const struct graphql_selection *selections;
        struct braces *next;
};

struct slot {
        const char *name;                      /* in the answer */
        const struct graphql_selection *field; /* the first one */
        struct braces *braces, **last;
        struct slot *below;       /* the fields of what stands here, by name */
        const struct json *input; /* of a root */
        struct slot *next;
};

struct collecting {
        struct slot *first;
        bool *seen; /* fragments, by place */
};

static int add_error(struct runner *x, const char *text) {
        struct error *e;

        if (x->n_errors++ >= ERRORS_MAX)
                return 0;
        e = arena_new(x->run->arena, struct error);
        if (!e)
                return -ENOMEM;
        e->text = text;
        *x->last_error = e;
        x->last_error = &e->next;
        return 0;
}

/* --- which fields -------------------------------------------------------------------------------
 */

/* The slot of this name, or where it would stand: Flask's jsonify() sorts by name. */
static struct slot **find_slot(struct collecting *c, const char *name) {
        struct slot **at = &c->first;

        while (*at && strcmp((*at)->name, name) < 0)
                at = &(*at)->next;
        return at;
}

static int add_slot(struct runner *x, const struct graphql_selection *s, struct collecting *c) {
        const char *name = s->alias ? s->alias : s->name;
        struct slot **at = find_slot(c, name), *slot = *at;
        struct braces *braces = arena_new(x->run->arena, struct braces);

        if (!braces)
                return -ENOMEM;
        if (!slot || !str_eq(slot->name, name)) {
                slot = arena_new(x->run->arena, struct slot);
                if (!slot)
                        return -ENOMEM;
                *slot = (struct slot){.name = name, .field = s, .next = *at};
                slot->last = &slot->braces;
                *at = slot;
        }
        if (!str_eq(slot->field->name, s->name))
                return refusal_invalid(x->input.refusal,
                                       "Fields '%s' conflict because '%s' and '%s' are different "
                                       "fields. Use different aliases on the fields to fetch both "
                                       "if this was intentional.",
                                       name, slot->field->name, s->name);
        braces->selections = s->selections;
        *slot->last = braces;
        slot->last = &braces->next;
        return 0;
}

static int collect(struct runner *x, const struct graphql_selection *first, struct collecting *c) {
        int r = 0;

        for (const struct graphql_selection *s = first; r == 0 && s; s = s->next) {
                const struct graphql_definition *d = x->all, *fragment;
                size_t i = 0;

                if (s->kind == GRAPHQL_FIELD) {
                        r = add_slot(x, s, c);
                } else if (s->kind == GRAPHQL_INLINE) {
                        r = collect(x, s->selections, c);
                } else {
                        fragment = graphql_check_fragment(x->all, s->name);
                        for (; d != fragment; d = d->next)
                                i++;
                        if (!c->seen[i]) {
                                c->seen[i] = true;
                                r = collect(x, fragment->selections, c);
                        }
                }
        }
        return r;
}

/* The fields of one object, and of those below. */
static int plan(struct runner *x, const struct braces *braces, struct slot **ret) {
        struct collecting c = {};
        size_t n = 0;
        int r = 0;

        for (const struct graphql_definition *d = x->all; d; d = d->next)
                n++;
        c.seen = arena_zalloc_array(x->run->arena, n, sizeof(*c.seen));
        if (!c.seen)
                return -ENOMEM;
        for (const struct braces *b = braces; r == 0 && b; b = b->next)
                r = collect(x, b->selections, &c);
        for (struct slot *slot = c.first; r == 0 && slot; slot = slot->next)
                r = plan(x, slot->braces, &slot->below);
        *ret = c.first;
        return r;
}

/* --- values -------------------------------------------------------------------------------------
 */

static int write_object(struct runner *x, enum graphql_type_id type, const struct slot *slots,
                        const struct json *from);

static int write_float(struct runner *x, const struct json *j, bool nan_is_null) {
        double v = 0;

        if (json_is(j, JSON_STRING)) { /* "NaN" */
                json_write_null(&x->json);
                return nan_is_null ? 0
                                   : add_error(x, "Float cannot represent non numeric value: nan");
        }
        (void) json_f64(j, &v);
        json_write_f64(&x->json, v);
        return 0;
}

static int write_long(struct runner *x, const struct json *j) {
        if (json_is(j, JSON_NUMBER))
                json_write_strn(&x->json, j->str, j->len);
        else
                json_write_str(&x->json, json_is(j, JSON_STRING) ? j->str : "0");
        return 0;
}

static int write_list(struct runner *x, const struct graphql_field *f, const struct slot *slots,
                      const struct json *list) {
        const struct json *item;
        int r = 0;

        json_write_array(&x->json);
        json_each (item, list) {
                r = write_object(x, f->of, slots, item);
                if (r != 0)
                        return r;
        }
        json_write_end(&x->json);
        return r;
}

/* What a field is when our answer leaves it out is what its message has by default. */
static int write_value(struct runner *x, const struct graphql_field *f, const struct slot *slots,
                       const struct json *j) {
        int64_t i = 0;

        switch (f->shape) {
        case GRAPHQL_SHAPE_OBJECT:
        case GRAPHQL_SHAPE_LOOKED_UP:
                return write_object(x, f->of, slots, j);
        case GRAPHQL_SHAPE_OBJECTS:
        case GRAPHQL_SHAPE_LOOKED_UP_LIST:
                return write_list(x, f, slots, j);
        case GRAPHQL_SHAPE_LONG:
                return write_long(x, j);
        case GRAPHQL_SHAPE_INT:
                (void) json_i64(j, &i);
                json_write_i64(&x->json, i);
                return 0;
        case GRAPHQL_SHAPE_FLOAT:
        case GRAPHQL_SHAPE_FLOAT_OR_NULL:
                return write_float(x, j, f->shape == GRAPHQL_SHAPE_FLOAT_OR_NULL);
        case GRAPHQL_SHAPE_BOOLEAN:
                json_write_bool(&x->json, json_is(j, JSON_TRUE));
                return 0;
        case GRAPHQL_SHAPE_STRINGS:
                if (j) {
                        json_write_node(&x->json, j);
                } else {
                        json_write_array(&x->json);
                        json_write_end(&x->json);
                }
                return 0;
        case GRAPHQL_SHAPE_ENUM:
                if (json_is(j, JSON_STRING))
                        json_write_str(&x->json, j->str);
                else
                        json_write_null(&x->json);
                return 0;
        default:
                json_write_str(&x->json, json_is(j, JSON_STRING) ? j->str : "");
                return 0;
        }
}

/* A run's experiment and versions are requests of their own. */
static int look_up(struct runner *x, const struct graphql_field *f, const struct json *run,
                   const struct json **ret) {
        const struct json *info = json_get(run, "info");
        bool experiment = f->shape == GRAPHQL_SHAPE_LOOKED_UP;
        const struct json *id = json_get(info, experiment ? "experiment_id" : "run_id");
        struct json *body = arena_new(x->run->arena, struct json);
        struct json *value = arena_new(x->run->arena, struct json);
        const char *text;
        int r;

        if (!body || !value)
                return -ENOMEM;
        text = json_is(id, JSON_STRING) ? id->str : "";
        if (!experiment)
                text = arena_printf(x->run->arena, "run_id='%s'", text);
        if (!text)
                return -ENOMEM;
        *value = (struct json){.type = JSON_STRING,
                               .str = text,
                               .len = (uint32_t) strlen(text),
                               .key = experiment ? "experiment_id" : "filter"};
        value->key_len = (unsigned) strlen(value->key) & 0xffffff;
        *body = (struct json){.type = JSON_OBJECT, .child = value, .len = 1};
        r = x->run->ask(x->run->ctx,
                        experiment ? experiments_api_ask_get : model_versions_api_ask_search, body,
                        x->input.refusal, ret);
        if (r == 0)
                *ret = json_get(*ret, f->key);
        return r;
}

static int write_root(struct runner *x, const struct slot *slot, const struct graphql_field *f) {
        const struct json *input = slot->input, *answer = NULL;
        struct json output, echo;
        int r = 0;

        if (!input && !str_eq(f->key, "test_mutation"))
                r = refusal_invalid(x->input.refusal, "%s needs its argument '%s'.", f->key,
                                    f->argument);
        if (r == 0 && f->asked) {
                r = x->run->ask(x->run->ctx, f->asked, input, x->input.refusal, &answer);
        } else if (r == 0 && str_eq(f->key, "test")) {
                output = *input;
                output.key = "output";
                output.key_len = STRLEN("output");
                echo = (struct json){.type = JSON_OBJECT, .child = &output, .len = 1};
                answer = &echo;
        }
        if (r == 0 && answer)
                return write_object(x, f->of, slot->below, answer);
        json_write_null(&x->json);
        return r == REFUSED ? add_error(x, x->input.refusal->text) : r;
}

static int write_slot(struct runner *x, enum graphql_type_id type, const struct slot *slot,
                      const struct json *from) {
        const struct graphql_field *f = graphql_schema_field(type, slot->field->name);
        const struct json *found;
        int r;

        json_write_key(&x->json, slot->name);
        if (!f) {
                json_write_str(&x->json, graphql_schema_type_name(type));
                return 0;
        }
        if (f->argument)
                return write_root(x, slot, f);
        if (str_eq(f->key, "apiError")) { /* errors are told beside the data */
                json_write_null(&x->json);
                return 0;
        }
        if (f->shape != GRAPHQL_SHAPE_LOOKED_UP && f->shape != GRAPHQL_SHAPE_LOOKED_UP_LIST)
                return write_value(x, f, slot->below, json_get(from, f->key));
        r = look_up(x, f, from, &found);
        if (r == 0)
                return write_value(x, f, slot->below, found);
        json_write_null(&x->json);
        return r == REFUSED ? add_error(x, x->input.refusal->text) : r;
}

static int write_object(struct runner *x, enum graphql_type_id type, const struct slot *slots,
                        const struct json *from) {
        int r = 0;

        json_write_object(&x->json);
        for (const struct slot *slot = slots; r == 0 && slot; slot = slot->next)
                r = write_slot(x, type, slot, from);
        json_write_end(&x->json);
        return r;
}

/* --- the request --------------------------------------------------------------------------------
 */

static int choose(struct runner *x, const struct graphql_definition **ret) {
        const char *name = x->run->operation;
        size_t n = 0;

        *ret = NULL;
        for (const struct graphql_definition *d = x->all; d; d = d->next) {
                if (d->kind == GRAPHQL_FRAGMENT)
                        continue;
                n++;
                if (!name || str_eq(d->name, name))
                        *ret = d;
        }
        if (name && !*ret)
                return refusal_invalid(x->input.refusal, "Unknown operation named '%s'.", name);
        if (n == 0)
                return refusal_invalid(x->input.refusal, "Must provide an operation.");
        if (!name && n > 1)
                return refusal_invalid(x->input.refusal, "Must provide operation name if query "
                                                         "contains multiple operations.");
        if ((*ret)->kind == GRAPHQL_SUBSCRIPTION)
                return refusal_invalid(x->input.refusal, "Schema is not configured to execute "
                                                         "subscription operation.");
        return 0;
}

/* Before anything is asked: a wrong literal spoils the whole request. */
static int read_inputs(struct runner *x, enum graphql_type_id type, struct slot *slots) {
        const struct graphql_field *f;
        int r = 0;

        for (struct slot *slot = slots; r == 0 && slot; slot = slot->next) {
                f = graphql_schema_field(type, slot->field->name);
                if (f)
                        r = graphql_input_argument(&x->input, f, slot->field->arguments,
                                                   &slot->input);
        }
        return r;
}

static int answer(struct runner *x) {
        struct graphql_definition *all;
        const struct graphql_definition *d;
        enum graphql_type_id type;
        struct slot *slots;
        int r = graphql_parse(x->run->query, x->input.refusal, &all);

        if (r == 0)
                r = graphql_check(all, x->input.refusal);
        if (r != 0)
                return r;
        x->all = all;
        r = choose(x, &d);
        if (r != 0)
                return r;
        x->input.declared = d->variables;
        type = d->kind == GRAPHQL_QUERY ? GRAPHQL_TYPE_QUERY : GRAPHQL_TYPE_MUTATION;
        r = graphql_input_check(&x->input);
        if (r == 0)
                r = plan(x, &(struct braces){.selections = d->selections}, &slots);
        if (r == 0)
                r = read_inputs(x, type, slots);
        return r != 0 ? r : write_object(x, type, slots, NULL);
}

static int write_errors(struct runner *x) {
        if (x->n_errors == 0) {
                json_write_kv_null(&x->json, "errors");
        } else {
                json_write_kv_array(&x->json, "errors");
                for (const struct error *e = x->errors; e; e = e->next)
                        json_write_str(&x->json, e->text);
                json_write_end(&x->json);
        }
        json_write_end(&x->json);
        return json_write_finish(&x->json);
}

int graphql_run(const struct graphql_run *run, struct buf *out) {
        struct refusal refusal = {.arena = run->arena};
        struct runner x = {.run = run, .input = {.given = run->variables, .refusal = &refusal}};
        int r;

        x.last_error = &x.errors;
        json_write_init(&x.json, out, JSON_WRITE_ASCII);
        json_write_object(&x.json);
        json_write_key(&x.json, "data");
        r = answer(&x);
        if (r == REFUSED) { /* before anything was written: fields refuse beside their data */
                json_write_null(&x.json);
                r = add_error(&x, refusal.text);
        }
        return r < 0 ? r : write_errors(&x);
}
