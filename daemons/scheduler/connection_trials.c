#include "daemons/scheduler/connection_trials.h"

#include <errno.h>
#include <string.h>

#include "daemons/scheduler/callbacks.h"
#include "daemons/scheduler/launch.h"
#include "daemons/scheduler/mask_tell.h"
#include "daemons/scheduler/scheduler.h"
#include "daemons/scheduler/spool.h"
#include "daemons/scheduler/spool_end.h"
#include "lib/auth/auth_token.h"
#include "lib/base/json_write.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/net/http_request.h"
#include "lib/net/loop.h"

#define TRY_FOR (CONNECTION_TRIALS_FOR - 5 * USEC_PER_SEC)
#define TASK_ID "connection_test"

struct trial {
        struct scheduler *s;
        char try_id[WORLD_ID_SIZE];
        struct buf connection;    /* JSON in clear, until it was fetched */
        struct buf secrets;       /* what no message may show, with a NUL after each */
        struct http_request *req; /* who asked; NULL: is answered */
        struct loop_source *timer;
};

struct connection_trials {
        struct strmap live; /* try → struct trial */
};

static void wipe(struct buf *b) {
        if (b->data)
                explicit_bzero(b->data, b->len);
        buf_done(b);
}

static void trial_free(void *p) {
        struct trial *t = p;

        loop_source_free(t->timer);
        wipe(&t->connection);
        wipe(&t->secrets);
        mem_free(t);
}

/* --- answering ----------------------------------------------------------------------------------
 */

static int reply(struct http_request *req, bool good, const char *message) {
        _cleanup_buf_ struct buf b = {};
        struct json_write w;
        int r;

        json_write_init(&w, &b, 0);
        json_write_object(&w);
        json_write_kv_bool(&w, "status", good);
        json_write_kv_str(&w, "message", message);
        json_write_end(&w);
        r = json_write_finish(&w);
        return r < 0 ? r : http_request_reply_json(req, 200, &b);
}

/* A copy with every secret as "***": servers like to repeat what they refuse. NULL: no memory. */
static const char *without_secrets(struct arena *a, const struct buf *secrets, const char *text) {
        for (size_t at = 0; text && at < secrets->len; at += strlen(secrets->data + at) + 1) {
                const char *secret = secrets->data + at, *found;
                size_t n = strlen(secret);

                while (n > 2 && text && (found = strstr(text, secret)))
                        text = arena_printf(a, "%.*s***%s", (int) (found - text), text, found + n);
        }
        return text;
}

static void answer(struct trial *t, bool good, const char *message) {
        struct http_request *req = t->req;
        const char *shown;

        if (!req)
                return;
        t->req = NULL;
        shown = without_secrets(req->arena, &t->secrets, message);
        if (!shown || reply(req, good, shown) < 0)
                http_request_reply_error(req, 500, "no memory for the answer");
}

static void forget(struct trial *t) {
        (void) spool_acknowledge(t->s->tasks_dir, t->try_id);
        strmap_remove(&t->s->connection_trials->live, t->try_id);
}

static int on_timer(struct loop_source *source, usec_t now, void *ctx) {
        struct trial *t = ctx;
        struct scheduler *s = t->s;
        char try_id[WORLD_ID_SIZE];

        str_copy(try_id, sizeof(try_id), t->try_id);
        answer(t, false,
               "no answer within 60 s: is onebox-launcher running, and is the machine very busy? "
               "(onebox status)");
        if (spool_cancel(s->tasks_dir, try_id) != 0)
                (void) launch_stop(s, try_id);
        forget(t);
        return 0;
}

/* --- beginning ----------------------------------------------------------------------------------
 */

static int sign(struct trial *t, const char *id, struct buf *out) {
        struct scheduler *s = t->s;
        usec_t now = clock_now(s->clock);

        if (!s->token_key)
                return -EACCES;
        return auth_token_sign(s->token_key,
                               &(struct auth_token_claims){
                                       .is_task = true,
                                       .user = "onebox",
                                       .role = AUTH_VIEWER,
                                       .issued_at = now,
                                       .expires_at = now + CONNECTION_TRIALS_FOR + USEC_PER_MINUTE,
                                       .dag_id = TASK_ID,
                                       .run_id = id,
                                       .task_id = TASK_ID,
                                       .try_id = t->try_id,
                                       .try_number = 1},
                               out);
}

/* The ids are of no DAG: a try that nobody waits for any more is stopped by replay. */
static int prepare(struct trial *t, const char *id) {
        _cleanup_free_ char *socket_path = paths_runtime(t->s->paths, "scheduler.sock");
        _cleanup_buf_ struct buf spec = {}, token = {};
        struct json_write w;
        int r = socket_path ? sign(t, id, &token) : -ENOMEM;

        if (r < 0)
                return r;
        json_write_init(&w, &spec, 0);
        json_write_object(&w);
        json_write_kv_i64(&w, "version", 1);
        json_write_kv_str(&w, "try_id", t->try_id);
        json_write_kv_str(&w, "dag_id", TASK_ID);
        json_write_kv_str(&w, "run_id", id);
        json_write_kv_str(&w, "task_id", TASK_ID);
        json_write_kv_array(&w, "argv");
        json_write_str(&w, callbacks_program(t->s));
        json_write_str(&w, "connections");
        json_write_str(&w, "probe");
        json_write_end(&w);
        json_write_kv_object(&w, "env");
        json_write_kv_str(&w, "ONEBOX_TRY_ID", t->try_id);
        json_write_kv_str(&w, "ONEBOX_SOCKET", socket_path);
        json_write_kv_str(&w, "MLFLOW_TRACKING_TOKEN", buf_cstr(&token));
        json_write_kv_str(&w, "PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin");
        json_write_end(&w);
        json_write_kv_f64(&w, "timeout_s", (double) TRY_FOR / 1e6);
        json_write_kv_f64(&w, "grace_s", 1);
        json_write_kv_u64(&w, "log_limit", 64 << 10);
        json_write_end(&w);
        r = json_write_finish(&w);
        return r < 0 ? r : spool_prepare(t->s->tasks_dir, t->try_id, spec.data, spec.len);
}

