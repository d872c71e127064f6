#include "lib/auth/auth_files.h"

#include <errno.h>

#include "lib/base/fileio.h"
#include "lib/base/mem.h"

#define KEY_MODE 0640

int auth_files_open(const struct paths *paths, const char *daemon, const struct clock *clock,
                    struct entropy *entropy, struct errmsg *em, struct auth_files *ret) {
        _cleanup_free_ char *key = paths_state(paths, "auth/token.key");
        _cleanup_free_ char *db = paths_state(paths, "auth/auth.db");
        _cleanup_free_ char *audit =
                daemon ? paths_state(paths, "auth/audit-%s.log", daemon) : NULL;
        int r;

        if (!key || !db || (daemon && !audit))
                return errmsg_fail(em, -ENOMEM, "out of memory");
        r = fileio_mkdir_parents(db, 0750);
        if (r < 0)
                return errmsg_errno(em, r, "cannot make the directory of %s", db);
        r = auth_token_key_open(key, true, KEY_MODE, entropy, em, &ret->key);
        if (r >= 0)
                r = auth_store_open(db, AUTH_STORE_CREATE, clock, entropy, em, &ret->store);
        if (r >= 0 && audit)
                r = auth_audit_open(audit, 0, clock, em, &ret->audit);
        return r;
}

void auth_files_open_existing(const struct paths *paths, const struct clock *clock,
                              struct entropy *entropy, struct auth_files *ret) {
        _cleanup_free_ char *key = paths_state(paths, "auth/token.key");
        _cleanup_free_ char *db = paths_state(paths, "auth/auth.db");

        if (key && auth_token_key_open(key, false, KEY_MODE, entropy, NULL, &ret->key) < 0)
                ret->key = NULL;
        if (db && auth_store_open(db, 0, clock, entropy, NULL, &ret->store) < 0)
                ret->store = NULL;
}

void auth_files_done(struct auth_files *f) {
        f->audit = auth_audit_free(f->audit);
        f->key = auth_token_key_free(f->key);
        f->store = auth_store_free(f->store);
}
