/* secrets_api.c: see secrets_api.h; rotation of the key; and what a running task may ask for. */
#include "daemons/scheduler/secrets_api.h"

#include <errno.h>
#include <string.h>

#include "lib/auth/auth_identity.h"
#include "lib/base/log.h"
#include "lib/base/str.h"

bool secrets_api_changes(const struct secrets_api_change *c, const char *key) {
        const char *rest = c->mask, *word;
        size_t n;

        if (!c->mask || !*c->mask)
                return json_get(c->body, key) != NULL;
        while (str_word(&rest, ",", &word, &n))
                if (n == strlen(key) && memcmp(word, key, n) == 0)
                        return true;
        return false;
}

static const char *event_of(const struct secrets_api_change *c) {
        if (c->is_delete)
                return "delete_secret";
        return c->is_new ? "post_secret" : "patch_secret";
}

static int put(struct scheduler *s, struct scheduler_api_job *j, struct secrets_api_change *c,
               const struct secret *old) {
        struct secret now = {.name = c->name};
        struct errmsg em = {};
        int r = c->fill(c, j->req->arena, old, &now, &em);

        if (r == -EINVAL)
                return scheduler_api_job_refuse(j, 422, "%s", em.text);
        return r < 0 ? r : secrets_put(s, c->kind, &now);
}

static int run_change(struct scheduler *s, struct scheduler_api_job *j) {
        struct secrets_api_change *c = j->extra;
        struct secret old;
        struct errmsg em = {};
        int r = secrets_get(s, s->db, c->kind, c->name, j->req->arena, &old, &em);
        bool exists = r != 1;

        if (r < 0 && r != -ENOKEY && r != -EBADMSG)
                return r;
        if (c->is_new && exists)
                return scheduler_api_job_refuse(j, 409, "there is a %s \"%s\" already", c->kind,
                                                c->name);
        if (!c->is_new && !exists)
                return scheduler_api_job_refuse(j, 404, "there is no %s \"%s\"", c->kind, c->name);
        if (r < 0) /* what cannot be opened any more can be set anew */
                old = (struct secret){.name = c->name, .value = ""};
        r = c->is_delete ? secrets_delete(s, c->kind, c->name) : put(s, j, c, exists ? &old : NULL);
        if (r > 0)
                return r;
        if (r >= 0)
                r = scheduler_api_job_log(s, j, event_of(c), c->name);
        return MIN(r, 0);
}

static int reply_change(struct scheduler *s, struct scheduler_api_job *j) {
        struct secrets_api_change *c = j->extra;

        if (c->is_delete)
                return http_request_reply_empty(j->req, 204);
        return c->reply(s, j->req, c->name, c->is_new ? 201 : 200);
}

int secrets_api_submit(struct http_request *req, struct secrets_api_change *c) {
        struct scheduler_api_job *j = scheduler_api_job_new(req);

        if (!j)
                return rest_replied;
        if (str_empty(c->name) || strlen(c->name) > SECRETS_NAME_MAX ||
            strpbrk(c->name, "/\n\r\t") || !*c->name)
                return http_request_reply_error(
                        req, 422, "a %s's name has 1 to %u bytes and no slash, tab or newline",
                        c->kind, SECRETS_NAME_MAX);
        c->mask = http_request_query(req, "update_mask");
        j->extra = c;
        j->run = run_change;
        j->reply = reply_change;
        return scheduler_api_job_submit(j);
}

/* --- rotation -----------------------------------------------------------------------------------
 */

struct rotation {
        size_t n;
        struct errmsg em;
};

static int run_rotate(struct scheduler *s, struct scheduler_api_job *j) {
        struct rotation *rotation = j->extra;
        int r = secrets_reseal(s, &rotation->n, &rotation->em);

        if (r == -ENOKEY || r == -EBADMSG)
                return scheduler_api_job_refuse(j, 409, "%s", rotation->em.text);
        if (r >= 0)
                r = scheduler_api_job_log(s, j, "rotate_key", NULL);
        return MIN(r, 0);
}

static int reply_rotate(struct scheduler *s, struct scheduler_api_job *j) {
        struct rotation *rotation = j->extra;
        _cleanup_buf_ struct buf b = {};
        struct json_write w;
        int r = secrets_drop_old(s, &rotation->em);

        if (r < 0)
                return http_request_reply_error(j->req, 500, "%s", rotation->em.text);
        json_write_init(&w, &b, 0);
        json_write_object(&w);
        json_write_kv_u64(&w, "resealed", rotation->n);
        json_write_end(&w);
        r = json_write_finish(&w);
        return r < 0 ? r : http_request_reply_json(j->req, 200, &b);
}

int secrets_api_rotate(struct http_request *req) {
        struct rotation *rotation = arena_new(req->arena, struct rotation);
        struct scheduler_api_job *j = rotation ? scheduler_api_job_new(req) : NULL;
        int r;

        if (!j)
                return rotation ? rest_replied : -ENOMEM;
        r = secrets_new_key(scheduler_api_of(req), &rotation->em);
        if (r < 0)
                return http_request_reply_error(req, 500, "%s", rotation->em.text);
        j->extra = rotation;
        j->run = run_rotate;
        j->reply = reply_rotate;
        return scheduler_api_job_submit(j);
}

/* --- for tasks ----------------------------------------------------------------------------------
 */

static int write_connection(struct http_request *req, struct json_write *w, const char *id,
                            struct errmsg *em) {
        _cleanup_buf_ struct buf uri = {};
        struct connection c;
        int r = secrets_find_connection(scheduler_api_of(req), scheduler_api_of(req)->db, id,
                                        req->arena, &c, em);

        if (r != 0)
                return r;
        r = connection_print_uri(&c, req->arena, &uri);
        if (r < 0)
                return r;
        json_write_kv_str(w, "conn_id", id);
        connection_write(w, &c, false, req->arena);
        json_write_kv_str(w, "uri", buf_cstr(&uri));
        explicit_bzero(uri.data, uri.len);
        return 0;
}

/* GET /internal/secrets/KIND/NAME with the token of a running task: in clear. */
int secrets_api_of_task(struct http_request *req) {
        const char *kind = http_request_param(req, "kind"), *name = http_request_param(req, "name");
        struct scheduler *s = scheduler_api_of(req);
        _cleanup_buf_ struct buf b = {};
        struct errmsg em = {};
        struct secret secret;
        struct json_write w;
        int r;

        if (!req->identity || req->identity->how != AUTH_BY_TASK)
                return http_request_reply_error(req, 403,
                                                "only a running task may ask, with its token");
        json_write_init(&w, &b, 0);
        json_write_object(&w);
        if (str_eq(kind, "connections"))
                r = write_connection(req, &w, name, &em);
        else if (str_eq(kind, "variables")) {
                r = secrets_find(s, s->db, SECRETS_VARIABLE, name, req->arena, &secret, &em);
                if (r == 0) {
                        json_write_kv_str(&w, "key", name);
                        json_write_kv_str(&w, "value", secret.value);
                }
        } else
                r = 1;
        if (r == 1)
                return http_request_reply_error(req, 404, "there is no \"%s\" among the %s", name,
                                                kind);
        if (r < 0)
                return http_request_reply_error(req, 500, "%s", em.text);
        json_write_end(&w);
        r = json_write_finish(&w);
        return r < 0 ? r : http_request_reply_json(req, 200, &b);
}