static int write_clear(struct trial *t, const char *id, const struct connection *c,
                       struct arena *a) {
        struct json_write w;

        json_write_init(&w, &t->connection, 0);
        json_write_object(&w);
        json_write_kv_str(&w, "conn_id", id);
        connection_write(&w, c, false, a);
        json_write_end(&w);
        return json_write_finish(&w);
}

static int trial_new(struct scheduler *s, const char *id, const struct connection *c,
                     struct arena *a, struct trial **ret) {
        struct trial *t = mem_new(struct trial);
        int r;

        if (!t)
                return -ENOMEM;
        t->s = s;
        r = entropy_uuid7(s->entropy, clock_now(s->clock), t->try_id);
        if (r >= 0)
                r = write_clear(t, id, c, a);
        if (r >= 0)
                r = mask_tell_connection(c, a, &t->secrets);
        if (r >= 0)
                r = loop_timer_in(s->loop, CONNECTION_TRIALS_FOR, USEC_PER_SEC, on_timer, t,
                                  &t->timer);
        if (r >= 0)
                r = strmap_set(&s->connection_trials->live, t->try_id, t);
        if (r < 0) {
                trial_free(t);
                return r;
        }
        *ret = t;
        return 0;
}

int connection_trials_begin(struct scheduler *s, struct http_request *req, const char *id,
                            const struct connection *c) {
        struct trial *t;
        int r;

        if (s->connection_trials->live.n >= CONNECTION_TRIALS_MAX)
                return http_request_reply_error(req, 429,
                                                "%d connections are being tested: try again in a "
                                                "moment",
                                                CONNECTION_TRIALS_MAX);
        r = trial_new(s, id, c, req->arena, &t);
        if (r < 0)
                return r;
        r = prepare(t, id);
        if (r >= 0)
                r = launch_start(s, t->try_id, NULL, NULL);
        if (r < 0) {
                strmap_remove(&s->connection_trials->live, t->try_id);
                return http_request_reply_error(req, 503, "the test cannot be started: %s",
                                                errmsg_strerror(r));
        }
        t->req = req;
        return HTTP_LATER;
}

/* --- the try ------------------------------------------------------------------------------------
 */

bool connection_trials_look(struct scheduler *s, const char *try_id) {
        struct trial *t = strmap_get(&s->connection_trials->live, try_id);
        struct replay_fact fact = {};
        struct spool_end end;
        char text[512];
        struct arena a;
        int r;

        if (!t)
                return false;
        arena_init(&a, 0);
        r = spool_look(s->tasks_dir, try_id, &a, &fact, &end);
        if (r == 0 && fact.has_end) {
                const char *told;

                spool_end_text(&end, text, sizeof(text));
                told = arena_printf(&a, "the test ended without an answer: %s", text);
                answer(t, false, told ? told : text);
                forget(t);
        }
        arena_done(&a);
        return true;
}

bool connection_trials_refused(struct scheduler *s, const char *try_id, const char *reason) {
        struct trial *t = strmap_get(&s->connection_trials->live, try_id);

        if (!t)
                return false;
        answer(t, false, reason);
        (void) spool_cancel(s->tasks_dir, try_id);
        forget(t);
        return true;
}

int connection_trials_fetch(struct http_request *req, const char *try_id) {
        struct scheduler *s = req->ctx;
        struct trial *t = strmap_get(&s->connection_trials->live, try_id);
        int r;

        if (!t || t->connection.len == 0)
                return http_request_reply_error(req, 404, "there is no test to be made");
        r = mask_tell_try(s->tasks_dir, try_id, &t->secrets);
        if (r < 0)
                return http_request_reply_error(
                        req, 503, "onebox-task cannot be told what to mask yet, try again: %s",
                        errmsg_strerror(r));
        r = http_request_reply(req, 200, "application/json", t->connection.data, t->connection.len);
        if (r >= 0)
                wipe(&t->connection);
        return r;
}

int connection_trials_report(struct http_request *req, const char *try_id, bool good,
                             const char *message) {
        struct scheduler *s = req->ctx;
        struct trial *t = strmap_get(&s->connection_trials->live, try_id);

        if (t)
                answer(t, good, message);
        return http_request_reply(req, 200, "application/json", "{}", 2);
}

/* --- life ---------------------------------------------------------------------------------------
 */

int connection_trials_new(struct scheduler *s, struct connection_trials **ret) {
        struct connection_trials *t = mem_new(struct connection_trials);

        if (!t)
                return -ENOMEM;
        strmap_init(&t->live, trial_free);
        *ret = t;
        return 0;
}

struct connection_trials *connection_trials_free(struct connection_trials *t) {
        struct strmap_entry *e;

        if (!t)
                return NULL;
        map_each (e, &t->live)
                answer(e->value, false, "onebox-scheduler was stopped meanwhile: test again");
        strmap_done(&t->live);
        mem_free(t);
        return NULL;
}
