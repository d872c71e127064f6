/* Owns the way down: a signal or quitquitquit, the least delay (still serving everybody), the
 * longest one (until the last connection is closed), the exit code. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "daemons/sqlproxy/flags_value.h"
#include "daemons/sqlproxy/proxy.h"
#include "daemons/sqlproxy/proxy_log.h"
#include "lib/net/loop_notify.h"

#define EXIT_SIGINT 130
#define EXIT_SIGTERM 143

static uint64_t n_open(const struct proxy *p) {
        return p->dataplane ? atomic_load(&p->dataplane->n_open) : 0;
}

static void close_now(struct proxy *p) {
        char span[FLAGS_VALUE_DURATION_MAX];
        uint64_t n = n_open(p);

        if (p->phase == PROXY_CLOSED)
                return;
        if (p->flags.max_sigterm_delay > 0 && n > 0) {
                proxy_log_error(
                        "error during shutdown: %llu connection(s) still open after waiting "
                        "%s",
                        (unsigned long long) n,
                        flags_value_print_duration(p->flags.max_sigterm_delay, span));
                p->exit_code = EXIT_FAILURE;
        }
        proxy_move(p, PROXY_CLOSED);
        loop_quit(p->loop, p->exit_code);
}

static int on_late(struct loop_source *s, usec_t now, void *ctx) {
        close_now(ctx);
        return 0;
}

static void on_closed_task(struct loop_task *t) {
        struct proxy *p = container_of(t, struct proxy, closed_task);

        atomic_store(&p->is_closed_posted, false);
        if (p->phase == PROXY_DRAINING && n_open(p) == 0)
                close_now(p);
}

static void drain(struct proxy *p) {
        proxy_move(p, PROXY_DRAINING);
        /* Before the count is read: who closes after that tells. */
        atomic_store(&p->is_draining, true);
        proxy_status_tell(p);
        p->stop_timer = loop_source_free(p->stop_timer);
        if (p->flags.max_sigterm_delay == 0 || n_open(p) == 0 ||
            loop_timer_in(p->loop, p->flags.max_sigterm_delay, 0, on_late, p, &p->stop_timer) < 0)
                close_now(p);
}

static int on_least_over(struct loop_source *s, usec_t now, void *ctx) {
        drain(ctx);
        return 0;
}

void proxy_stop_begin(struct proxy *p, const char *why, int exit_code) {
        struct errmsg em = {};

        if (p->phase == PROXY_CLOSED)
                return;
        if (p->phase == PROXY_STOPPING || p->phase == PROXY_DRAINING) {
                /* Asked twice: at once. */
                proxy_move(p, PROXY_CLOSED);
                loop_quit(p->loop, exit_code);
                return;
        }
        if (p->phase == PROXY_STARTING) {
                errmsg_set(&em, "%s", why);
                proxy_fail(p, &em);
                p->exit_code = exit_code;
                return;
        }
        proxy_log_info("%s. Shutting down...", why);
        (void) loop_notify_stopping();
        p->exit_code = exit_code;
        proxy_move(p, PROXY_STOPPING);
        proxy_status_tell(p);
        if (p->flags.min_sigterm_delay == 0 || loop_timer_in(p->loop, p->flags.min_sigterm_delay, 0,
                                                             on_least_over, p, &p->stop_timer) < 0)
                drain(p);
}

static int on_signal(struct loop_source *s, int signo, void *ctx) {
        struct proxy *p = ctx;

        proxy_log_debug("Sending %s signal for proxy to shutdown.",
                        signo == SIGINT ? "SIGINT" : "SIGTERM");
        if (signo == SIGINT)
                proxy_stop_begin(p, "SIGINT signal received", EXIT_SIGINT);
        else
                proxy_stop_begin(p, "SIGTERM signal received",
                                 p->flags.exit_zero_on_sigterm ? 0 : EXIT_SIGTERM);
        return 0;
}

int proxy_stop_init(struct proxy *p) {
        int r = loop_signal(p->loop, SIGTERM, on_signal, p, p->signals);

        p->closed_task.run = on_closed_task;
        return r < 0 ? r : loop_signal(p->loop, SIGINT, on_signal, p, p->signals + 1);
}

void proxy_stop_done(struct proxy *p) {
        loop_source_free(p->signals[0]);
        loop_source_free(p->signals[1]);
        loop_source_free(p->stop_timer);
}
