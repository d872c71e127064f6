/* secrets_api.c: see secrets_api.h; rotation of the key; and what a running task may ask for. */
#include "daemons/scheduler/secrets_api.h"

#include <errno.h>
#include <string.h>

#include "daemons/scheduler/mask_tell.h"
#include "daemons/scheduler/rest_bulk.h"
#include "lib/auth/auth_identity.h"
#include "lib/base/log.h"
#include "lib/base/str.h"

#define NO_NAME "a %s's name has 1 to %u bytes and no slash, tab or newline"

/* --- reading ------------------------------------------------------------------------------------
 */

struct listing {
        const struct secrets_api_noun *noun;
        struct json_write *w;
        struct arena *a;
        struct rest_page page;
        const char *pattern;
        int64_t n;
};

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
        int r = 0;

        if (!matches(l->pattern, v->name))
                return 0;
        if (l->n >= l->page.offset && l->n < l->page.offset + l->page.limit)
                r = l->noun->write(l->w, v, l->a);
        l->n++;
        return r;
}

int secrets_api_list(struct http_request *req, const struct secrets_api_noun *noun,
                     const char *pattern) {
        struct listing l = {.noun = noun, .a = req->arena, .pattern = pattern};
        _cleanup_buf_ struct buf b = {};
        struct json_write w;
        struct db *db;
        int r;

        if (!rest_read_page(req, &l.page) || !(db = scheduler_api_reader(req)))
                return rest_replied;
        json_write_init(&w, &b, 0);
        json_write_object(&w);
        json_write_kv_array(&w, noun->plural);
        l.w = &w;
        r = secrets_each(scheduler_api_of(req), db, noun->kind, req->arena, list_one, &l);
        json_write_end(&w);
        json_write_kv_i64(&w, "total_entries", l.n);
        json_write_end(&w);
        if (r >= 0)
                r = json_write_finish(&w);
        return r < 0 ? r : http_request_reply_json(req, 200, &b);
}

static int reply_one(struct http_request *req, struct db *db, const struct secrets_api_noun *noun,
                     const char *name, int status) {
        _cleanup_buf_ struct buf b = {};
        struct errmsg em = {};
        struct json_write w;
        struct secret v;
        int r = secrets_get(scheduler_api_of(req), db, noun->kind, name, req->arena, &v, &em);

        if (r == 1)
                return http_request_reply_error(req, 404, "there is no %s \"%s\"", noun->kind,
                                                name);
        if (r < 0)
                return http_request_reply_error(req, 500, "%s", em.text);
        json_write_init(&w, &b, 0);
        r = noun->write(&w, &v, req->arena);
        if (r >= 0)
                r = json_write_finish(&w);
        return r < 0 ? r : http_request_reply_json(req, status, &b);
}

int secrets_api_get(struct http_request *req, const struct secrets_api_noun *noun) {
        struct db *db = scheduler_api_reader(req);

        return db ? reply_one(req, db, noun, http_request_param(req, noun->param), 200)
                  : rest_replied;
}

/* --- changing -----------------------------------------------------------------------------------
 */

bool secrets_api_changes(const struct secrets_api_change *c, const char *key) {
        return str_empty(c->mask) ? json_get(c->body, key) != NULL
                                  : str_has_word(c->mask, ",", key);
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
        int r = c->noun->fill(c, j->req->arena, old, &now, &em);

        if (r == -EINVAL)
                return scheduler_api_job_refuse(j, 422, "%s", em.text);
        return r < 0 ? r : secrets_put(s, c->noun->kind, &now);
}

static int change_secret(struct scheduler *s, struct scheduler_api_job *j,
                         struct secrets_api_change *c) {
        struct secret old;
        struct errmsg em = {};
        int r = secrets_get(s, s->db, c->noun->kind, c->name, j->req->arena, &old, &em);
        bool exists = r != 1;

        if (r < 0 && r != -ENOKEY && r != -EBADMSG)
                return r;
        if (c->is_new && exists)
                return scheduler_api_job_refuse(j, 409, "there is a %s \"%s\" already",
                                                c->noun->kind, c->name);
        if (!c->is_new && !exists)
                return scheduler_api_job_refuse(j, 404, "there is no %s \"%s\"", c->noun->kind,
                                                c->name);
        if (r < 0) /* what cannot be opened any more can be set anew */
                old = (struct secret){.name = c->name, .value = ""};
        r = c->is_delete ? secrets_delete(s, c->noun->kind, c->name)
                         : put(s, j, c, exists ? &old : NULL);
        if (r > 0)
                return r;
        if (r >= 0)
                r = scheduler_api_job_log(s, j, event_of(c), c->name);
        return MIN(r, 0);
}

