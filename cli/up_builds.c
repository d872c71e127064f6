/* up_builds: onebox-build, started when the scheduler wants a Python environment: see up.h. */
#include <errno.h>
#include <string.h>
#include <sys/inotify.h>

#include "cli/up.h"
#include "lib/base/fileio.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

#define ORDER 1 /* of the stop: with the services */
#define NAME "build"

/* While one builds, what comes is built by it, or is asked for again. */
static void begin(struct up *u) {
        struct up_child *child = up_child_find(u, NAME);
        char *args[] = {(char *) "once", NULL};

        if (u->stopping || (child && child->pid > 0))
                return;
        if (!child)
                child = up_child_add(u, NAME, NAME, args, ORDER);
        if (!child)
                return;
        child->wanted = false; /* it ends when all is built */
        up_child_start(child);
}

static int on_change(struct loop_source *s, const struct inotify_event *e, void *ctx) {
        if ((e->mask & IN_Q_OVERFLOW) || (e->len > 0 && str_ends(e->name, ".json")))
                begin(ctx);
        return 0;
}

int up_builds_watch(struct up *u) {
        _cleanup_free_ char *dir = paths_state(&u->c->paths, "venvs/queue");
        _cleanup_(str_free_listp) char **waiting = NULL;
        int r;

        if (!dir)
                return cli_oom(u->c);
        r = fileio_mkdir_p(dir, 0755);
        if (r >= 0)
                r = loop_inotify(u->loop, dir, IN_CLOSE_WRITE | IN_MOVED_TO, on_change, u, NULL);
        if (r >= 0)
                r = fileio_list(dir, ".json", &waiting);
        if (r < 0)
                return errmsg_errno(&u->c->em, r, "cannot watch %s", dir);
        if (waiting[0])
                begin(u);
        return 0;
}
