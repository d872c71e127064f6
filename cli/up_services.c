/* up_services: the directory services/ of the state directory, watched: see up.h. */
#include <errno.h>
#include <string.h>
#include <sys/inotify.h>

#include "cli/up.h"
#include "lib/base/fileio.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

#define SUFFIX ".json"
#define ORDER 1 /* of the stop: after the web, before the scheduler */
#define MASK (IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE)

/* "iris" of "iris.json"; NULL when it is no service's file. */
static char *name_of(const char *file) {
        char *name;

        if (!str_ends(file, SUFFIX))
                return NULL;
        name = mem_strndup(file, strlen(file) - STRLEN(SUFFIX));
        return name && str_is_name(name, 200) ? name : mem_free(name);
}

static void come(struct up *u, const char *name) {
        _cleanup_free_ char *title = str_printf("service %s", name);
        _cleanup_free_ char *url = str_printf("--tracking-url=http://%s", u->tracking);
        struct up_child *child = title ? up_child_find(u, title) : NULL;
        char *args[] = {(char *) name, url, NULL};

        if (!title || !url || u->stopping)
                return;
        if (child && child->pid > 0) { /* its file is new */
                up_child_stop(child);
                child->wanted = true;
                return;
        }
        if (!child)
                child = up_child_add(u, title, "serving", args, ORDER);
        if (!child)
                return;
        child->wanted = true;
        child->restart_for = 0;
        up_child_start(child);
}

static void go(struct up *u, const char *name) {
        _cleanup_free_ char *title = str_printf("service %s", name);
        struct up_child *child = title ? up_child_find(u, title) : NULL;

        if (child)
                up_child_stop(child);
}

static int sweep(struct up *u, const char *dir) {
        _cleanup_(str_free_listp) char **files = NULL;
        int r = fileio_list(dir, SUFFIX, &files);

        if (r < 0)
                return errmsg_errno(&u->c->em, r, "%s", dir);
        for (char **file = files; *file; file++) {
                _cleanup_free_ char *name = name_of(*file);

                if (name)
                        come(u, name);
        }
        return 0;
}

/* The kernel's queue ran over: what is there now is what counts. */
static void resweep(struct up *u) {
        _cleanup_free_ char *dir = paths_state(&u->c->paths, "services");

        if (dir && sweep(u, dir) < 0)
                log_error("%s", u->c->em.text);
}

static int on_change(struct loop_source *s, const struct inotify_event *e, void *ctx) {
        _cleanup_free_ char *name = e->len > 0 ? name_of(e->name) : NULL;
        struct up *u = ctx;

        if (e->mask & IN_Q_OVERFLOW)
                resweep(u);
        if (!name)
                return 0;
        if (e->mask & (IN_CLOSE_WRITE | IN_MOVED_TO))
                come(u, name);
        else if (e->mask & (IN_DELETE | IN_MOVED_FROM))
                go(u, name);
        return 0;
}

int up_services_watch(struct up *u) {
        _cleanup_free_ char *dir = paths_state(&u->c->paths, "services");
        int r;

        if (!dir)
                return cli_oom(u->c);
        r = loop_inotify(u->loop, dir, MASK, on_change, u, NULL);
        if (r < 0)
                return errmsg_errno(&u->c->em, r, "cannot watch %s", dir);
        return sweep(u, dir);
}
