/* auth_check.c: the order of auth_check.h, one function for each kind of credential. */
#include "lib/auth/auth_check.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "lib/auth/auth_cache.h"
#include "lib/auth/auth_store.h"
#include "lib/auth/auth_throttle.h"
#include "lib/auth/auth_token.h"
#include "lib/auth/auth_unix.h"
#include "lib/base/arena.h"
#include "lib/base/base64.h"
#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/entropy.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/base/utf8.h"

#define CHALLENGE_BASIC "Basic realm=\"onebox\", charset=\"UTF-8\""
#define CHALLENGE_BEARER "Bearer realm=\"onebox\", error=\"invalid_token\""
#define UNIX_FOR (30 * USEC_PER_SEC)

enum { UIDS_MAX = 32, UNIX_ROWS = 64, AUTHORIZATION_MAX = 8192 };

struct auth_check {
        struct auth_check_options o; /* the lists of uids are below */
        uid_t service_uids[UIDS_MAX], forwarder_uids[UIDS_MAX];
        uid_t own_uid;

        pthread_mutex_t lock; /* of what follows */
        struct auth_cache cache;
        struct auth_throttle throttle;
        struct {
                struct auth_unix_user user;
                usec_t until_at; /* monotonic */
        } unix_rows[UNIX_ROWS];  /* by uid */
};

/* One request's way through the functions below. */
struct check {
        struct auth_check *c;
        const struct auth_check_request *req;
        struct arena *a;
        struct auth_identity *identity;
        struct auth_check_refusal *refusal;
};

int auth_check_new(const struct auth_check_options *o, struct auth_check **ret_check) {
        struct auth_check *c;
        uint64_t seed;
        int r;

        assert(o && o->clock && o->entropy && ret_check);
        if (o->n_service_uids > UIDS_MAX || o->n_forwarder_uids > UIDS_MAX)
                return -E2BIG;
        c = mem_new(struct auth_check);
        if (!c)
                return -ENOMEM;
        c->o = *o;
        if (o->n_service_uids > 0)
                memcpy(c->service_uids, o->service_uids, o->n_service_uids * sizeof(uid_t));
        if (o->n_forwarder_uids > 0)
                memcpy(c->forwarder_uids, o->forwarder_uids, o->n_forwarder_uids * sizeof(uid_t));
        c->own_uid = geteuid();
        if (!c->o.unix_by_uid)
                c->o.unix_by_uid = auth_unix_by_uid;
        if (!c->o.unix_by_name)
                c->o.unix_by_name = auth_unix_by_name;
        r = auth_cache_init(&c->cache, o->entropy);
        if (r >= 0)
                r = entropy_fill(o->entropy, &seed, sizeof(seed));
        if (r < 0) {
                mem_free(c);
                return r;
        }
        auth_throttle_init(&c->throttle, seed, clock_mono(o->clock));
        (void) pthread_mutex_init(&c->lock, NULL);
        *ret_check = c;
        return 0;
}

struct auth_check *auth_check_free(struct auth_check *c) {
        if (!c)
                return NULL;
        auth_cache_done(&c->cache);
        (void) pthread_mutex_destroy(&c->lock);
        return mem_free(c);
}

static int refuse(struct check *k, const char *challenge, const char *message) {
        *k->refusal = (struct auth_check_refusal){
                .status = 401, .challenge = challenge, .message = message};
        return AUTH_CHECK_REFUSED;
}

static int accept_user(struct check *k, const char *name, enum auth_role role, enum auth_how how) {
        *k->identity = (struct auth_identity){
                .name = arena_strdup(k->a, name),
                .uid = k->req->is_unix ? k->req->uid : (uid_t) -1,
                .role = role,
                .how = how,
        };
        return k->identity->name ? 0 : -ENOMEM;
}

/* --- the peer of a Unix socket ------------------------------------------------------------------
 */

static bool is_listed(uid_t uid, const uid_t *uids, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (uids[i] == uid)
                        return true;
        return false;
}

