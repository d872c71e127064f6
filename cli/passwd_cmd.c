/* onebox passwd: a user's password; their sessions end. */
#include <errno.h>
#include <string.h>

#include "cli/users.h"

struct passwd_words {
        struct cli_words words;
};

static const struct options_row rows[] = {CLI_ROWS(struct passwd_words)};
static const struct options_spec spec = {
        .program = "onebox passwd",
        .args = "NAME",
        .summary = "Set a user's password: asked for, or one line of standard input",
        .rows = rows,
        .n_rows = ARRAY_SIZE(rows),
        .n_args_min = 1,
        .n_args_max = 1,
};

int passwd_cmd(struct cli *c, int argc, char **argv) {
        static struct passwd_words w;
        char password[AUTH_STORE_PASSWORD_MAX + 1] = "";
        _cleanup_(users_close) struct users u = {};
        int r = cli_start(c, &spec, argc, argv, &w);

        if (r != 0)
                return r;
        r = users_open(c, &u, true);
        if (r >= 0)
                r = users_read_password(c, cli_arg(c, 0), password);
        if (r < 0)
                return r;
        r = auth_store_user_set_password(u.store, cli_arg(c, 0), password, &c->em);
        explicit_bzero(password, sizeof(password));
        return users_done(c, &u, r, "passwd", cli_arg(c, 0));
}
