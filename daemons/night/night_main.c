/* onebox-night: between Google's metadata server and the scheduler.
 *
 * Tells the scheduler when the cloud is about to take this machine (preemption, a host that goes),
 * so that nothing new starts and tasks are told; and tells the cloud side, by the guest attribute
 * onebox/wake-at, when the machine is wanted again. It has the network that the scheduler has not,
 * and keeps nothing. Threads: one for each watched value, which blocks in a long question, and the
 * main one, which asks the scheduler once in a while. On a machine that is not Google's it ends at
 * once and well. */
#include "config.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "daemons/night/cloud_notice.h"
#include "lib/base/clock.h"
#include "lib/base/json.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/options.h"
#include "lib/base/str.h"
#include "lib/base/timestamp.h"
#include "lib/gcp/metadata.h"
#include "lib/net/http_call.h"
#include "lib/net/loop_notify.h"

#define WAIT_FOR (60 * USEC_PER_SEC)
#define RETRY_S 5
#define TELL_EVERY_S 30

static const struct options_daemon daemon_options = {
        .program = "onebox-night",
        .summary = "tell the scheduler when the cloud takes this machine, and the cloud when it is "
                   "wanted again",
};

struct night {
        struct http_fetch *http;
        char *address; /* of the scheduler */
};

struct watch {
        struct night *night;
        const char *path;
        pthread_t thread;
        bool began;
};

/* --- the scheduler ------------------------------------------------------------------------------
 */

static int call(const struct night *n, const char *body, struct http_call_answer *ret,
                struct errmsg *em) {
        int r = http_call(&(struct http_call){.address = n->address,
                                              .target = "/api/onebox/v1/night",
                                              .body = body,
                                              .body_size = body ? strlen(body) : 0},
                          ret, em);

        if (r == 0 && ret->status != 200)
                r = errmsg_fail(em, -EREMOTEIO, "the scheduler answers %d: %.200s", ret->status,
                                buf_cstr(&ret->body));
        return r;
}

/* Until the scheduler has it: it may be on its way down or up just now. */
static void tell(const struct night *n, const char *value, usec_t in_for) {
        char at[TIMESTAMP_SIZE] = "";
        _cleanup_free_ char *body = NULL;

        if (in_for)
                timestamp_print(clock_now(clock_system()) + in_for, TIMESTAMP_SECONDS, at);
        body = str_printf("{\"notice\": \"%s\"%s%s%s}", value, in_for ? ", \"at\": \"" : "", at,
                          in_for ? "\"" : "");
        for (int tries = 0; body && tries < 12 && !http_fetch_is_cancelled(n->http); tries++) {
                struct http_call_answer answer = {};
                struct errmsg em;
                int r = call(n, body, &answer, &em);

                http_call_answer_done(&answer);
                if (r == 0)
                        return;
                log_warning("the scheduler cannot be told of \"%s\": %s", value, em.text);
                sleep(RETRY_S);
        }
}

/* --- what the cloud says ------------------------------------------------------------------------
 */

