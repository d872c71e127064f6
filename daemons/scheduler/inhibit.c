#include "daemons/scheduler/inhibit.h"

#include <errno.h>

#include "daemons/scheduler/engine.h"
#include "daemons/scheduler/launch.h"
#include "daemons/scheduler/night_watch.h"
#include "daemons/scheduler/scheduler.h"
#include "lib/base/arena.h"
#include "lib/base/json.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/net/http_ask.h"
#include "lib/net/loop.h"

#define AGAIN_FOR (60 * USEC_PER_SEC)  /* after an answer without a lock */
#define STILL_HERE_FOR USEC_PER_MINUTE /* a shutdown that has not come by then was called off */
#define ANSWER_FOR (90 * USEC_PER_SEC) /* the launcher answers before it */

struct inhibit {
        struct scheduler *s;
        struct http_ask *ask;
        struct http_ask_call *call; /* that asks for it or gives it back; NULL: none */
        struct loop_source *timer;
        struct engine_job closed; /* its commit says that all is on the disk */
        bool is_armed, wanted, held, closing;
};

static void send(struct inhibit *i, bool hold);

static void arm(struct inhibit *i, usec_t in_for) {
        i->is_armed = true;
        loop_source_arm_in(i->timer, in_for);
}

/* --- a shutdown begins --------------------------------------------------------------------------
 */

static int run_closed(struct scheduler *s, struct engine_job *job) {
        return 0;
}

static void done_closed(struct scheduler *s, struct engine_job *job, int r) {
        struct inhibit *i = s->inhibit;

        if (!i) /* the daemon ends */
                return;
        log_notice("the machine is being shut down: nothing new is started, it may go");
        i->wanted = false;
        send(i, false);
        arm(i, STILL_HERE_FOR);
}

static void close_now(struct inhibit *i) {
        i->closing = true;
        night_watch_notice(i->s, clock_now(i->s->clock), "it is being shut down");
        i->closed.run = run_closed;
        i->closed.done = done_closed;
        if (engine_submit(i->s, &i->closed) < 0)
                done_closed(i->s, &i->closed, 0);
}

/* --- asking -------------------------------------------------------------------------------------
 */

static void read_answer(struct inhibit *i, const struct http_ask_answer *a, bool *ret_stopping) {
        struct arena arena;
        struct json *j;

        arena_init(&arena, 0);
        i->held = false;
        if (a->error >= 0 && a->status == 200 && a->body &&
            json_parse_copy(&arena, buf_cstr(a->body), a->body->len, &j, NULL) >= 0) {
                (void) json_want_bool(j, "held", &i->held, NULL);
                (void) json_want_bool(j, "stopping", ret_stopping, NULL);
        }
        arena_done(&arena);
}

static void on_answer(void *ctx, const struct http_ask_answer *a) {
        struct inhibit *i = ctx;
        bool stopping = false;

        i->call = NULL;
        read_answer(i, a, &stopping);
        if (stopping && i->wanted && !i->closing)
                close_now(i);
        else if (i->wanted && i->held)
                send(i, true);
        else if (i->wanted)
                arm(i, AGAIN_FOR);
}

static void send(struct inhibit *i, bool hold) {
        static const char yes[] = "{\"hold\":true}", no[] = "{\"hold\":false}";
        const struct http_ask_request request = {
                .target = "/hold",
                .body = hold ? yes : no,
                .body_size = hold ? sizeof(yes) - 1 : sizeof(no) - 1,
                .done = on_answer,
                .ctx = i,
                .max_body = 4096,
                .total_for = ANSWER_FOR,
        };

        http_ask_cancel(i->call);
        i->call = NULL;
        /* who waits for the answer is told by it; to be asked is as good as held */
        i->held = hold;
        if (http_ask_start(i->ask, &request, &i->call) < 0) {
                i->held = false;
                arm(i, AGAIN_FOR);
        }
}

static int on_timer(struct loop_source *source, usec_t now, void *ctx) {
        struct inhibit *i = ctx;
        bool wanted = i->s->world.n_live > 0;

        i->is_armed = false;
        if (i->closing) {
                log_notice("the machine is still on: the shutdown was called off, work goes on");
                i->closing = false;
                night_watch_notice(i->s, USEC_INFINITY, "");
        }
        if (wanted != i->wanted || (wanted && !i->call)) {
                i->wanted = wanted;
                send(i, wanted);
        }
        return 0;
}

void inhibit_look(struct scheduler *s) {
        struct inhibit *i = s->inhibit;

        if (!i->is_armed && !i->closing && (s->world.n_live > 0) != i->wanted)
                arm(i, INHIBIT_AFTER);
}

bool inhibit_is_held(const struct scheduler *s) {
        return s->inhibit && s->inhibit->held;
}

/* --- life ---------------------------------------------------------------------------------------
 */

int inhibit_new(struct scheduler *s, struct inhibit **ret) {
        _cleanup_free_ char *path = launch_socket_path(s);
        struct inhibit *i = path ? mem_new(struct inhibit) : NULL;
        int r;

        if (!i)
                return -ENOMEM;
        i->s = s;
        r = http_ask_new(s->loop, path, 1, &i->ask);
        if (r >= 0)
                r = loop_timer(s->loop, CLOCK_BOOTTIME, UINT64_MAX, USEC_PER_SEC, on_timer, i,
                               &i->timer);
        if (r < 0) {
                inhibit_free(i);
                return r;
        }
        *ret = i;
        return 0;
}

struct inhibit *inhibit_free(struct inhibit *i) {
        if (!i)
                return NULL;
        http_ask_cancel(i->call);
        loop_source_free(i->timer);
        http_ask_free(i->ask);
        mem_free(i);
        return NULL;
}
