#include "daemons/scheduler/launch.h"

#include <errno.h>
#include <stdio.h>
#include <sys/queue.h>

#include "daemons/scheduler/launch_body.h"
#include "daemons/scheduler/live.h"
#include "daemons/scheduler/scheduler.h"
#include "lib/base/json.h"
#include "lib/base/json_write.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/net/http_ask.h"
#include "lib/net/loop.h"

#define PAUSE_MIN_FOR (50 * USEC_PER_MSEC)
#define PAUSE_MAX_FOR (5 * USEC_PER_SEC)
#define CALL_FOR (30 * USEC_PER_SEC)
#define CALLS_AT_ONCE 64

/* One thing asked for, from the first time to the last. */
struct launch_call {
        LIST_ENTRY(launch_call) in_launch;
        struct scheduler *s;
        enum launch_verb verb;
        char try_id[WORLD_ID_SIZE];
        struct buf body;
        struct http_ask_call *call; /* under way, or NULL */
        struct loop_source *pause;  /* until the next time */
        usec_t pause_for;
};

LIST_HEAD(launch_calls, launch_call);

struct launch {
        struct launch_calls calls;
        struct http_ask *ask;
        char trouble[256];
};

static void call_free(struct launch_call *c) {
        LIST_REMOVE(c, in_launch);
        http_ask_cancel(c->call);
        loop_source_free(c->pause);
        buf_done(&c->body);
        mem_free(c);
}

static int call_send(struct launch_call *c);

static int on_pause(struct loop_source *source, usec_t now, void *ctx) {
        call_send(ctx);
        return 0;
}

static void call_again(struct launch_call *c, const char *why) {
        struct launch *l = c->s->launch;

        if (!str_eq(l->trouble, why)) {
                snprintf(l->trouble, sizeof(l->trouble), "%s", why);
                log_warning("the launcher does not do as asked, asking on: %s", why);
        }
        c->pause_for = MIN(c->pause_for * 2, PAUSE_MAX_FOR);
        loop_source_arm_in(c->pause, c->pause_for);
}

/* The "detail" of an error answer, into ret. */
static void answer_detail(const struct http_ask_answer *a, char *ret, size_t size) {
        struct arena arena;
        struct json *j;
        const char *detail = NULL;

        arena_init(&arena, 0);
        if (a->body && json_parse_copy(&arena, buf_cstr(a->body), a->body->len, &j, NULL) >= 0)
                json_want_str(j, "detail", &detail, NULL);
        snprintf(ret, size, "%s", detail ? detail : "no reason was given");
        arena_done(&arena);
}

static bool answer_stopping(const struct http_ask_answer *a) {
        struct arena arena;
        bool stopping = true;
        struct json *j;

        arena_init(&arena, 0);
        if (a->body && json_parse_copy(&arena, buf_cstr(a->body), a->body->len, &j, NULL) >= 0)
                json_want_bool(j, "stopping", &stopping, NULL);
        arena_done(&arena);
        return stopping;
}

static void on_answer(void *ctx, const struct http_ask_answer *a) {
        struct launch_call *c = ctx;
        struct scheduler *s = c->s;
        enum launch_verb verb = c->verb;
        char try_id[WORLD_ID_SIZE], text[256];
        bool refused;

        c->call = NULL;
        if (a->error < 0) {
                snprintf(text, sizeof(text), "%s does not answer (%s)",
                         http_ask_path(s->launch->ask), errmsg_strerror(a->error));
                call_again(c, text);
                return;
        }
        refused = a->status >= 400 && a->status < 500;
        answer_detail(a, text, sizeof(text));
        if (a->status != 200 && !(refused && verb == LAUNCH_START)) {
                call_again(c, text);
                return;
        }
        s->launch->trouble[0] = 0;
        str_copy(try_id, sizeof(try_id), c->try_id);
        call_free(c);
        if (verb == LAUNCH_STOP)
                live_stopped(s, try_id, answer_stopping(a));
        else if (refused)
                live_refused(s, try_id, text);
        else
                live_launched(s, try_id);
}

