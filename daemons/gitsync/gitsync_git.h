/* gitsync_git: runs git, and nothing else: no hooks, no configuration but ours, no questions, no
 * other transport than ssh, https and files, and an end to each call. */
#pragma once

#include "lib/base/buf.h"
#include "lib/base/errmsg.h"
#include "lib/base/macros.h"

struct gitsync_git {
        const char *git_dir;     /* absolute; also the working directory of git */
        const char *ssh_key;     /* file, or NULL: no key */
        const char *known_hosts; /* file */
        const char *credentials; /* file for https, as `git credential-store` keeps it; or NULL */
        const char *host;        /* for reasons; "" for files */
        usec_t end_at;           /* CLOCK_MONOTONIC: what runs then is killed */
};

enum { GITSYNC_GIT_OUT_MAX = 16 << 20 /* bytes of standard output that are kept */ };

/* Runs `git ARGS…`. ret_out (may be NULL) gets standard output, NUL-terminated.
 * 0; -EREMOTEIO: git ended badly, em says why and the remedy; -ETIMEDOUT; -ENOENT: no git here;
 * other -errno with em. */
int gitsync_git_run(const struct gitsync_git *g, const char *const *args, struct buf *ret_out,
                    struct errmsg *em);
#define gitsync_git(g, ret_out, em, ...) \
        gitsync_git_run((g), (const char *const[]){__VA_ARGS__, NULL}, (ret_out), (em))