static int run_change(struct scheduler *s, struct scheduler_api_job *j) {
        return change_secret(s, j, j->extra);
}

static int reply_change(struct scheduler *s, struct scheduler_api_job *j) {
        struct secrets_api_change *c = j->extra;

        if (c->is_delete)
                return http_request_reply_empty(j->req, 204);
        return reply_one(j->req, s->db, c->noun, c->name, c->is_new ? 201 : 200);
}

static bool is_name(const char *name) {
        return !str_empty(name) && strlen(name) <= SECRETS_NAME_MAX && !strpbrk(name, "/\n\r\t");
}

/* Checks the name and submits; answers 201, 200 or 204. */
static int submit(struct http_request *req, struct secrets_api_change *c) {
        struct scheduler_api_job *j = scheduler_api_job_new(req);

        if (!j)
                return rest_replied;
        if (!is_name(c->name))
                return http_request_reply_error(req, 422, NO_NAME, c->noun->kind, SECRETS_NAME_MAX);
        c->mask = http_request_query(req, "update_mask");
        j->extra = c;
        j->run = run_change;
        j->reply = reply_change;
        return scheduler_api_job_submit(j);
}

static int change(struct http_request *req, const struct secrets_api_noun *noun, const char *name) {
        struct secrets_api_change *c = arena_new(req->arena, struct secrets_api_change);
        const char *given = NULL;
        struct errmsg em;

        if (!c)
                return -ENOMEM;
        if (!rest_read_body(req, noun->keys, noun->n_keys, &c->body))
                return rest_replied;
        if (json_want_str(c->body, noun->name_key, &given, &em) < 0)
                return rest_refuse(req, &em);
        if (name && given && !str_eq(name, given))
                return http_request_reply_error(req, 400, "\"%s\" is not that of the path",
                                                noun->name_key);
        c->noun = noun;
        c->is_new = !name;
        c->name = name ? name : given;
        return submit(req, c);
}

int secrets_api_create(struct http_request *req, const struct secrets_api_noun *noun) {
        return change(req, noun, NULL);
}

int secrets_api_patch(struct http_request *req, const struct secrets_api_noun *noun) {
        return change(req, noun, http_request_param(req, noun->param));
}

int secrets_api_delete(struct http_request *req, const struct secrets_api_noun *noun) {
        struct secrets_api_change *c = arena_new(req->arena, struct secrets_api_change);

        if (!c)
                return -ENOMEM;
        c->noun = noun;
        c->name = http_request_param(req, noun->param);
        c->is_delete = true;
        return submit(req, c);
}

/* --- many at once -------------------------------------------------------------------------------
 */

struct bulk {
        struct rest_bulk_noun bulk;
        const struct secrets_api_noun *noun;
};

static const struct secrets_api_noun *noun_of(const struct rest_bulk_noun *bulk) {
        return container_of(bulk, const struct bulk, bulk)->noun;
}

static int bulk_exists(struct scheduler *s, struct scheduler_api_job *j,
                       const struct rest_bulk_noun *bulk, const char *name) {
        struct secret v;
        struct errmsg em = {};
        int r = secrets_get(s, s->db, noun_of(bulk)->kind, name, j->req->arena, &v, &em);

        if (r == -ENOKEY || r == -EBADMSG) /* there is one that cannot be opened */
                return 1;
        return r < 0 ? r : r == 0;
}

static int bulk_put(struct scheduler *s, struct scheduler_api_job *j,
                    const struct rest_bulk_noun *bulk, const char *name, const struct json *entity,
                    const char *mask, bool is_new) {
        struct secrets_api_change c = {.noun = noun_of(bulk),
                                       .name = name,
                                       .is_new = is_new,
                                       .body = entity,
                                       .mask = mask};

        if (!is_name(name))
                return scheduler_api_job_refuse(j, 422, NO_NAME, bulk->kind, SECRETS_NAME_MAX);
        return change_secret(s, j, &c);
}

