/* connections_api.c: connections: lists, one, made, changed, deleted. Passwords, and what in
 * extra is one by its name, are never shown. */
#include <errno.h>
#include <string.h>

#include "daemons/scheduler/connection_trials.h"
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

static const struct secrets_api_noun noun = {
        .kind = SECRETS_CONNECTION,
        .plural = "connections",
        .name_key = "connection_id",
        .param = "connection_id",
        .keys = keys,
        .n_keys = ARRAY_SIZE(keys),
        .write = write_row,
        .fill = fill,
};

/* --- testing ------------------------------------------------------------------------------------
 */

static bool is_other(const struct secrets_api_change *c, const char *key, bool same) {
        return secrets_api_changes(c, key) && !same;
}

/* What is kept may be tried where it belongs; to send it elsewhere one has to know it. */
static bool would_leak(const struct secrets_api_change *c, const struct connection *old,
                       const struct connection *now) {
        bool is_known = !str_empty(now->password) && !str_eq(now->password, MASK);
        bool same_host = str_eq(now->host ? now->host : "", old->host ? old->host : "");

        return !is_known &&
               (is_other(c, "host", same_host) || is_other(c, "port", now->port == old->port));
}

struct trial {
        const char *id;
        struct connection connection;
};

static int run_test(struct scheduler *s, struct scheduler_api_job *j) {
        return scheduler_api_job_log(s, j, "test_connection", ((struct trial *) j->extra)->id);
}

static int begin_test(struct scheduler *s, struct scheduler_api_job *j) {
        struct trial *t = j->extra;
        int r = connection_trials_begin(s, j->req, t->id, &t->connection);

        return r == HTTP_LATER ? 0 : r;
}

/* What is to be tried, over what is kept. 0, or has replied. */
static int put_over(struct http_request *req, struct secrets_api_change *c,
                    const struct connection *old, struct connection *now) {
        if (would_leak(c, old, now))
                return http_request_reply_error(req, 400,
                                                "the host or port to test differs from the stored "
                                                "connection: the password has to be given too")
                               ?: 1;
        merge(c, req->arena, old, now);
        return 0;
}

/* The connection of the body over the one that is kept under its name. 0, or has replied. */
static int read_test(struct http_request *req, struct trial *t) {
        struct secrets_api_change c = {.noun = &noun};
        struct connection old = {};
        struct errmsg em = {};
        struct db *db;
        bool has_type;
        int r;

        if (!rest_read_body(req, keys, ARRAY_SIZE(keys), &c.body))
                return 1;
        if (json_need_str(c.body, "connection_id", &t->id, &em) < 0)
                return rest_refuse(req, &em) ?: 1;
        has_type = json_get(c.body, "conn_type") != NULL;
        db = scheduler_api_reader(req);
        if (!db)
                return 1;
        r = secrets_find_connection(scheduler_api_of(req), db, t->id, req->arena, &old, &em);
        if (r < 0)
                return http_request_reply_error(req, 409, "%s", em.text) ?: 1;
        if (r == 1 && !has_type)
                return http_request_reply_error(req, 404, "there is no connection \"%s\"", t->id)
                               ?: 1;
        t->connection.type = old.type;
        if (has_type && connection_parse_json(c.body, req->arena, &t->connection, &em) < 0)
                return rest_refuse(req, &em) ?: 1;
        return r == 1 ? 0 : put_over(req, &c, &old, &t->connection);
}

int connections_api_test(struct http_request *req) {
        struct trial *t = arena_new(req->arena, struct trial);
        struct scheduler_api_job *j;
        int r = t ? read_test(req, t) : -ENOMEM;

        if (r != 0)
                return MIN(r, 0);
        j = scheduler_api_job_new(req);
        if (!j)
                return rest_replied;
        j->extra = t;
        j->run = run_test;
        j->reply = begin_test;
        return scheduler_api_job_submit(j);
}

/* --- handlers -----------------------------------------------------------------------------------
 */

int connections_api_list(struct http_request *req) {
        return secrets_api_list(req, &noun, http_request_query(req, "connection_id_pattern"));
}

int connections_api_get(struct http_request *req) {
        return secrets_api_get(req, &noun);
}

int connections_api_create(struct http_request *req) {
        return secrets_api_create(req, &noun);
}

int connections_api_patch(struct http_request *req) {
        return secrets_api_patch(req, &noun);
}

int connections_api_bulk(struct http_request *req) {
        return secrets_api_bulk(req, &noun);
}

int connections_api_delete(struct http_request *req) {
        return secrets_api_delete(req, &noun);
}
