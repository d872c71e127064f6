/* variables_api.c: variables: lists, one, made, changed, deleted. A value is never shown whose name
 * says that it is a secret. */
#include <errno.h>
#include <string.h>

#include "daemons/scheduler/secrets_api.h"
#include "lib/base/str.h"

#define MASK "***"

/* --- reading ------------------------------------------------------------------------------------
 */

static int write_variable(struct json_write *w, const struct secret *v, struct arena *a) {
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
        return 0;
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

static const char *const keys[] = {"key", "value", "description", "team_name"};

static const struct secrets_api_noun noun = {
        .kind = SECRETS_VARIABLE,
        .plural = "variables",
        .name_key = "key",
        .param = "variable_key",
        .keys = keys,
        .n_keys = ARRAY_SIZE(keys),
        .write = write_variable,
        .fill = fill,
};

int variables_api_list(struct http_request *req) {
        return secrets_api_list(req, &noun, http_request_query(req, "variable_key_pattern"));
}

int variables_api_get(struct http_request *req) {
        return secrets_api_get(req, &noun);
}

int variables_api_create(struct http_request *req) {
        return secrets_api_create(req, &noun);
}

int variables_api_patch(struct http_request *req) {
        return secrets_api_patch(req, &noun);
}

int variables_api_bulk(struct http_request *req) {
        return secrets_api_bulk(req, &noun);
}

int variables_api_delete(struct http_request *req) {
        return secrets_api_delete(req, &noun);
}