static int bulk_drop(struct scheduler *s, struct scheduler_api_job *j,
                     const struct rest_bulk_noun *bulk, const char *name) {
        struct secrets_api_change c = {.noun = noun_of(bulk), .name = name, .is_delete = true};

        return change_secret(s, j, &c);
}

int secrets_api_bulk(struct http_request *req, const struct secrets_api_noun *noun) {
        struct bulk *b = arena_new(req->arena, struct bulk);

        if (!b)
                return -ENOMEM;
        *b = (struct bulk){.bulk = {.kind = noun->kind,
                                    .name_key = noun->name_key,
                                    .keys = noun->keys,
                                    .n_keys = noun->n_keys,
                                    .exists = bulk_exists,
                                    .put = bulk_put,
                                    .drop = bulk_drop},
                           .noun = noun};
        return rest_bulk(req, &b->bulk);
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

static int write_connection(struct http_request *req, struct db *db, struct json_write *w,
                            const char *id, struct buf *secret, struct errmsg *em) {
        _cleanup_buf_ struct buf uri = {};
        struct connection c;
        int r = secrets_find_connection(scheduler_api_of(req), db, id, req->arena, &c, em);

        if (r != 0)
                return r;
        r = connection_print_uri(&c, req->arena, &uri);
        if (r < 0)
                return r;
        json_write_kv_str(w, "conn_id", id);
        connection_write(w, &c, false, req->arena);
        json_write_kv_str(w, "uri", buf_cstr(&uri));
        explicit_bzero(uri.data, uri.len);
        return mask_tell_connection(&c, req->arena, secret);
}

static int write_variable(struct http_request *req, struct db *db, struct json_write *w,
                          const char *name, struct buf *secret, struct errmsg *em) {
        struct scheduler *s = scheduler_api_of(req);
        struct secret v;
        int r = secrets_find(s, db, SECRETS_VARIABLE, name, req->arena, &v, em);

        if (r != 0)
                return r;
        json_write_kv_str(w, "key", name);
        json_write_kv_str(w, "value", v.value);
        return mask_tell_variable(name, v.value, req->arena, secret);
}

/* The log of the task must not show it: told before the task has it. */
static int tell(struct http_request *req, struct buf *secret) {
        int r = mask_tell_try(scheduler_api_of(req)->tasks_dir, req->identity->try_id, secret);

        if (secret->data)
                explicit_bzero(secret->data, secret->len);
        return r;
}

/* GET /internal/secrets/KIND/NAME with the token of a running task: in clear. */
int secrets_api_of_task(struct http_request *req) {
        const char *kind = http_request_param(req, "kind"), *name = http_request_param(req, "name");
        _cleanup_buf_ struct buf b = {}, secret = {};
        struct errmsg em = {};
        struct json_write w;
        struct db *db;
        int r;

        if (!req->identity || req->identity->how != AUTH_BY_TASK)
                return http_request_reply_error(req, 403,
                                                "only a running task may ask, with its token");
        db = scheduler_api_reader(req);
        if (!db)
                return rest_replied;
        json_write_init(&w, &b, 0);
        json_write_object(&w);
        if (str_eq(kind, "connections"))
                r = write_connection(req, db, &w, name, &secret, &em);
        else if (str_eq(kind, "variables"))
                r = write_variable(req, db, &w, name, &secret, &em);
        else
                r = 1;
        if (r == 1)
                return http_request_reply_error(req, 404, "there is no \"%s\" among the %s", name,
                                                kind);
        if (r < 0)
                return http_request_reply_error(req, 500, "%s", em.text);
        json_write_end(&w);
        r = json_write_finish(&w);
        if (r < 0)
                return r;
        r = tell(req, &secret);
        if (r < 0)
                return http_request_reply_error(
                        req, 503, "onebox-task cannot be told what to mask yet, try again: %s",
                        errmsg_strerror(r));
        return http_request_reply_json(req, 200, &b);
}
