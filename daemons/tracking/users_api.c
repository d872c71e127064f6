#include "daemons/tracking/users_api.h"

#include <errno.h>
#include <string.h>

#include "daemons/tracking/roles_api.h"
#include "daemons/tracking/users_call.h"
#include "lib/base/str.h"

static void write_user(struct json_write *w, const struct auth_store_user *u) {
        json_write_kv_i64(w, "id", u->id);
        json_write_kv_str(w, "username", u->name);
        json_write_kv_bool(w, "is_admin", u->role == AUTH_ADMIN);
}

static void answer_user(struct users_call *c, const char *name) {
        struct auth_store_user u;

        if (users_call_user(c, name, &u) != 0)
                return;
        json_write_kv_object(&c->json, "user");
        write_user(&c->json, &u);
        json_write_end(&c->json);
}

/* Names and passwords that auth.db does not take, in its words. */
static int check_taken(struct users_call *c, int answer, const struct errmsg *em) {
        if (answer == -EINVAL)
                ask_check(&c->q, refusal_invalid(&c->q.refusal, "%s", em->text));
        return answer;
}

static void run_create(struct users_call *c) {
        const char *name, *password, *exists;
        struct errmsg em = {};
        int r;

        name = ask_str(&c->q, "username", ASK_NEED);
        password = ask_str(&c->q, "password", ASK_NEED);
        if (users_call_need(c, NULL) == 0) {
                exists = arena_printf(c->q.arena, "User (username=%s) already exists.", name);
                r = auth_store_user_insert(c->store, name, password, AUTH_USER, &em);
                users_call_check(c, exists ? check_taken(c, r, &em) : -ENOMEM, "", exists);
                answer_user(c, name);
        }
}

int users_api_create(struct http_request *req) {
        return users_call_run(req, USERS_CALL_ANYBODY, run_create);
}

static void run_get(struct users_call *c) {
        const char *name;

        name = ask_str(&c->q, "username", ASK_NEED);
        if (users_call_need(c, name) == 0)
                answer_user(c, name);
}

int users_api_get(struct http_request *req) {
        return users_call_run(req, USERS_CALL_ANYBODY, run_get);
}

static void run_current(struct users_call *c) {
        struct auth_store_user u = {};
        int r;

        /* A Unix user need not be in auth.db. */
        r = auth_store_user_get(c->store, c->who->name, c->q.arena, &u);
        if (r < 0)
                ask_check(&c->q, r);
        u.name = c->who->name;
        u.role = c->who->role;
        json_write_kv_bool(&c->json, "is_basic_auth", true);
        json_write_kv_object(&c->json, "user");
        write_user(&c->json, &u);
        json_write_end(&c->json);
}

int users_api_current(struct http_request *req) {
        return users_call_run(req, USERS_CALL_ANYBODY, run_current);
}

static void run_list(struct users_call *c) {
        struct auth_store_user *users = NULL;
        size_t n = 0;

        ask_check(&c->q, auth_store_user_list(c->store, c->q.arena, &users, &n));
        json_write_kv_array(&c->json, "users");
        for (size_t i = 0; i < n; i++) {
                json_write_object(&c->json);
                write_user(&c->json, &users[i]);
                roles_api_write_of(c, users[i].name);
                json_write_end(&c->json);
        }
        json_write_end(&c->json);
}

int users_api_list(struct http_request *req) {
        return users_call_run(req, USERS_CALL_ANYBODY, run_list);
}

/* Who changes his own password says the one he has. */
static void check_current(struct users_call *c, const char *name, const char *password) {
        const char *current = ask_str(&c->q, "current_password", 0);
        struct auth_store_user u;
        int r;

        if (c->q.result != 0 || !str_eq(name, c->who->name))
                return;
        if (str_empty(current)) {
                ask_check(&c->q, refusal_invalid(&c->q.refusal, "Current password is required when "
                                                                "changing your own password."));
                return;
        }
        r = auth_store_user_check(c->store, name, current, c->q.arena, &u);
        if (r == AUTH_STORE_WRONG)
                r = refusal_invalid(&c->q.refusal, "Current password does not match.");
        else if (r == 0 && str_eq(current, password))
                r = refusal_invalid(&c->q.refusal,
                                    "New password must differ from the current password.");
        ask_check(&c->q, r);
}

static void run_update_password(struct users_call *c) {
        const char *name, *password;
        struct auth_store_user u;
        struct errmsg em = {};
        int r;

        name = ask_str(&c->q, "username", ASK_NEED);
        password = ask_str(&c->q, "password", ASK_NEED);
        users_call_need(c, name);
        users_call_user(c, name, &u);
        check_current(c, name, password);
        if (c->q.result == 0) {
                r = auth_store_user_set_password(c->store, name, password, &em);
                users_call_check(c, check_taken(c, r, &em), "User not found", "");
        }
}

int users_api_update_password(struct http_request *req) {
        return users_call_run(req, USERS_CALL_ANYBODY, run_update_password);
}

static void run_update_admin(struct users_call *c) {
        struct auth_store_user u;
        bool admin = false;
        const char *name;

        name = ask_str(&c->q, "username", ASK_NEED);
        if (!ask_bool(&c->q, "is_admin", &admin) && c->q.result == 0)
                ask_check(&c->q, refusal_invalid(&c->q.refusal,
                                                 "Missing value for required parameter 'is_admin'. "
                                                 "See the API docs for more information about "
                                                 "request parameters."));
        users_call_need(c, NULL);
        if (users_call_user(c, name, &u) == 0)
                users_call_check(c,
                                 auth_store_user_set_role(c->store, name,
                                                          admin                ? AUTH_ADMIN
                                                          : u.role > AUTH_USER ? AUTH_USER
                                                                               : u.role),
                                 "User not found", "");
}

int users_api_update_admin(struct http_request *req) {
        return users_call_run(req, USERS_CALL_ANYBODY, run_update_admin);
}

static void run_delete(struct users_call *c) {
        struct auth_store_user u;
        const char *name;

        name = ask_str(&c->q, "username", ASK_NEED);
        users_call_need(c, NULL);
        if (c->q.result == 0 && str_eq(name, c->who->name))
                ask_check(&c->q, refusal_set(&c->q.refusal, REFUSAL_BAD_REQUEST,
                                             "Users cannot delete their own account. Ask another "
                                             "admin to delete this user instead."));
        if (users_call_user(c, name, &u) == 0)
                users_call_check(c, auth_store_user_delete(c->store, name), "User not found", "");
}

int users_api_delete(struct http_request *req) {
        return users_call_run(req, USERS_CALL_ANYBODY, run_delete);
}
