#include "cli/user_import.h"

#include <errno.h>
#include <stdio.h>

#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/db/db.h"

#define USERS "SELECT username, password_hash, is_admin FROM users ORDER BY username"

struct counts {
        unsigned made, there, failed;
};

static int take(struct cli *c, struct users *u, struct db_stmt *s, struct counts *n) {
        enum auth_role role = db_col_i64(s, 2) ? AUTH_ADMIN : AUTH_USER;
        struct errmsg em = {};
        bool oom = false;
        const char *name = db_col_dup(s, 0, &c->arena, &oom);
        const char *hash = db_col_dup(s, 1, &c->arena, &oom);
        int r;

        if (oom)
                return -ENOMEM;
        r = auth_store_user_insert_hash(u->store, name ? name : "", hash ? hash : "", role, &em);
        if (r == AUTH_STORE_EXISTS) {
                n->there++;
                return 0;
        }
        users_audit(u, "user import", name, r == 0);
        if (r == -EINVAL) {
                n->failed++;
                fprintf(stderr, "onebox: %s is left out: %s\n",
                        name ? name : "a user without a name", em.text);
                return 0;
        }
        n->made += r == 0;
        return r;
}

static int take_all(struct cli *c, struct users *u, struct db *db, struct counts *n) {
        struct db_stmt *s;
        int r = db_prepare_dynamic(db, USERS, &s);

        if (r < 0)
                return errmsg_fail(&c->em, r, "this is no database of MLflow's basic-auth app: %s",
                                   db_errmsg(db));
        while ((r = db_step(s)) == DB_ROW) {
                r = take(c, u, s, n);
                if (r < 0)
                        break;
        }
        db_reset(s);
        return r < 0 ? errmsg_errno(&c->em, r, "cannot take the users over") : 0;
}

int user_import(struct cli *c, struct users *u, const char *path) {
        _cleanup_free_ char *uri = str_printf("sqlite:///%s%s", *path == '/' ? "" : "./", path);
        _cleanup_(db_freep) struct db *db = NULL;
        struct counts n = {};
        int r;

        if (!uri)
                return cli_oom(c);
        r = db_open(uri, DB_READ_ONLY | DB_ROLLBACK, &c->em, &db);
        if (r >= 0)
                r = take_all(c, u, db, &n);
        if (r < 0)
                return r;
        if (c->json)
                printf("{\"added\": %u, \"present\": %u, \"left_out\": %u}\n", n.made, n.there,
                       n.failed);
        else
                printf("%u users added, %u were there already, %u left out\n", n.made, n.there,
                       n.failed);
        return n.failed == 0
                       ? 0
                       : errmsg_fail(&c->em, -EINVAL, "%u users could not be taken over", n.failed);
}