/* Only letters and underscores are passed on. */
static bool is_word(const char *value) {
        return *value && strlen(value) < 64 &&
               value[strspn(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_")] == 0;
}

static void take(struct watch *w, char *value, bool *told) {
        const char *word = str_strip(value);
        usec_t in_for = 0;

        if (!is_word(word))
                return;
        if (cloud_notice_takes(word, &in_for)) {
                log_notice("%s says %s", w->path, word);
                tell(w->night, word, in_for);
                *told = true;
        } else if (*told) {
                log_notice("%s says %s: the machine stays", w->path, word);
                tell(w->night, word, 0);
                *told = false;
        }
}

static void *run_watch(void *ctx) {
        struct watch *w = ctx;
        char etag[METADATA_ETAG_SIZE] = "";
        struct errmsg last = {};
        bool told = false;

        while (!http_fetch_is_cancelled(w->night->http)) {
                _cleanup_free_ char *value = NULL;
                struct errmsg em = {};
                int r = metadata_wait(w->night->http, w->path, WAIT_FOR, etag, &value, &em);

                if (r == 0)
                        take(w, value, &told);
                if (r >= 0 || r == -ECANCELED)
                        continue;
                if (!str_eq(em.text, last.text)) /* an error that stays is said once */
                        log_warning("%s", em.text);
                last = em;
                sleep(RETRY_S);
        }
        return NULL;
}

/* --- what the cloud is told ---------------------------------------------------------------------
 */

/* The time the machine is wanted again, or "" for never; *last is what was told before. */
static void tell_wake(const struct night *n, char last[TIMESTAMP_SIZE], bool *complained) {
        struct http_call_answer answer = {};
        const char *wake = "";
        struct errmsg em = {};
        struct arena a;
        struct json *j;
        int r;

        arena_init(&a, 0);
        r = call(n, NULL, &answer, &em);
        if (r == 0)
                r = json_parse_copy(&a, buf_cstr(&answer.body), answer.body.len, &j, &em);
        if (r == 0) {
                (void) json_str(json_get(j, "wake_at"), &wake);
                if (!str_eq(wake, last)) {
                        r = metadata_put_guest(n->http, "onebox/wake-at", wake, &em);
                        if (r == 0)
                                (void) str_copy(last, TIMESTAMP_SIZE, wake);
                }
        }
        if (r < 0 && !*complained)
                log_warning("the wake-up time is not published: %s", em.text);
        *complained = r < 0;
        arena_done(&a);
        http_call_answer_done(&answer);
}

/* SIGTERM and SIGINT end it. */
static void run_main(const struct night *n, const sigset_t *ends) {
        const struct timespec pause = {.tv_sec = TELL_EVERY_S};
        char last[TIMESTAMP_SIZE] = "never told";
        bool complained = false;

        do
                tell_wake(n, last, &complained);
        while (sigtimedwait(ends, NULL, &pause) < 0);
}

/* --- life ---------------------------------------------------------------------------------------
 */

static int serve(const struct paths *paths, struct errmsg *em) {
        static const char *const watched[] = {METADATA_PREEMPTED, METADATA_MAINTENANCE};
        struct watch watches[ARRAY_SIZE(watched)] = {};
        struct night n = {.address = str_printf("unix:%s/scheduler.sock", paths->runtime_dir)};
        sigset_t ends;
        int r = n.address ? http_fetch_new(NULL, &n.http) : -ENOMEM;

        sigemptyset(&ends);
        sigaddset(&ends, SIGTERM);
        sigaddset(&ends, SIGINT);
        pthread_sigmask(SIG_BLOCK, &ends, NULL);
        for (size_t i = 0; i < ARRAY_SIZE(watches) && r >= 0; i++) {
                watches[i] = (struct watch){.night = &n, .path = watched[i]};
                r = -pthread_create(&watches[i].thread, NULL, run_watch, &watches[i]);
                watches[i].began = r == 0;
        }
        if (r >= 0) {
                loop_notify_ready();
                run_main(&n, &ends);
                loop_notify_stopping();
        }
        if (n.http)
                http_fetch_cancel(n.http);
        for (size_t i = 0; i < ARRAY_SIZE(watches); i++)
                if (watches[i].began)
                        pthread_join(watches[i].thread, NULL);
        http_fetch_free(n.http);
        mem_free(n.address);
        return r < 0 ? errmsg_errno(em, r, "cannot watch the metadata server") : 0;
}

int main(int argc, char **argv) {
        _cleanup_(paths_done) struct paths paths = {};
        struct errmsg em = {};
        int r, n_args, conf;

        log_init("onebox-night");
        umask(0027);
        r = options_daemon_start(&daemon_options, argc, argv, &conf, &paths, &n_args, &em);
        if (r == OPTIONS_HELP || r == OPTIONS_VERSION)
                return 0;
        if (r == 0 && !metadata_is_here()) {
                log_info("this is no machine of Google's: there is nothing to watch");
                loop_notify_ready(); /* an end before that would count as a failure */
                return 0;
        }
        if (r == 0)
                r = serve(&paths, &em);
        if (r < 0)
                log_error("%s", em.text);
        return options_exit_status(r);
}
