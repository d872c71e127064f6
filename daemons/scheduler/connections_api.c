/* connections_api.c: connections: lists, one, made, changed, deleted. Passwords, and what in
 * extra is one by its name, are never shown. */
#include <errno.h>
#include <string.h>

#include "daemons/scheduler/secrets_api.h"
#include "lib/base/str.h"

#define MASK "***"

/* --- reading ------------------------------------------------------------------------------------
 */

static int write_row(struct json_write *w, const struct secret *v, struct arena *a) {
        struct connection c = {.type = v->type};

        if (v->value && connection_parse(v->value, a, &c, NULL) == -ENOMEM)
                return -ENOMEM;
        c.description = v->description;
        json_write_object(w);
        json_write_kv_str(w, "connection_id", v->name);
        connection_write(w, &c, true, a);
        json_write_kv_null(w, "team_name");
        json_write_end(w);
        return 0;
}

struct listing {
        struct json_write *w;
        struct arena *a;
        struct rest_page page;
        int64_t n;
};

static int list_one(void *ctx, const struct secret *v) {
        struct listing *l = ctx;
        int r = 0;

        if (l->n >= l->page.offset && l->n < l->page.offset + l->page.limit)
                r = write_row(l->w, v, l->a);
        l->n++;
        return r;
}

int connections_api_list(struct http_request *req) {
        struct listing l = {.a = req->arena};
        struct scheduler *s = scheduler_api_of(req);
        _cleanup_buf_ struct buf b = {};
        struct json_write w;
        int r;

        if (!rest_read_page(req, &l.page))
                return rest_replied;
        json_write_init(&w, &b, 0);
        json_write_object(&w);
        json_write_kv_array(&w, "connections");
        l.w = &w;
        r = secrets_each(s, s->db, SECRETS_CONNECTION, req->arena, list_one, &l);
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
        int r = secrets_get(s, s->db, SECRETS_CONNECTION, name, req->arena, &v, &em);

        if (r == 1)
                return http_request_reply_error(req, 404, "there is no connection \"%s\"", name);
        if (r < 0)
                return http_request_reply_error(req, 500, "%s", em.text);
        json_write_init(&w, &b, 0);
        r = write_row(&w, &v, req->arena);
        if (r >= 0)
                r = json_write_finish(&w);
        return r < 0 ? r : http_request_reply_json(req, status, &b);
}

int connections_api_get(struct http_request *req) {
        return reply_one(scheduler_api_of(req), req, http_request_param(req, "connection_id"), 200);
}

/* --- changing -----------------------------------------------------------------------------------
 */

static const char *const keys[] = {"connection_id", "conn_type", "description", "host",
                                   "login",         "schema",    "port",        "password",
                                   "extra",         "uri",       "team_name"};

/* The new text, or the old one where nothing was said, or where what was said is what we showed. */
static const char *choose(const struct secrets_api_change *c, const char *key, const char *given,
                          const char *old, const char *shown) {
        if (!secrets_api_changes(c, key) || (given && shown && str_eq(given, shown)))
                return old;
        return given;
}

static void merge(const struct secrets_api_change *c, struct arena *a, const struct connection *old,
                  struct connection *now) {
        now->type = choose(c, "conn_type", now->type, old->type, NULL);
        now->host = choose(c, "host", now->host, old->host, NULL);
        now->login = choose(c, "login", now->login, old->login, NULL);
        now->schema = choose(c, "schema", now->schema, old->schema, NULL);
        now->description = choose(c, "description", now->description, old->description, NULL);
        now->password = choose(c, "password", now->password, old->password, MASK);
        now->extra = choose(c, "extra", now->extra, old->extra,
                            old->extra ? connection_mask(old->extra, a) : NULL);
        if (!secrets_api_changes(c, "port"))
                now->port = old->port;
}

static int store(const struct connection *c, struct arena *a, struct secret *ret) {
        _cleanup_buf_ struct buf b = {};
        struct json_write w;

        json_write_init(&w, &b, 0);
        json_write_object(&w);
        connection_write(&w, c, false, a);
        json_write_end(&w);
        if (json_write_finish(&w) < 0)
                return -ENOMEM;
        ret->type = c->type;
        ret->description = c->description;
        ret->value = arena_strdup(a, buf_cstr(&b));
        explicit_bzero(b.data, b.len);
        return ret->value ? 0 : -ENOMEM;
}

static int fill(struct secrets_api_change *c, struct arena *a, const struct secret *old,
                struct secret *ret, struct errmsg *em) {
        struct connection now = {}, before = {};
        const char *uri = NULL;
        int r = json_want_str(c->body, "uri", &uri, em);

        if (r < 0)
                return r;
        if (old && connection_parse(old->value, a, &before, NULL) == 0)
                before.description = old->description;
        r = uri ? connection_parse(uri, a, &now, em) : connection_parse_json(c->body, a, &now, em);
        if (r < 0)
                return r;
        if (old && !uri)
                merge(c, a, &before, &now);
        if (now.extra && strlen(now.extra) > SECRETS_VALUE_MAX)
                return errmsg_fail(em, -EINVAL, "\"extra\" has more than %u bytes",
                                   SECRETS_VALUE_MAX);
        return store(&now, a, ret);
}

static int change(struct http_request *req, const char *name) {
        struct secrets_api_change *c = arena_new(req->arena, struct secrets_api_change);
        const char *id = NULL;
        struct errmsg em;

        if (!c)
                return -ENOMEM;
        if (!rest_read_body(req, keys, ARRAY_SIZE(keys), &c->body))
                return rest_replied;
        if (json_want_str(c->body, "connection_id", &id, &em) < 0)
                return rest_refuse(req, &em);
        if (name && id && !str_eq(name, id))
                return http_request_reply_error(req, 400,
                                                "\"connection_id\" is not that of the path");
        c->kind = SECRETS_CONNECTION;
        c->is_new = !name;
        c->name = name ? name : id;
        c->fill = fill;
        c->reply = reply_one;
        return secrets_api_submit(req, c);
}

int connections_api_create(struct http_request *req) {
        return change(req, NULL);
}

int connections_api_patch(struct http_request *req) {
        return change(req, http_request_param(req, "connection_id"));
}

int connections_api_delete(struct http_request *req) {
        struct secrets_api_change *c = arena_new(req->arena, struct secrets_api_change);

        if (!c)
                return -ENOMEM;
        c->kind = SECRETS_CONNECTION;
        c->name = http_request_param(req, "connection_id");
        c->is_delete = true;
        return secrets_api_submit(req, c);
}
