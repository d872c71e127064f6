/* auth_files: what the daemons share below STATE/auth: auth.db, token.key, and an audit log each.
 *
 * Whoever starts first makes them. */
#pragma once

#include "lib/auth/auth_audit.h"
#include "lib/auth/auth_store.h"
#include "lib/auth/auth_token_key.h"
#include "lib/base/paths.h"

struct auth_files {
        struct auth_store *store;
        struct auth_token_key *key;
        struct auth_audit *audit; /* NULL when no daemon was named */
};

/* daemon: audit-DAEMON.log is opened too; NULL = without. 0, or -errno with em naming the file;
 * what was opened by then stands in *ret in either case. */
int auth_files_open(const struct paths *paths, const char *daemon, const struct clock *clock,
                    struct entropy *entropy, struct errmsg *em, struct auth_files *ret);
/* Opens the users and the key where they are, and makes nothing: NULL where they are not. */
void auth_files_open_existing(const struct paths *paths, const struct clock *clock,
                              struct entropy *entropy, struct auth_files *ret);
/* Closes what is open, in a struct that begins zeroed. */
void auth_files_done(struct auth_files *f);