static int lookup_unix(struct auth_check *c, uid_t uid, struct auth_unix_user *ret_user) {
        usec_t now_at = clock_mono(c->o.clock);
        struct auth_unix_user user = {.uid = uid};
        bool known;
        int r;

        (void) pthread_mutex_lock(&c->lock);
        known = now_at < c->unix_rows[uid % UNIX_ROWS].until_at &&
                c->unix_rows[uid % UNIX_ROWS].user.uid == uid;
        if (known)
                *ret_user = c->unix_rows[uid % UNIX_ROWS].user;
        (void) pthread_mutex_unlock(&c->lock);
        if (known)
                return 0;
        r = c->o.unix_by_uid(uid, &user); /* may take long: not under the lock */
        if (r == -ENOENT)
                (void) snprintf(user.name, sizeof(user.name), "uid-%u", (unsigned) uid);
        else if (r < 0)
                return r;
        (void) pthread_mutex_lock(&c->lock);
        c->unix_rows[uid % UNIX_ROWS].user = user;
        c->unix_rows[uid % UNIX_ROWS].until_at = now_at + UNIX_FOR;
        (void) pthread_mutex_unlock(&c->lock);
        *ret_user = user;
        return 0;
}

/* The higher of what the groups and auth.db say about a Unix user, and since when its sessions are
 * good. */
static int unix_role(struct check *k, const struct auth_unix_user *user, enum auth_role *ret_role,
                     usec_t *ret_sessions_from_at) {
        struct auth_store_user stored;
        int r = AUTH_STORE_ABSENT;

        if (k->c->o.store)
                r = auth_store_user_get(k->c->o.store, user->name, k->a, &stored);
        if (r < 0)
                return r;
        *ret_role = r == 0 ? MAX(user->role, stored.role) : user->role;
        *ret_sessions_from_at = r == 0 ? stored.sessions_from_at : 0;
        return 0;
}

static int by_peer(struct check *k) {
        struct auth_check *c = k->c;
        uid_t uid = k->req->uid;
        struct auth_unix_user user;
        enum auth_role role;
        usec_t sessions_from_at;
        int r;

        r = lookup_unix(c, uid, &user);
        if (r < 0)
                return r;
        if (uid == 0 || uid == c->own_uid || is_listed(uid, c->service_uids, c->o.n_service_uids))
                return accept_user(k, user.name, AUTH_ADMIN, AUTH_BY_PEER);
        if (is_listed(uid, c->forwarder_uids, c->o.n_forwarder_uids))
                return accept_user(k, user.name, AUTH_NONE, AUTH_BY_PEER);
        r = unix_role(k, &user, &role, &sessions_from_at);
        return r < 0 ? r : accept_user(k, user.name, role, AUTH_BY_PEER);
}

/* --- signed tokens
 * -------------------------------------------------------------------------------- */

static void set_task(struct auth_identity *identity, const struct auth_token_claims *claims) {
        identity->dag_id = claims->dag_id;
        identity->run_id = claims->run_id;
        identity->task_id = claims->task_id;
        identity->try_id = claims->try_id;
        identity->try_number = claims->try_number;
}

static int refuse_ended(struct check *k) {
        return refuse(k, CHALLENGE_BEARER, "the session was ended: log in again");
}

/* A session is worth what its user is worth now, and ends with the user. */
static int by_unix_session(struct check *k, const struct auth_token_claims *claims) {
        struct auth_unix_user user;
        usec_t sessions_from_at = 0;
        enum auth_role role = AUTH_NONE;
        int r;

        r = k->c->o.unix_by_name(claims->user, &user);
        if (r == -ENOENT)
                return refuse_ended(k);
        if (r >= 0)
                r = unix_role(k, &user, &role, &sessions_from_at);
        if (r < 0)
                return r;
        if (claims->issued_at < sessions_from_at)
                return refuse_ended(k);
        if (user.uid == 0 || user.uid == k->c->own_uid)
                role = AUTH_ADMIN;
        return accept_user(k, user.name, role, AUTH_BY_SESSION);
}

