/* See subcommand.h. */
#include "daemons/sqlproxy/subcommand.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "daemons/sqlproxy/flags_help.h"
#include "daemons/sqlproxy/flags_value.h"
#include "lib/base/str.h"
#include "lib/net/http_call.h"

#define WAIT_STEP_FOR (250 * USEC_PER_MSEC)
#define ADDRESS_MAX 300

struct sub {
        const char *address, *port, *admin_port;
        usec_t max_for;
};

bool subcommand_is(int argc, char *const *argv) {
        return argc > 1 &&
               (str_eq(argv[1], "wait") || str_eq(argv[1], "shutdown") || str_eq(argv[1], "help"));
}

static void print_help(FILE *to, bool is_wait) {
        if (is_wait)
                fputs("Waits for another proxy's start: asks its /startup (--health-check must be "
                      "on there).\n\n"
                      "Usage:\n  onebox-sqlproxy wait [flags]\n\nFlags:\n"
                      "  -h, --help                  help for wait\n"
                      "  -m, --max duration          maximum amount of time to wait for startup "
                      "(default 30s)\n"
                      "      --http-address string   Address for Prometheus and health check "
                      "server "
                      "(default \"localhost\")\n"
                      "      --http-port string      Port for Prometheus and health check server "
                      "(default \"9090\")\n",
                      to);
        else
                fputs("Shuts another proxy down: it must have been started with "
                      "--quitquitquit.\n\n"
                      "Usage:\n  onebox-sqlproxy shutdown [flags]\n\nFlags:\n"
                      "      --admin-port string   port for the admin server (default \"9091\")\n"
                      "  -h, --help                help for shutdown\n",
                      to);
}

static int fail(const char *fmt, const char *a, const char *b) {
        fputs("Error: ", stderr);
        fprintf(stderr, "%s%s%s\n", fmt, a, b);
        return EXIT_FAILURE;
}

/* "--name=value" or "--name value": the value, and *i behind it. */
static const char *value_of(int argc, char *const *argv, int *i, const char *name) {
        const char *rest = str_after(argv[*i], name);

        if (rest && *rest == '=')
                return rest + 1;
        return rest && !*rest && *i + 1 < argc ? argv[++*i] : NULL;
}

static int take_flag(struct sub *s, int argc, char *const *argv, int *i, struct errmsg *em) {
        const char *value;

        if ((value = value_of(argc, argv, i, "--http-address")))
                s->address = value;
        else if ((value = value_of(argc, argv, i, "--http-port")))
                s->port = value;
        else if ((value = value_of(argc, argv, i, "--admin-port")))
                s->admin_port = value;
        else if ((value = value_of(argc, argv, i, "--max")) ||
                 (value = value_of(argc, argv, i, "-m")))
                return flags_value_duration(value, &s->max_for, em);
        else
                return errmsg_fail(em, -EINVAL, "unknown flag: %s", argv[*i]);
        return 0;
}

static int ask(const char *host, const char *port, const char *method, const char *target,
               struct errmsg *em) {
        struct http_call_answer answer = {};
        char address[ADDRESS_MAX];
        struct http_call call = {.address = address,
                                 .method = method,
                                 .target = target,
                                 .connect_for = USEC_PER_SEC,
                                 .stall_for = 5 * USEC_PER_SEC};
        int r;

        snprintf(address, sizeof address, "%s:%s",
                 str_eq(host, "localhost") || str_eq(host, "0.0.0.0") ? "127.0.0.1" : host, port);
        r = http_call(&call, &answer, em);
        r = r < 0 ? r : answer.status;
        http_call_answer_done(&answer);
        return r;
}

static usec_t now_mono(void) {
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        return (usec_t) ts.tv_sec * USEC_PER_SEC + (usec_t) ts.tv_nsec / 1000;
}

static int run_wait(const struct sub *s) {
        const struct timespec step = {.tv_nsec = WAIT_STEP_FOR * 1000};
        usec_t until = now_mono() + s->max_for;

        do {
                if (ask(s->address, s->port, "GET", "/startup", NULL) == 200)
                        return EXIT_SUCCESS;
                nanosleep(&step, NULL);
        } while (now_mono() < until);
        return fail("command failed to complete successfully", "", "");
}

static int run_shutdown(const struct sub *s) {
        struct errmsg em = {};
        char status[64];
        int r = ask("127.0.0.1", s->admin_port, "POST", "/quitquitquit", &em);

        if (r == 200)
                return EXIT_SUCCESS;
        if (r < 0)
                return fail("failed to send shutdown request: ", em.text, "");
        snprintf(status, sizeof status, "status code %d", r);
        return fail("shutdown request failed: ", status, "");
}

int subcommand_run(int argc, char *const *argv) {
        struct sub s = {"localhost", "9090", "9091", 30 * USEC_PER_SEC};
        bool is_wait = str_eq(argv[1], "wait");
        struct errmsg em = {};

        if (str_eq(argv[1], "help")) {
                if (argc > 2 && (str_eq(argv[2], "wait") || str_eq(argv[2], "shutdown")))
                        print_help(stdout, str_eq(argv[2], "wait"));
                else
                        flags_help_all(stdout);
                return EXIT_SUCCESS;
        }
        for (int i = 2; i < argc; i++) {
                if (str_eq(argv[i], "-h") || str_eq(argv[i], "--help")) {
                        print_help(stdout, is_wait);
                        return EXIT_SUCCESS;
                }
                if (take_flag(&s, argc, argv, &i, &em) < 0) {
                        fail(em.text, "", "");
                        print_help(stderr, is_wait);
                        return EXIT_FAILURE;
                }
        }
        return is_wait ? run_wait(&s) : run_shutdown(&s);
}
