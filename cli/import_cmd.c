/* onebox import: an old mlruns directory into the tracking server's database and artifacts. */
#include <errno.h>
#include <stdlib.h>

#include "cli/all_conf.h"
#include "cli/cli.h"
#include "cli/move.h"
#include "lib/base/str.h"

struct import_words {
        struct cli_words words;
        char *database, *artifacts, *password_file;
        bool keep;
};

/* clang-format off */
static const struct options_row rows[] = {
        OPTIONS_ROW(struct import_words, database, 'd', STRING, "URI",
                    "the database (the one of [tracking] in the configuration)")
        OPTIONS_ROW(struct import_words, artifacts, 'a', STRING, "STORE",
                    "where artifacts go: a directory, gs:// or s3:// (as above)")
        OPTIONS_ROW(struct import_words, keep, 'k', BOOL, NULL,
                    "artifacts stay where they are, and runs point there")
        OPTIONS_ROW(struct import_words, password_file, 0, STRING, "FILE",
                    "the password of the database's server")
        CLI_ROWS(struct import_words)
};
/* clang-format on */
static const struct options_spec spec = {
        .program = "onebox import",
        .args = "DIR",
        .summary = "Bring an mlruns directory of MLflow (experiments, runs, models, traces, the "
                   "registry and artifacts) into a database and a store; goes on where it was cut "
                   "off, and reads everything again to compare",
        .rows = rows,
        .n_rows = ARRAY_SIZE(rows),
        .n_args_min = 1,
        .n_args_max = 1,
};

int import_cmd(struct cli *c, int argc, char **argv) {
        static struct import_words words;
        const struct all_conf *conf;
        const char *database, *artifacts;
        int r = cli_start(c, &spec, argc, argv, &words);

        if (r != 0)
                return r;
        r = all_conf_load(c, &conf);
        if (r < 0)
                return r;
        if (words.password_file)
                (void) setenv("ONEBOX_TO_PASSWORD_FILE", words.password_file, 1);
        else if (!words.database && conf->tracking.backend_store_password_file)
                (void) setenv("ONEBOX_TO_PASSWORD_FILE", conf->tracking.backend_store_password_file,
                              1);
        database = words.database ? words.database : conf->tracking.backend_store_uri;
        if (!database)
                database = arena_printf(&c->arena, "sqlite:///%s/tracking/mlflow.db",
                                        c->paths.state_dir);
        artifacts = words.artifacts ? words.artifacts : conf->tracking.artifacts_destination;
        if (!artifacts)
                artifacts = arena_printf(&c->arena, "%s/tracking/artifacts", c->paths.state_dir);
        if (!database || !artifacts)
                return cli_oom(c);
        return move_run(c, (const char *const[]){"mlruns", cli_arg(c, 0), database,
                                                 words.keep ? "" : artifacts, NULL});
}
