/* onebox stop: everything, by systemd where it runs, else as `onebox down` does. */
#include <stdio.h>

#include "cli/cli.h"
#include "cli/systemctl.h"

struct stop_words {
        struct cli_words words;
};

static const struct options_row rows[] = {CLI_ROWS(struct stop_words)};
static const struct options_spec spec = {
        .program = "onebox stop",
        .summary = "Stop everything: the units where systemd runs, else as `onebox down` does",
        .rows = rows,
        .n_rows = ARRAY_SIZE(rows),
};

int stop_cmd(struct cli *c, int argc, char **argv) {
        static struct stop_words w;
        int r;

        if (!systemctl_is_there() && !cli_asks_help(argc, argv))
                return down_cmd(c, argc, argv);
        r = cli_start(c, &spec, argc, argv, &w);
        if (r == 0)
                r = systemctl_run("stop", "onebox.target", &c->em);
        if (r == 0)
                puts("onebox.target is asked to stop: tasks that run go on");
        return r;
}
