/* cli: see cli.h. */
#include "cli/cli.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/str.h"

#include "config.h"

/* Run from a build tree (DIR/cli/onebox), the daemons are in DIR/daemons. */
static void find_build_tree(void) {
        char exe[PATH_MAX], probe[PATH_MAX + 64], *slash;
        ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

        if (getenv("ONEBOX_LIBEXEC_DIR") || n <= 0)
                return;
        exe[n] = 0;
        slash = strrchr(exe, '/');
        if (!slash || slash - exe < 4 || memcmp(slash - 4, "/cli", 4) != 0)
                return;
        slash[-4] = 0;
        (void) snprintf(probe, sizeof(probe), "%s/daemons/scheduler", exe);
        if (access(probe, X_OK) == 0)
                setenv("ONEBOX_LIBEXEC_DIR", exe, 1);
        (void) snprintf(probe, sizeof(probe), "%s/ui", exe);
        if (access(probe, X_OK) == 0 && !getenv("ONEBOX_DATA_DIR"))
                setenv("ONEBOX_DATA_DIR", exe, 1);
}

bool cli_asks_help(int argc, char **argv) {
        for (int i = 1; i < argc; i++)
                if (str_eq(argv[i], "--help") || str_eq(argv[i], "-h"))
                        return true;
        return false;
}

int cli_start(struct cli *c, const struct options_spec *spec, int argc, char **argv, void *words) {
        const struct cli_words *common = words;
        int n_args = 0, r;

        r = options_parse(spec, argc, argv, words, &n_args, &c->em);
        if (r == OPTIONS_HELP) {
                options_print_help(spec, stdout);
                return CLI_DONE;
        }
        if (r == OPTIONS_VERSION) {
                printf("onebox %s\n", PACKAGE_VERSION);
                return CLI_DONE;
        }
        if (r < 0) {
                c->is_usage = true;
                return r;
        }
        find_build_tree();
        r = paths_init(&c->paths, common->state_dir, common->runtime_dir, common->config, &c->em);
        if (r < 0)
                return r;
        c->json = common->json;
        c->colour = isatty(STDOUT_FILENO) && str_empty(getenv("NO_COLOR"));
        c->args = argv + 1;
        c->n_args = (size_t) n_args;
        return 0;
}

const char *cli_arg(const struct cli *c, size_t i) {
        return i < c->n_args ? c->args[i] : NULL;
}

int cli_usage(struct cli *c, const struct options_spec *spec) {
        const char *words = "";

        for (size_t i = 0; i < c->n_args && words; i++)
                words = arena_printf(&c->arena, "%s%s%s", words, i ? " " : "", c->args[i]);
        c->is_usage = true;
        return errmsg_fail(&c->em, -EINVAL, "\"%s\" is not understood: use %s %s",
                           words ? words : "", spec->program, spec->args);
}

int cli_oom(struct cli *c) {
        return errmsg_fail(&c->em, -ENOMEM, "out of memory");
}