static int by_session(struct check *k, const struct auth_token_claims *claims) {
        struct auth_store_user stored;
        int r = AUTH_STORE_ABSENT;

        if (claims->source == AUTH_TOKEN_UNIX)
                return by_unix_session(k, claims);
        if (k->c->o.store)
                r = auth_store_user_get(k->c->o.store, claims->user, k->a, &stored);
        if (r < 0)
                return r;
        if (r == AUTH_STORE_ABSENT || claims->issued_at < stored.sessions_from_at)
                return refuse_ended(k);
        return accept_user(k, stored.name, stored.role, AUTH_BY_SESSION);
}

static int by_signed(struct check *k, const char *token) {
        struct auth_token_claims claims;
        int r = -EBADMSG;

        if (k->c->o.key)
                r = auth_token_verify(k->c->o.key, token, clock_now(k->c->o.clock), k->a, &claims);
        if (r == -EKEYEXPIRED)
                return refuse(k, CHALLENGE_BEARER, "the token has expired: log in again");
        if (r == -EBADMSG)
                return refuse(k, CHALLENGE_BEARER,
                              "the token is not one of this server's: log in again");
        if (r < 0)
                return r;
        if (!claims.is_task)
                return by_session(k, &claims);
        r = accept_user(k, claims.user, claims.role, AUTH_BY_TASK);
        if (r >= 0)
                set_task(k->identity, &claims);
        return r;
}

/* --- personal tokens and passwords
 * ---------------------------------------------------------------- */

/* `name`: the user it must belong to; NULL or "" = anyone. */
static int by_personal(struct check *k, const char *name, const char *text) {
        struct auth_store_token token;
        struct auth_store_user user;
        int r = AUTH_STORE_ABSENT;

        if (k->c->o.store)
                r = auth_store_token_check(k->c->o.store, text, k->a, &token, &user);
        if (r < 0)
                return r;
        if (r == AUTH_STORE_WRONG)
                return refuse(k, CHALLENGE_BEARER,
                              "the token has expired: make a new one with `onebox token`");
        if (r != 0 || (!str_empty(name) && !str_eq(name, user.name)))
                return refuse(k, CHALLENGE_BEARER,
                              "the token is unknown or was revoked: make a new one with "
                              "`onebox token`");
        return accept_user(k, user.name, MIN(token.role, user.role), AUTH_BY_TOKEN);
}

static int refuse_hasty(struct check *k, usec_t wait_for) {
        unsigned sec = (unsigned) ((wait_for + USEC_PER_SEC - 1) / USEC_PER_SEC);

        *k->refusal = (struct auth_check_refusal){
                .status = 429,
                .message = "too many wrong passwords: wait before you try again",
                .retry_after_sec = sec};
        return AUTH_CHECK_REFUSED;
}

/* 0: the password is known from lately; 1: it has to be computed, and that is counted where it may
 * be done at once; -EAGAIN: it is too early for that by *ret_wait. */
static int look_before(struct check *k, const struct auth_store_user *user, const char *name,
                       const char *password, usec_t *ret_wait) {
        usec_t now_at;
        bool known;

        (void) pthread_mutex_lock(&k->c->lock);
        now_at = clock_mono(
                k->c->o.clock); /* under the lock: the throttle's time does not go back */
        known = user && user->hash && auth_cache_has(&k->c->cache, user->hash, password, now_at);
        if (known)
                *ret_wait = 0;
        else if (!k->req->is_on_loop)
                *ret_wait = auth_throttle_take(&k->c->throttle, name, now_at);
        else
                *ret_wait = auth_throttle_peek(&k->c->throttle, name, now_at);
        (void) pthread_mutex_unlock(&k->c->lock);
        return known ? 0 : *ret_wait > 0 ? -EAGAIN : 1;
}

static void note_result(struct check *k, const char *name, const char *password, const char *hash) {
        usec_t now_at = clock_mono(k->c->o.clock);

        (void) pthread_mutex_lock(&k->c->lock);
        if (hash) {
                auth_throttle_passed(&k->c->throttle, name);
                auth_cache_add(&k->c->cache, hash, password, now_at);
        } else {
                auth_throttle_failed(&k->c->throttle, name, now_at);
        }
        (void) pthread_mutex_unlock(&k->c->lock);
}

