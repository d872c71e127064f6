/* onebox start: everything, by systemd where it runs, else as `onebox up` does. */
#include <stdio.h>

#include "cli/cli.h"
#include "cli/systemctl.h"

struct start_words {
        struct cli_words words;
        bool detach;
};

/* clang-format off */
static const struct options_row start_rows[] = {
        OPTIONS_ROW(struct start_words, detach, 'd', BOOL, NULL, "without systemd: go into the background when all answer")
        CLI_ROWS(struct start_words)};
/* clang-format on */
static const struct options_spec start_spec = {
        .program = "onebox start",
        .summary = "Start everything: the units where systemd runs, else as `onebox up` does",
        .rows = start_rows,
        .n_rows = ARRAY_SIZE(start_rows),
};
int start_cmd(struct cli *c, int argc, char **argv) {
        static struct start_words w;
        int r;

        if (!systemctl_is_there() && !cli_asks_help(argc, argv))
                return up_cmd(c, argc, argv);
        r = cli_start(c, &start_spec, argc, argv, &w);
        if (r == 0)
                r = systemctl_run("start", "onebox.target", &c->em);
        if (r == 0)
                puts("onebox.target is asked to start: `onebox status` shows how it goes");
        return r;
}