static int call_send(struct launch_call *c) {
        const struct http_ask_request request = {
                .method = "POST",
                .target = c->verb == LAUNCH_START ? "/start" : "/stop",
                .body = c->body.data,
                .body_size = c->body.len,
                .done = on_answer,
                .ctx = c,
                .max_body = 64 * 1024,
                .total_for = CALL_FOR,
        };
        int r = http_ask_start(c->s->launch->ask, &request, &c->call);

        if (r < 0)
                call_again(c, errmsg_strerror(r));
        return r;
}

static int call_new(struct scheduler *s, enum launch_verb verb, const char *try_id,
                    struct launch_call **ret) {
        struct launch_call *c = mem_new(struct launch_call);
        int r;

        if (!c)
                return -ENOMEM;
        c->s = s;
        c->verb = verb;
        c->pause_for = PAUSE_MIN_FOR;
        str_copy(c->try_id, sizeof(c->try_id), try_id);
        LIST_INSERT_HEAD(&s->launch->calls, c, in_launch);
        r = loop_timer(s->loop, CLOCK_BOOTTIME, UINT64_MAX, 1000, on_pause, c, &c->pause);
        if (r < 0) {
                call_free(c);
                return r;
        }
        *ret = c;
        return 0;
}

static struct launch_call *call_find(struct scheduler *s, enum launch_verb verb,
                                     const char *try_id) {
        struct launch_call *c;

        LIST_FOREACH(c, &s->launch->calls, in_launch)
        if (c->verb == verb && str_eq(c->try_id, try_id))
                return c;
        return NULL;
}

static int call_body(struct launch_call *c, const char *user, const struct world_task *task) {
        struct json_write w;

        json_write_init(&w, &c->body, 0);
        json_write_object(&w);
        json_write_kv_str(&w, "try_id", c->try_id);
        if (user)
                json_write_kv_str(&w, "user", user);
        if (c->verb == LAUNCH_START)
                json_write_kv_f64(&w, "grace_s", (double) c->s->conf->stop_grace / 1e6);
        if (task)
                launch_body_write(&w, task);
        json_write_end(&w);
        return json_write_finish(&w);
}

static int ask(struct scheduler *s, enum launch_verb verb, const char *try_id, const char *user,
               const struct world_task *task) {
        struct launch_call *c;
        int r;

        if (call_find(s, verb, try_id))
                return 0;
        r = call_new(s, verb, try_id, &c);
        if (r < 0)
                return r;
        r = call_body(c, user, task);
        if (r < 0) {
                call_free(c);
                return r;
        }
        call_send(c);
        return 0;
}

int launch_start(struct scheduler *s, const char *try_id, const char *user,
                 const struct world_task *task) {
        return ask(s, LAUNCH_START, try_id, user, task);
}

int launch_stop(struct scheduler *s, const char *try_id) {
        struct launch_call *start = call_find(s, LAUNCH_START, try_id);

        /* a start that still waits for its next time is not asked for any more */
        if (start && !start->call)
                call_free(start);
        return ask(s, LAUNCH_STOP, try_id, NULL, NULL);
}

const char *launch_trouble(const struct scheduler *s) {
        return s->launch->trouble;
}

char *launch_socket_path(const struct scheduler *s) {
        return s->conf->launcher ? mem_strdup(s->conf->launcher)
                                 : paths_runtime(s->paths, "launcher.sock");
}

int launch_new(struct scheduler *s, struct launch **ret) {
        _cleanup_free_ char *path = launch_socket_path(s);
        struct launch *l = path ? mem_new(struct launch) : NULL;
        int r;

        if (!l)
                return -ENOMEM;
        LIST_INIT(&l->calls);
        r = http_ask_new(s->loop, path, CALLS_AT_ONCE, &l->ask);
        if (r < 0) {
                mem_free(l);
                return r;
        }
        *ret = l;
        return 0;
}

struct launch *launch_free(struct launch *l) {
        struct launch_call *c;

        if (!l)
                return NULL;
        while ((c = LIST_FIRST(&l->calls)))
                call_free(c);
        http_ask_free(l->ask);
        mem_free(l);
        return NULL;
}