static int by_password(struct check *k, const char *name, const char *password) {
        static const char wrong[] = "You are not authenticated: wrong user name or password";
        struct auth_store *store = k->c->o.store;
        struct auth_store_user user;
        usec_t wait_for;
        int r;

        if (!store)
                return refuse(k, CHALLENGE_BASIC, wrong);
        r = auth_store_user_get(store, name, k->a, &user);
        if (r < 0)
                return r;
        r = look_before(k, r == 0 ? &user : NULL, name, password, &wait_for);
        if (r == -EAGAIN)
                return refuse_hasty(k, wait_for);
        if (r == 0)
                return accept_user(k, user.name, user.role, AUTH_BY_PASSWORD);
        if (k->req->is_on_loop)
                return AUTH_CHECK_SLOW;
        r = auth_store_user_check(store, name, password, k->a, &user);
        if (r < 0)
                return r;
        note_result(k, name, password, r == 0 ? user.hash : NULL);
        if (r == AUTH_STORE_WRONG)
                return refuse(k, CHALLENGE_BASIC, wrong);
        return accept_user(k, user.name, user.role, AUTH_BY_PASSWORD);
}

/* --- the Authorization header
 * --------------------------------------------------------------------- */

static int by_basic(struct check *k, const char *credentials) {
        _cleanup_buf_ struct buf text = {};
        char *password;
        int r;

        r = base64_decode(&text, credentials, strlen(credentials), 0);
        if (r == -ENOMEM)
                return r;
        password = r >= 0 && text.data ? strchr(text.data, ':') : NULL;
        if (!password || strlen(text.data) != text.len || !utf8_valid(text.data, text.len))
                return refuse(k, CHALLENGE_BASIC,
                              "the Authorization header is not base64 of USER:PASSWORD");
        *password++ = '\0';
        r = auth_store_token_is(password) ? by_personal(k, text.data, password)
                                          : by_password(k, text.data, password);
        explicit_bzero(text.data, text.len);
        return r;
}

static int by_authorization(struct check *k, const char *header) {
        const char *scheme = header + strspn(header, " ");
        size_t n = strcspn(scheme, " ");
        const char *rest = scheme + n + strspn(scheme + n, " ");

        if (strnlen(header, AUTHORIZATION_MAX + 1) > AUTHORIZATION_MAX)
                return refuse(k, CHALLENGE_BEARER, "the Authorization header is too long");
        if (n == STRLEN("Basic") && strncasecmp(scheme, "Basic", n) == 0)
                return by_basic(k, rest);
        if (n == STRLEN("Bearer") && strncasecmp(scheme, "Bearer", n) == 0)
                return auth_store_token_is(rest) ? by_personal(k, NULL, rest) : by_signed(k, rest);
        return refuse(k, CHALLENGE_BASIC,
                      "the Authorization header must be `Basic …` or `Bearer …`");
}

/* --- forwarded by one of ours
 * ---------------------------------------------------------------------- */

static bool may_forward(const struct auth_check *c, const struct auth_check_request *req) {
        return req->is_unix && (req->uid == c->own_uid ||
                                is_listed(req->uid, c->forwarder_uids, c->o.n_forwarder_uids));
}

/* 0 with the claims of X-Onebox-Task, or empty ones when there is none; -EBADMSG, -ENOMEM. */
static int forwarded_task(struct check *k, struct auth_token_claims *ret_claims) {
        const char *token = k->req->forwarded_task;
        int r;

        *ret_claims = (struct auth_token_claims){};
        if (str_empty(token))
                return 0;
        if (!k->c->o.key)
                return -EBADMSG;
        r = auth_token_verify(k->c->o.key, token, clock_now(k->c->o.clock), k->a, ret_claims);
        if (r < 0)
                return r == -ENOMEM ? r : -EBADMSG;
        return ret_claims->is_task ? 0 : -EBADMSG;
}

