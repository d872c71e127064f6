/* onebox gitsync: what onebox-gitsync has fetched, and fetching now. */
#include <errno.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/cli_call.h"
#include "cli/show.h"
#include "cli/systemctl.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/process.h"
#include "lib/base/str.h"

struct gitsync_words {
        struct cli_words words;
};

static const struct options_row rows[] = {CLI_ROWS(struct gitsync_words)};
static const struct options_spec spec = {
        .program = "onebox gitsync",
        .args = "[now]",
        .summary = "Show the commit whose pipelines run and the last error; `now` fetches without "
                   "waiting for the timer",
        .rows = rows,
        .n_rows = ARRAY_SIZE(rows),
        .n_args_max = 1,
};

static void line(const char *what, const char *text) {
        if (!str_empty(text))
                printf("%-12s%s\n", what, text);
}

static int print(struct cli *c, const struct json *git) {
        usec_t now = clock_now(clock_system());
        const char *commit = NULL, *error = NULL, *text = NULL;

        if (!json_is(git, JSON_OBJECT)) {
                printf("nothing was fetched yet: set enabled = yes and repo in section [gitsync] "
                       "of "
                       "%s\n",
                       c->paths.config);
                return 0;
        }
        (void) json_str(json_get(git, "commit"), &commit);
        (void) json_str(json_get(git, "error"), &error);
        line("repository", show_text(git, "repo"));
        if (json_str(json_get(git, "branch"), &text) == 0)
                line("branch", text);
        line("directory", show_text(git, "subpath"));
        if (commit) {
                line("commit",
                     arena_printf(&c->arena, "%.12s %s", commit, show_text(git, "subject")));
                line("by", arena_printf(&c->arena, "%s, %s", show_text(git, "author"),
                                        show_text(git, "committed_at")));
                line("here since", show_relative(&c->arena, git, "synced_at", now));
        }
        line("last look", show_relative(&c->arena, git, "tried_at", now));
        if (json_str(json_get(git, "warning"), &text) == 0)
                line("warning", text);
        if (error)
                line("error", arena_printf(&c->arena, "%s (since %s)", error,
                                           show_relative(&c->arena, git, "error_since_at", now)));
        return error ? 1 : 0;
}

/* The program itself, in the foreground: its words are the user's. */
static int run_here(struct cli *c) {
        _cleanup_free_ char *path = NULL;
        const char *argv[] = {"onebox-gitsync", "--state-dir",   c->paths.state_dir,
                              "--config",       c->paths.config, NULL};
        int r = paths_daemon(&c->paths, "gitsync", &path, &c->em), status;
        pid_t pid;

        if (r >= 0)
                r = process_spawn(&(struct process_spec){.path = path,
                                                         .argv = argv,
                                                         .fd_in = -1,
                                                         .fd_out = STDOUT_FILENO,
                                                         .fd_err = STDERR_FILENO},
                                  &pid, NULL, &c->em);
        if (r < 0)
                return r;
        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return errmsg_errno(&c->em, -errno, "waiting for onebox-gitsync");
        return WIFEXITED(status) && WEXITSTATUS(status) == 0
                       ? 0
                       : errmsg_fail(&c->em, -EREMOTEIO,
                                     "nothing was fetched: the reason is above");
}

static int fetch_now(struct cli *c) {
        int r;

        if (access("/run/systemd/system", F_OK) < 0 || geteuid() != 0)
                return run_here(c);
        r = systemctl_run("start", "onebox-gitsync.service", &c->em);
        if (r >= 0)
                printf("onebox-gitsync looks now: `onebox gitsync` shows what it finds\n");
        return r;
}

int gitsync_cmd(struct cli *c, int argc, char **argv) {
        static struct gitsync_words w;
        const struct json *status;
        int r = cli_start(c, &spec, argc, argv, &w);

        if (r != 0)
                return r;
        if (c->n_args == 1)
                return str_eq(c->args[0], "now")
                               ? fetch_now(c)
                               : errmsg_fail(&c->em, -EINVAL,
                                             "use `onebox gitsync` or `onebox gitsync now`");
        r = cli_call_get(c, "scheduler", "/api/onebox/v1/status", &status);
        if (r < 0)
                return r;
        return c->json ? cli_call_print(c, json_get(status, "gitsync"))
                       : print(c, json_get(status, "gitsync"));
}
