/* onebox migrate: a tracking database, or a store of artifacts, into another one. */
#include <errno.h>
#include <stdlib.h>

#include "cli/cli.h"
#include "cli/move.h"
#include "lib/base/str.h"

struct migrate_words {
        struct cli_words words;
        bool artifacts;
        char *from_password_file, *to_password_file;
};

/* clang-format off */
static const struct options_row rows[] = {
        OPTIONS_ROW(struct migrate_words, artifacts, 'a', BOOL, NULL,
                    "FROM and TO are stores: a directory, gs://BUCKET/PATH or s3://BUCKET/PATH")
        OPTIONS_ROW(struct migrate_words, from_password_file, 0, STRING, "FILE",
                    "the password of FROM's server")
        OPTIONS_ROW(struct migrate_words, to_password_file, 0, STRING, "FILE",
                    "the password of TO's server")
        CLI_ROWS(struct migrate_words)
};
/* clang-format on */
static const struct options_spec spec = {
        .program = "onebox migrate",
        .args = "FROM TO",
        .summary =
                "Move a tracking database between sqlite:, postgresql: and mysql:, or artifacts "
                "between stores, while no server runs on them; goes on where it was cut off, and "
                "compares both by count and checksum at the end",
        .rows = rows,
        .n_rows = ARRAY_SIZE(rows),
        .n_args_min = 2,
        .n_args_max = 2,
};

int migrate_cmd(struct cli *c, int argc, char **argv) {
        static struct migrate_words words;
        int r = cli_start(c, &spec, argc, argv, &words);

        if (r != 0)
                return r;
        if (words.from_password_file)
                (void) setenv("ONEBOX_FROM_PASSWORD_FILE", words.from_password_file, 1);
        if (words.to_password_file)
                (void) setenv("ONEBOX_TO_PASSWORD_FILE", words.to_password_file, 1);
        return move_run(c, (const char *const[]){words.artifacts ? "artifacts" : "database",
                                                 cli_arg(c, 0), cli_arg(c, 1), NULL});
}
