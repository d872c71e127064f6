#include "daemons/tracking/scorer_model.h"

#include <errno.h>
#include <string.h>

#include "daemons/tracking/gateway_endpoints_sql.h"
#include "daemons/tracking/python_json.h"
#include "daemons/tracking/python_text.h"
#include "lib/base/str.h"

#define JUDGE "instructions_judge_pydantic_data"
#define GATEWAY "gateway:/"

static struct json *member(struct json *object, const char *key) {
        struct json *child = json_is(object, JSON_OBJECT) ? object->child : NULL;

        while (child && !str_eq(child->key, key))
                child = child->next;
        return child;
}

/* An empty object says nothing, as in Python. */
static struct json *filled(struct json *object, const char *key) {
        struct json *j = member(object, key);

        return j && json_first(j) ? j : NULL;
}

/* NULL: it says none. */
static struct json *find(struct json *scorer) {
        static const char *const kinds[] = {JUDGE, "builtin_scorer_pydantic_data"};
        struct json *data;

        for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
                data = filled(scorer, kinds[i]);
                if (data)
                        return member(data, "model");
        }
        data = filled(scorer, "memory_augmented_judge_data");
        if (data)
                return find(member(data, "base_judge")); /* as deep as the parser lets it be */
        return member(filled(scorer, "third_party_scorer_data"), "model");
}

/* The endpoint of the gateway that it asks; NULL: another model. */
static const char *endpoint_of(const struct json *model) {
        const char *rest = json_is(model, JSON_STRING) ? str_after(model->str, GATEWAY) : NULL;

        while (rest && *rest == '/')
                rest++;
        return str_empty(rest) ? NULL : rest;
}

/* *ret NULL: we cannot read it. */
static int parse(struct arena *a, const char *text, struct json **ret) {
        int r = json_parse_python_copy(a, text, strlen(text), ret, NULL);

        if (r < 0)
                *ret = NULL;
        return r == -EINVAL ? 0 : r;
}

/* NULL endpoint: no model. */
static int print(struct arena *a, struct json *root, struct json *model, const char *endpoint,
                 const char **ret) {
        const char *uri = endpoint ? arena_printf(a, GATEWAY "%s", endpoint) : NULL;
        const char *text;
        int r = 0;

        if (endpoint && !uri)
                return -ENOMEM;
        model->type = uri ? JSON_STRING : JSON_NULL;
        model->str = uri;
        model->len = uri ? (uint32_t) strlen(uri) : 0;
        text = python_json_text(root, 0, a, &r);
        if (text)
                *ret = text;
        return text ? 0 : r;
}

/* Whoever may touch the scorer may know which endpoint it asks. 0, REFUSED or -errno. */
static int look_up(struct job *j, struct db *db, const char *id, const char *name,
                   struct gateway_endpoint *ret) {
        const struct access *access = j->refusal.access;
        int r;

        j->refusal.access = NULL;
        r = gateway_endpoints_sql_need(db, &j->refusal, id, name, ret);
        j->refusal.access = access;
        return r;
}

static int check(struct job *j, const struct json *model) {
        const char *stripped;

        if (!model || json_is(model, JSON_NULL))
                return 0;
        if (!json_is(model, JSON_STRING))
                return refusal_invalid(&j->refusal, "Scorer model must be a string, got %s.",
                                       python_json_type(model));
        stripped = python_text_strip(j->arena, model->str);
        if (!stripped)
                return -ENOMEM;
        return *stripped ? 0
                         : refusal_invalid(&j->refusal, "Scorer model cannot be empty or contain "
                                                        "only whitespace.");
}

int scorer_model_keep(struct job *j, struct db *db, const char **text,
                      const char **ret_endpoint_id) {
        struct json *root, *model;
        struct gateway_endpoint e;
        const char *name;
        int r = parse(j->arena, *text, &root);

        *ret_endpoint_id = NULL;
        if (r < 0)
                return r;
        model = find(root);
        r = check(j, model);
        name = endpoint_of(model);
        if (r != 0 || !name)
                return r;
        r = look_up(j, db, NULL, name, &e);
        if (r != 0)
                return r;
        *ret_endpoint_id = e.id;
        return print(j->arena, root, model, e.id, text);
}

int scorer_model_show(struct job *j, struct db *db, bool printed, const char **text) {
        struct json *root, *model;
        struct gateway_endpoint e;
        const char *id, *again;
        int r = parse(j->arena, *text, &root);

        if (r < 0 || !root)
                return r;
        model = find(root);
        id = endpoint_of(model);
        if (id) {
                r = look_up(j, db, id, NULL, &e);
                return r < 0 ? r : print(j->arena, root, model, r == 0 ? e.name : NULL, text);
        }
        if (!printed)
                return 0;
        again = python_json_text(root, 0, j->arena, &r);
        if (again)
                *text = again;
        return again || r != -ENOMEM ? 0 : r;
}

bool scorer_model_brings_code(const struct json *j) {
        const struct json *item, *code = json_get(j, "call_source");

        if (code && !json_is(code, JSON_NULL))
                return true;
        json_each (item, j) {
                if (scorer_model_brings_code(item)) /* as deep as the parser lets it be */
                        return true;
        }
        return false;
}

/* Is there {{ expectations }} in the template? */
static bool wants_expectations(const char *template) {
        for (const char *p = template; (p = strstr(p, "{{")); p++) {
                const char *name = p + 2 + strspn(p + 2, " \t\r\n\f\v");
                const char *end = str_after(name, "expectations");

                if (end && str_starts(end + strspn(end, " \t\r\n\f\v"), "}}"))
                        return true;
        }
        return false;
}

int scorer_model_check_online(struct job *j, const char *name, const char *text) {
        const struct json *template;
        struct json *root;
        int r = parse(j->arena, text, &root);

        if (r < 0)
                return r;
        if (!endpoint_of(find(root)))
                return refusal_invalid(&j->refusal,
                                       "Scorer '%s' does not use a gateway model. Automatic "
                                       "evaluation is only supported for scorers that use gateway "
                                       "models.",
                                       name);
        template = member(member(root, JUDGE), "instructions");
        if (!json_is(template, JSON_STRING) || !wants_expectations(template->str))
                return 0;
        return refusal_invalid(&j->refusal,
                               "Scorer '%s' requires expectations, but scorers with expectations "
                               "are not currently supported for automatic evaluation.",
                               name);
}
