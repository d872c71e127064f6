/* variables_api.c: variables: lists, one, made, changed, deleted. A value is never shown whose name
 * says that it is a secret. */
#include <errno.h>
#include <string.h>

#include "daemons/scheduler/secrets_api.h"
#include "lib/base/str.h"

#define MASK "***"

/* --- reading ------------------------------------------------------------------------------------
 */

static void write_variable(struct json_write *w, const struct secret *v, struct arena *a) {
        const char *value = v->value;

        if (value && connection_is_sensitive(v->name))
                value = MASK;
        else if (value)
                value = connection_mask(value, a);
        json_write_object(w);
        json_write_kv_str(w, "key", v->name);
        json_write_kv_str(w, "value", value);
        json_write_kv_str(w, "description", v->description);
        json_write_kv_bool(w, "is_encrypted", true);
        json_write_kv_null(w, "team_name");
        json_write_end(w);
}

struct listing {
        struct json_write *w;
        struct arena *a;
        struct rest_page page;
        const char *pattern;
        int64_t n;
};

/* "%" is anything, at the ends. */
static bool matches(const char *pattern, const char *name) {
        size_t n = pattern ? strlen(pattern) : 0;
        char word[SECRETS_NAME_MAX + 3];

        if (n == 0 || n >= sizeof(word))
                return true;
        str_copy(word, sizeof(word), pattern[0] == '%' ? pattern + 1 : pattern);
        if (str_ends(word, "%"))
                word[strlen(word) - 1] = 0;
        return strstr(name, word) != NULL;
}

static int list_one(void *ctx, const struct secret *v) {
        struct listing *l = ctx;

        if (!matches(l->pattern, v->name))
                return 0;
        if (l->n >= l->page.offset && l->n < l->page.offset + l->page.limit)
                write_variable(l->w, v, l->a);
        l->n++;
        return 0;
}

int variables_api_list(struct http_request *req) {
        struct listing l = {.a = req->arena,
                            .pattern = http_request_query(req, "variable_key_pattern")};
        struct scheduler *s = scheduler_api_of(req);
        _cleanup_buf_ struct buf b = {};
        struct json_write w;
        int r;

        if (!rest_read_page(req, &l.page))
                return rest_replied;
        json_write_init(&w, &b, 0);
        json_write_object(&w);
        json_write_kv_array(&w, "variables");
        l.w = &w;
        r = secrets_each(s, s->db, SECRETS_VARIABLE, req->arena, list_one, &l);
        json_write_end(&w);
        json_write_kv_i64(&w, "total_entries", l.n);
        json_write_end(&w);
        if (r >= 0)
                r = json_write_finish(&w);
        return r < 0 ? r : http_request_reply_json(req, 200, &b);
}

static int reply_one(struct scheduler *s, struct http_request *req, const char *name, int status) {
        _cleanup_buf_ struct buf b = {};
        struct errmsg em = {};
        struct json_write w;
        struct secret v;
        int r = secrets_get(s, s->db, SECRETS_VARIABLE, name, req->arena, &v, &em);

        if (r == 1)
                return http_request_reply_error(req, 404, "there is no variable \"%s\"", name);
        if (r < 0)
                return http_request_reply_error(req, 500, "%s", em.text);
        json_write_init(&w, &b, 0);
        write_variable(&w, &v, req->arena);
        r = json_write_finish(&w);
        return r < 0 ? r : http_request_reply_json(req, status, &b);
}

int variables_api_get(struct http_request *req) {
        return reply_one(scheduler_api_of(req), req, http_request_param(req, "variable_key"), 200);
}

/* --- changing -----------------------------------------------------------------------------------
 */

/* A text as it is, all else as JSON. */
static int read_value(const struct json *v, struct arena *a, const char **ret, struct errmsg *em) {
        _cleanup_buf_ struct buf b = {};
        struct json_write w;

        if (!v)
                return errmsg_fail(em, -EINVAL, "\"value\" is missing");
        if (json_str(v, ret) != 0) {
                json_write_init(&w, &b, 0);
                json_write_node(&w, v);
                if (json_write_finish(&w) < 0)
                        return -ENOMEM;
                *ret = arena_strdup(a, buf_cstr(&b));
        }
        if (!*ret)
                return -ENOMEM;
        if (strlen(*ret) > SECRETS_VALUE_MAX)
                return errmsg_fail(em, -EINVAL, "\"value\" has more than %u bytes",
                                   SECRETS_VALUE_MAX);
        return 0;
}

static int fill(struct secrets_api_change *c, struct arena *a, const struct secret *old,
                struct secret *ret, struct errmsg *em) {
        int r = 0;

        ret->value = old ? old->value : NULL;
        ret->description = old ? old->description : NULL;
        if (!old || secrets_api_changes(c, "value"))
                r = read_value(json_get(c->body, "value"), a, &ret->value, em);
        /* what we showed in its place is no new value */
        if (r >= 0 && old && str_eq(ret->value, MASK) && connection_is_sensitive(c->name))
                ret->value = old->value;
        if (r >= 0 && (!old || secrets_api_changes(c, "description")))
                r = json_want_str(c->body, "description", &ret->description, em);
        return r;
}

static int change(struct http_request *req, const char *name) {
        static const char *const keys[] = {"key", "value", "description", "team_name"};
        struct secrets_api_change *c = arena_new(req->arena, struct secrets_api_change);
        const char *key = NULL;
        struct errmsg em;

        if (!c)
                return -ENOMEM;
        if (!rest_read_body(req, keys, ARRAY_SIZE(keys), &c->body))
                return rest_replied;
        if (json_want_str(c->body, "key", &key, &em) < 0)
                return rest_refuse(req, &em);
        if (name && key && !str_eq(name, key))
                return http_request_reply_error(req, 400, "\"key\" is not that of the path");
        c->kind = SECRETS_VARIABLE;
        c->is_new = !name;
        c->name = name ? name : key;
        c->fill = fill;
        c->reply = reply_one;
        return secrets_api_submit(req, c);
}

int variables_api_create(struct http_request *req) {
        return change(req, NULL);
}

int variables_api_patch(struct http_request *req) {
        return change(req, http_request_param(req, "variable_key"));
}

int variables_api_delete(struct http_request *req) {
        struct secrets_api_change *c = arena_new(req->arena, struct secrets_api_change);

        if (!c)
                return -ENOMEM;
        c->kind = SECRETS_VARIABLE;
        c->name = http_request_param(req, "variable_key");
        c->is_delete = true;
        return secrets_api_submit(req, c);
}
