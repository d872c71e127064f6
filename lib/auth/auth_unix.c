/* auth_unix.c: see auth_unix.h. */
#include "lib/auth/auth_unix.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/str.h"

enum { TEXT_MAX = 64 * 1024, GROUPS_MAX = 1024 };

/* The group's id, or -1: there is none. */
static gid_t gid_of(const char *group, char *text) {
        struct group g, *found = NULL;

        if (getgrnam_r(group, &g, text, TEXT_MAX, &found) != 0 || !found)
                return (gid_t) -1;
        return g.gr_gid;
}

static bool is_in(gid_t gid, const gid_t *gids, int n) {
        for (int i = 0; i < n; i++)
                if (gids[i] == gid)
                        return true;
        return false;
}

static int role_of(const char *name, gid_t gid, char *text, enum auth_role *ret_role) {
        _cleanup_free_ gid_t *gids = mem_alloc_array(GROUPS_MAX, sizeof(*gids));
        int n = GROUPS_MAX;

        if (!gids)
                return -ENOMEM;
        if (getgrouplist(name, gid, gids, &n) < 0)
                return -E2BIG;
        for (int role = AUTH_ADMIN; role > AUTH_NONE; role--) {
                gid_t group = gid_of(auth_role_group((enum auth_role) role), text);

                if (group != (gid_t) -1 && is_in(group, gids, n)) {
                        *ret_role = (enum auth_role) role;
                        return 0;
                }
        }
        *ret_role = AUTH_NONE;
        return 0;
}

/* `r` is getpw*_r()'s answer. */
static int user_of(int r, const struct passwd *found, char *text, struct auth_unix_user *ret_user) {
        struct auth_unix_user user = {};

        if (r != 0 && r != ENOENT && r != ESRCH)
                return -r;
        if (!found)
                return -ENOENT;
        user.uid = found->pw_uid;
        r = str_copy(user.name, sizeof(user.name), found->pw_name);
        if (r >= 0) /* the name is copied: text may be used again */
                r = role_of(user.name, found->pw_gid, text, &user.role);
        if (r >= 0)
                *ret_user = user;
        return r;
}

int auth_unix_by_uid(uid_t uid, struct auth_unix_user *ret_user) {
        _cleanup_free_ char *text = mem_alloc(TEXT_MAX);
        struct passwd pw, *found = NULL;
        int r;

        if (!text)
                return -ENOMEM;
        r = getpwuid_r(uid, &pw, text, TEXT_MAX, &found);
        return user_of(r, found, text, ret_user);
}

int auth_unix_by_name(const char *name, struct auth_unix_user *ret_user) {
        _cleanup_free_ char *text = mem_alloc(TEXT_MAX);
        struct passwd pw, *found = NULL;
        int r;

        if (!text)
                return -ENOMEM;
        r = getpwnam_r(name, &pw, text, TEXT_MAX, &found);
        return user_of(r, found, text, ret_user);
}
