/* gitsync: brings the pipelines of a git repository here, whole commits only.
 *
 * STATE/gitsync/
 *      repo.git/            what was fetched
 *      trees/COMMIT/        the files of a commit; whole from the moment the name is there, never
 *                           changed after it
 *      pipelines            link to trees/COMMIT/SUBPATH, moved by one rename: what the scheduler
 *                           reads. It names files by where the link leads, so a run ends with the
 *                           files of the commit it began with
 *      status.json          see gitsync_status.h
 *      lock                 held by the one that works
 *
 * Everything can be cut off anywhere: a tree that is not whole has another name, and is made
 * anew. */
#pragma once

#include "lib/base/conf.h"
#include "lib/base/paths.h"

#define CONF_KEY CONF_FIELD
struct gitsync_conf {
#include "config/gitsync.def"
};
#undef CONF_KEY

struct clock;
struct gitsync_status;

enum gitsync_answer {
        GITSYNC_SAME,   /* the repository has nothing new */
        GITSYNC_NEW,    /* another commit is laid out */
        GITSYNC_EARLY,  /* [gitsync] every has not passed since the last look */
        GITSYNC_LOCKED, /* another one works */
};

/* One look, in whole. `force`: also when it is early. An enum, or negative with em, which is in
 * status.json too as far as the disk lets it. */
int gitsync_run(const struct gitsync_conf *conf, const struct paths *paths,
                const struct clock *clock, bool force, struct errmsg *em);
