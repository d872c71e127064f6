#include "cli/move.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/cli.h"
#include "lib/base/process.h"
#include "lib/base/str.h"

enum { WORDS_MAX = 8 };

int move_run(struct cli *c, const char *const *words) {
        const char *dir = getenv("ONEBOX_LIBEXEC_DIR"), *argv[WORDS_MAX + 2];
        struct process_spec spec = {
                .argv = argv, .fd_in = -1, .fd_out = 1, .fd_err = 2, .death_signal = SIGTERM};
        int status, fd = -1, r;
        size_t n = 0;
        pid_t pid;

        /* In a build tree each program is in its room. */
        spec.path = arena_printf(&c->arena, "%s/%sonebox-move", dir ? dir : ONEBOX_LIBEXECDIR,
                                 dir && str_ends(dir, "/daemons") ? "tracking/" : "");
        if (spec.path && access(spec.path, X_OK) < 0 && dir)
                spec.path = arena_printf(&c->arena, "%s/daemons/tracking/onebox-move", dir);
        if (!spec.path)
                return cli_oom(c);
        argv[n++] = "onebox-move";
        for (; words[n - 1]; n++) {
                assert(n <= WORDS_MAX);
                argv[n] = words[n - 1];
        }
        argv[n] = NULL;
        r = process_spawn(&spec, &pid, &fd, &c->em);
        if (r < 0)
                return r;
        (void) close(fd);
        if (waitpid(pid, &status, 0) < 0)
                return -errno;
        return WIFEXITED(status) ? WEXITSTATUS(status) : CLI_BAD;
}
