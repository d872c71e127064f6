/* paths: where onebox keeps its things. Each comes from the command line, else from the
 * environment, else the default: ONEBOX_STATE_DIR /var/lib/onebox, ONEBOX_RUNTIME_DIR /run/onebox,
 * ONEBOX_CONFIG /etc/onebox/onebox.conf, ONEBOX_LIBEXEC_DIR and ONEBOX_DATA_DIR (configure's). */
#pragma once

#include "lib/base/errmsg.h"
#include "lib/base/macros.h"

struct paths {
        char *state_dir;   /* scheduler/ tracking/ auth/ tasks/ services/ pipelines/ venv/ */
        char *runtime_dir; /* the sockets */
        char *config;      /* onebox.conf; drop-ins are in <config>.d */
        char *libexec_dir; /* the daemons */
        char *data_dir;    /* ui/, python/ */
};

/* Given values win when not NULL; all become absolute. 0, -ENOMEM, or -EINVAL with em set. */
int paths_init(struct paths *p, const char *state_dir, const char *runtime_dir, const char *config,
               struct errmsg *em);
void paths_done(struct paths *p);

/* "<state_dir>/<formatted>", on the heap; NULL when out of memory. */
char *paths_state(const struct paths *p, const char *fmt, ...) _printf_(2, 3) _must_check_;
char *paths_runtime(const struct paths *p, const char *fmt, ...) _printf_(2, 3) _must_check_;
/* The program of a daemon, e.g. "scheduler": <libexec_dir>/onebox-scheduler, or its place in a
 * build tree (<libexec_dir>/daemons/scheduler/onebox-scheduler). Existence is checked:
 * 0, -ENOENT with em set, -ENOMEM. */
int paths_daemon(const struct paths *p, const char *name, char **ret_path, struct errmsg *em);

/* Does `path`, taken as relative, stay below its root? No empty part, no "." or "..", no leading
 * or trailing slash, no NUL, no backslash: what artifact paths must pass. */
bool paths_is_safe_relative(const char *path);
