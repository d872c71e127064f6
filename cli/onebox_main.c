/* onebox: the command of people and scripts. Each verb is a file, listed in verbs.def. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "lib/base/log.h"
#include "lib/base/str.h"

#include "config.h"

static const struct {
        const char *name;
        cli_verb_fn *run;
        const char *help;
} verbs[] = {
#define VERB(name, function, help) {#name, function, help},
#include "cli/verbs.def"
#undef VERB
};

static void print_help(void) {
        printf("onebox VERB [OPTION]… [WORD]…\n\nA whole ML platform on one machine.\n\n");
        for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
                printf("  %-12s%s\n", verbs[i].name, verbs[i].help);
        printf("\nonebox VERB --help says more; man onebox says all.\n");
}

static int unknown_verb(const char *word) {
        const char *names[ARRAY_SIZE(verbs)], *near;

        for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
                names[i] = verbs[i].name;
        near = str_nearest(word, names, ARRAY_SIZE(verbs));
        fprintf(stderr, "onebox: unknown verb \"%s\": %s%s%s\n", word,
                near ? "did you mean \"" : "see onebox --help", near ? near : "",
                near ? "\"?" : "");
        return CLI_USAGE;
}

static int run_verb(size_t i, int argc, char **argv) {
        struct cli c = {.verb = verbs[i].name};
        int r;

        arena_init(&c.arena, 0);
        r = verbs[i].run(&c, argc, argv);
        if (r < 0) {
                fflush(stdout);
                fprintf(stderr, "onebox %s: %s\n", c.verb,
                        c.em.text[0] ? c.em.text : errmsg_strerror(r));
        }
        paths_done(&c.paths);
        arena_done(&c.arena);
        if (fflush(stdout) != 0 && r >= 0) {
                fprintf(stderr, "onebox %s: cannot write: %s\n", verbs[i].name, strerror(errno));
                return CLI_BAD;
        }
        return r < 0 ? (c.is_usage ? CLI_USAGE : CLI_BAD) : r == CLI_DONE ? 0 : r;
}

int main(int argc, char **argv) {
        log_init("onebox");
        signal(SIGPIPE, SIG_IGN);
        if (argc < 2 || str_eq(argv[1], "--help") || str_eq(argv[1], "-h") ||
            str_eq(argv[1], "help")) {
                print_help();
                return argc < 2 ? CLI_USAGE : 0;
        }
        if (str_eq(argv[1], "--version")) {
                printf("onebox %s\n", PACKAGE_VERSION);
                return 0;
        }
        for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
                if (str_eq(argv[1], verbs[i].name))
                        return run_verb(i, argc - 1, argv + 1);
        return unknown_verb(argv[1]);
}