static int by_forwarder(struct check *k) {
        const char *name = k->req->forwarded_user, *role_name = k->req->forwarded_role;
        struct auth_token_claims task;
        enum auth_role role;
        int r;

        if (!name)
                return refuse(k, NULL, "X-Onebox-User is missing");
        if (!role_name || auth_role_parse(role_name, &role) < 0)
                return refuse(k, NULL, "X-Onebox-Role is missing or not a role");
        r = forwarded_task(k, &task);
        if (r == -EBADMSG)
                return refuse(k, NULL, "X-Onebox-Task is not a task's token");
        if (r < 0)
                return r;
        r = accept_user(k, *name ? name : "nobody", *name ? role : AUTH_NONE, AUTH_BY_FORWARDER);
        if (r >= 0 && task.is_task)
                set_task(k->identity, &task);
        return r;
}

/* --- all together
 * ---------------------------------------------------------------------------------- */

static int by_credential(struct check *k) {
        const struct auth_check_request *req = k->req;

        if (may_forward(k->c, req) && (req->forwarded_user || req->is_passed_on))
                return by_forwarder(k);
        if (req->authorization)
                return by_authorization(k, req->authorization);
        if (!str_empty(req->session_cookie)) {
                int r = by_signed(k, req->session_cookie);

                /* A browser sends to every port of localhost what another machine's tunnel has left
                 * there: that is no claim, and the socket's peer is known without it. */
                if (r != AUTH_CHECK_REFUSED || !req->is_unix)
                        return r;
        }
        if (req->is_unix)
                return by_peer(k);
        return refuse(k, CHALLENGE_BASIC,
                      "You are not authenticated. Log in: send a user name and password "
                      "(MLFLOW_TRACKING_USERNAME, MLFLOW_TRACKING_PASSWORD), or a token of "
                      "`onebox token add USER` (MLFLOW_TRACKING_TOKEN)");
}

int auth_check_run(struct auth_check *c, const struct auth_check_request *req, struct arena *a,
                   struct auth_identity *ret_identity, struct auth_check_refusal *ret_refusal) {
        struct auth_check_refusal refusal = {};
        struct auth_identity identity = {};
        struct check k = {c, req, a, &identity, &refusal};
        int r;

        assert(c && req && a && ret_identity && ret_refusal);
        r = by_credential(&k);
        if (r == AUTH_CHECK_REFUSED && c->o.is_off &&
            (req->is_unix || req->is_loopback || c->o.is_off_remote))
                r = accept_user(&k, "anonymous", AUTH_ADMIN, AUTH_BY_NOTHING);
        if (r == 0)
                *ret_identity = identity;
        else if (r == AUTH_CHECK_REFUSED)
                *ret_refusal = refusal;
        return r;
}

int auth_check_login(struct auth_check *c, const char *name, const char *password, struct arena *a,
                     struct auth_identity *ret_identity, struct auth_check_refusal *ret_refusal) {
        struct auth_check_request req = {};
        struct auth_check_refusal refusal = {};
        struct auth_identity identity = {};
        struct check k = {c, &req, a, &identity, &refusal};
        int r;

        assert(name && password);
        r = by_password(&k, name, password);
        if (r == 0)
                *ret_identity = identity;
        else if (r == AUTH_CHECK_REFUSED)
                *ret_refusal = refusal;
        return r;
}

int auth_check_session(struct auth_check *c, const struct auth_identity *identity, usec_t valid_for,
                       struct arena *a, const char **ret_token) {
        usec_t now_at = clock_now(c->o.clock);
        char id[2 * 16 + 1];
        _cleanup_buf_ struct buf text = {};
        struct auth_token_claims claims = {.user = identity->name,
                                           .role = identity->role,
                                           .issued_at = now_at,
                                           .expires_at = now_at + valid_for,
                                           .id = id};
        char *token;
        int r;

        if (!c->o.key || identity->how == AUTH_BY_TASK || identity->how == AUTH_BY_NOTHING ||
            identity->how == AUTH_BY_FORWARDER)
                return -EINVAL;
        claims.source = identity->how == AUTH_BY_PEER ? AUTH_TOKEN_UNIX : AUTH_TOKEN_STORE;
        r = entropy_hex(c->o.entropy, 16, id);
        if (r >= 0)
                r = auth_token_sign(c->o.key, &claims, &text);
        if (r < 0)
                return r;
        token = arena_strndup(a, text.data, text.len);
        if (!token)
                return -ENOMEM;
        *ret_token = token;
        return 0;
}
