/* onebox-sqlproxy: cloud-sql-proxy's command line and place, in C.
 *
 * Owns the start and the exit code; proxy.c does the rest. */
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "daemons/sqlproxy/flags_help.h"
#include "daemons/sqlproxy/proxy.h"
#include "daemons/sqlproxy/proxy_log.h"
#include "daemons/sqlproxy/subcommand.h"
#include "lib/base/log.h"
#include "lib/base/str.h"

static int usage_error(const struct errmsg *em) {
        fprintf(stderr, "Error: %s\n", em->text);
        flags_help_usage(stderr);
        fputc('\n', stderr);
        return EXIT_FAILURE;
}

static void on_ignored(const char *text) {
        fprintf(stderr, "%s\n", text);
}

/* Each connection takes two descriptors: as many as we may have. */
static void raise_limits(void) {
        struct rlimit limit;

        if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur == limit.rlim_max)
                return;
        limit.rlim_cur = limit.rlim_max;
        (void) setrlimit(RLIMIT_NOFILE, &limit);
}

static int check_arguments(const struct flags *f, struct errmsg *em) {
        struct instance_arg arg;
        int r = flags_check(f, em);

        for (size_t i = 0; r >= 0 && f->instances && f->instances[i]; i++)
                r = instance_arg_parse(f->instances[i], f->auto_ip, &arg, em);
        return r;
}

static int run(struct proxy *p) {
        struct errmsg em = {};
        int r = loop_new(&p->loop);

        if (r >= 0)
                r = proxy_start(p, &em);
        if (r < 0) {
                proxy_log_error("The proxy has encountered a terminal error: %s",
                                em.text[0] ? em.text : errmsg_strerror(r));
                return EXIT_FAILURE;
        }
        r = loop_run(p->loop);
        if (r < 0)
                proxy_log_error("The proxy has encountered a terminal error: %s",
                                errmsg_strerror(r));
        return r < 0 ? EXIT_FAILURE : p->exit_code;
}

int main(int argc, char **argv) {
        struct proxy p = {};
        struct errmsg em = {};
        int r;

        log_init("onebox-sqlproxy");
        signal(SIGPIPE, SIG_IGN);
        if (subcommand_is(argc, argv))
                return subcommand_run(argc, argv);
        r = flags_parse(&p.flags, argc, argv, &em);
        if (r >= 0 && (p.flags.wants_help || p.flags.wants_version)) {
                if (p.flags.wants_help)
                        flags_help_all(stdout);
                else
                        puts("onebox-sqlproxy version " PACKAGE_VERSION
                             " (as cloud-sql-proxy version 2.27.0)");
                flags_done(&p.flags);
                return EXIT_SUCCESS;
        }
        if (r >= 0)
                r = flags_fill(&p.flags, environ, on_ignored, &em);
        if (r >= 0)
                r = check_arguments(&p.flags, &em);
        if (r < 0) {
                flags_done(&p.flags);
                return usage_error(&em);
        }
        raise_limits();
        /* Idle memory goes back: nothing this size is worth keeping. */
        mallopt(M_ARENA_MAX, 8);
        proxy_log_init(&(struct proxy_log_options){.structured = p.flags.structured_logs,
                                                   .quiet = p.flags.quiet,
                                                   .debug = p.flags.debug_logs});
        p.state_dir = *p.flags.state_dir ? p.flags.state_dir : getenv("STATE_DIRECTORY");
        r = run(&p);
        proxy_done(&p);
        return r;
}
