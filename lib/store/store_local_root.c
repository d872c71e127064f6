/* store_local_root.c: see store_local_root.h. */
#include "lib/store/store_local_root.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/errmsg.h"

int store_local_root_fail(const struct store_local *s, int r, const char *name, struct errmsg *em) {
        const char *slash = name ? "/" : "";
        unsigned uid = (unsigned) geteuid();

        name = name ? name : "";
        switch (r) {
        case -EACCES:
        case -EPERM:
        case -EROFS:
                return errmsg_errno(em, r,
                                    "%s%s%s: uid %u may not do that: give it the directory "
                                    "(chown) or write access",
                                    s->path, slash, name, uid);
        case -ELOOP:
                return errmsg_fail(em, -EACCES,
                                   "%s%s%s: a symbolic link is on the way, and links are not "
                                   "followed: put the files themselves there",
                                   s->path, slash, name);
        case -ENOSPC:
        case -EDQUOT:
                return errmsg_errno(em, r, "%s%s%s: free some space", s->path, slash, name);
        default:
                return errmsg_errno(em, r, "%s%s%s", s->path, slash, name);
        }
}

void store_local_root_info(const struct stat *st, struct store_info *ret_info) {
        *ret_info = (struct store_info){
                .size = (uint64_t) st->st_size,
                .modified_at = (usec_t) st->st_mtim.tv_sec * USEC_PER_SEC +
                               (usec_t) st->st_mtim.tv_nsec / NSEC_PER_USEC,
        };
        (void) snprintf(ret_info->etag, sizeof(ret_info->etag), "%llx-%llx%08lx-%llx",
                        (unsigned long long) st->st_ino, (unsigned long long) st->st_mtim.tv_sec,
                        (unsigned long) st->st_mtim.tv_nsec, (unsigned long long) st->st_size);
}
