/* auth_check.h: from what a request brings to who makes it.
 *
 * The first that applies decides; a credential that is given but wrong is refused, never passed
 * over (except with authentication off):
 *   1. X-Onebox-User and -Role from a forwarder's uid (onebox-web) or our own; what these pass on
 *      without saying for whom is refused
 *   2. Authorization: Bearer (a task's or session's signed token, a personal token) or Basic (a
 *      password, or a personal token in its place)
 *   3. the cookie onebox_session; on a Unix socket one that is not (any more) good counts as none,
 *      for a browser sends every port of localhost what another tunnel has left there
 *   4. the peer of a Unix socket: root, our own uid and service uids are admin; else the highest of
 *      the user's groups onebox-admin, -op, -user, -viewer and the role in auth.db
 *   5. authentication off: "anonymous", admin, from loopback and Unix sockets
 * else 401. Wrong passwords are throttled by user and in all.
 *
 * Threads: any, calls lock for short. A password not seen in the last minutes costs 50 ms; who may
 * not wait for that is told AUTH_CHECK_SLOW.
 */
#pragma once

#include <sys/types.h>

#include "lib/auth/auth_identity.h"
#include "lib/base/macros.h"

struct arena;
struct auth_check;
struct auth_store;
struct auth_token_key;
struct auth_unix_user;
struct clock;
struct entropy;
struct errmsg;

#define AUTH_CHECK_COOKIE "onebox_session"

enum { AUTH_CHECK_REFUSED = 1, AUTH_CHECK_SLOW = 2 };

struct auth_check_options {
        struct auth_store *store;         /* borrowed; NULL: no users, no personal tokens */
        const struct auth_token_key *key; /* borrowed; NULL: no signed tokens */
        const struct clock *clock;
        struct entropy *entropy;
        bool is_off;               /* who brings nothing is admin, as with `mlflow server` */
        bool is_off_remote;        /* and also from beyond loopback */
        const uid_t *service_uids; /* our other daemons: admin; copied */
        size_t n_service_uids;
        /* For tests; NULL: the system's users (auth_unix.h). */
        int (*unix_by_uid)(uid_t uid, struct auth_unix_user *ret_user);
        int (*unix_by_name)(const char *name, struct auth_unix_user *ret_user);
        const uid_t *forwarder_uids; /* may say for whom they ask, are nobody themselves; copied */
        size_t n_forwarder_uids;
};

/* What the request brings; NULL = absent. */
struct auth_check_request {
        bool is_unix;      /* uid is the peer's and counts */
        bool is_loopback;  /* TCP: from this machine */
        bool is_passed_on; /* X-Forwarded-For is there: the peer is not who asks */
        bool is_on_loop;   /* no password may be computed: AUTH_CHECK_SLOW */
        uid_t uid;
        const char *authorization, *session_cookie;
        const char *forwarded_user, *forwarded_role; /* X-Onebox-User, X-Onebox-Role */
        const char *forwarded_task;                  /* X-Onebox-Task: the task's signed token */
};

struct auth_check_refusal {
        int status;               /* 401 or 429 */
        const char *challenge;    /* WWW-Authenticate, NULL for 429 */
        const char *message;      /* for the person who asks: what, why, remedy */
        unsigned retry_after_sec; /* for 429 */
};

int auth_check_new(const struct auth_check_options *o, struct auth_check **ret_check);
struct auth_check *auth_check_free(struct auth_check *c);
DEFINE_CLEANUP(struct auth_check *, auth_check_free)

/* 0 with *ret_identity, AUTH_CHECK_REFUSED with *ret_refusal, AUTH_CHECK_SLOW: ask again where it
 * may block, or -errno (500). */
int auth_check_run(struct auth_check *c, const struct auth_check_request *req, struct arena *a,
                   struct auth_identity *ret_identity, struct auth_check_refusal *ret_refusal);

/* A login by name and password (a form, /auth/token): as Basic, with cache and throttle. */
int auth_check_login(struct auth_check *c, const char *name, const char *password, struct arena *a,
                     struct auth_identity *ret_identity, struct auth_check_refusal *ret_refusal);

/* A signed session for an identity (not a task's), as for the cookie. NULL-terminated in `a`. */
int auth_check_session(struct auth_check *c, const struct auth_identity *identity, usec_t valid_for,
                       struct arena *a, const char **ret_token);
