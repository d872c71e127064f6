/* auth_unix.h: Unix users and the role their groups give them. Threads: any. May ask the network
 * where the machine's users live there: auth_check.c remembers the answers. */
#pragma once

#include <sys/types.h>

#include "lib/auth/auth_role.h"

struct auth_unix_user {
        uid_t uid;
        char name[65];
        enum auth_role role; /* the highest of the onebox-* groups; AUTH_NONE if in none */
};

/* 0, -ENOENT (no such user) or -errno. */
int auth_unix_by_uid(uid_t uid, struct auth_unix_user *ret_user);
int auth_unix_by_name(const char *name, struct auth_unix_user *ret_user);
