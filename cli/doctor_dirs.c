/* doctor: the directories of an installation: there, with the right owner and mode. */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/doctor.h"
#include "cli/doctor_fix.h"
#include "cli/up_lock.h"
#include "lib/base/str.h"

#define LOOK_AT_MOST ((size_t) 200000) /* entries below a directory */

struct row {
        const char *path;
        mode_t mode;
        const char *user, *group;
        bool need, all;
};

static const struct row rows[] = {
#define DOCTOR_DIR(path, mode, user, group, need, all) {path, mode, user, group, need, all},
#include "cli/doctor_dirs.def"
#undef DOCTOR_DIR
};

/* What should be of one of them. */
struct wanted {
        const char *path;
        uid_t uid;
        gid_t gid;
        mode_t mode;
        bool any_mode; /* one user's own: as the daemons made it */
        bool all;
};

/* Where it is on this machine. */
static const char *place(struct doctor *d, const char *path) {
        struct arena *a = &d->c->arena;
        const char *rest;
        const char *slash;

        if ((rest = str_after(path, "/var/lib/onebox")))
                return arena_printf(a, "%s%s", d->c->paths.state_dir, rest);
        if ((rest = str_after(path, "/run/onebox")))
                return arena_printf(a, "%s%s", d->c->paths.runtime_dir, rest);
        rest = str_after(path, "/etc/onebox");
        slash = strrchr(d->c->paths.config, '/');
        return arena_printf(a, "%.*s%s", (int) (slash - d->c->paths.config), d->c->paths.config,
                            rest);
}

static void look_below(struct doctor *d, const struct wanted *w, const char *name,
                       const struct doctor_fix *fix) {
        const char *first = NULL;
        int n = doctor_fix_strangers(&d->c->arena, w->path, w->uid, LOOK_AT_MOST, &first);
        struct doctor_finding *f;

        if (n < 0) {
                doctor_say(d, n == -EACCES ? DOCTOR_SKIPPED : DOCTOR_FAULT, name,
                           n == -EACCES ? "run it as root to see what is below" : NULL, "%s",
                           errmsg_strerror(n));
                return;
        }
        if (n == 0) {
                doctor_say(d, DOCTOR_OK, name, NULL, "owner and mode are right");
                return;
        }
        f = doctor_say(
                d, DOCTOR_FAULT, name, doctor_fix_text(d, fix),
                "%d below it belong to other users, %s the first: the daemon cannot use them", n,
                first ? first : "?");
        doctor_fix_add(d, f, *fix);
}

static void look_at_missing(struct doctor *d, const char *name, struct doctor_fix fix, int r) {
        struct doctor_finding *f;

        if (r != -ENOENT) {
                doctor_say(d, DOCTOR_SKIPPED, name, "run it as root", "%s", errmsg_strerror(r));
                return;
        }
        fix.kind = DOCTOR_MKDIR;
        f = doctor_say(d, DOCTOR_FAULT, name, doctor_fix_text(d, &fix), "it is not there");
        doctor_fix_add(d, f, fix);
}

static void look_at_owner(struct doctor *d, const struct wanted *w, const char *name,
                          struct doctor_fix fix, const struct stat *st) {
        struct doctor_finding *f;

        fix.kind = w->all ? DOCTOR_CHOWN_ALL : DOCTOR_CHOWN;
        f = doctor_say(d, DOCTOR_FAULT, name, doctor_fix_text(d, &fix),
                       "it belongs to uid %u, gid %u, and should to uid %u, gid %u",
                       (unsigned) st->st_uid, (unsigned) st->st_gid, (unsigned) w->uid,
                       (unsigned) w->gid);
        doctor_fix_add(d, f, fix);
        fix.kind = DOCTOR_CHMOD; /* a chown may take the set-group bit away */
        if (!w->any_mode)
                doctor_fix_add(d, f, fix);
}

static bool mode_is_good(const struct wanted *w, mode_t mode) {
        return w->any_mode ? (mode & 0700) == 0700 : (mode & 07777) == w->mode;
}

static void look_at(struct doctor *d, const struct wanted *w) {
        const char *name = arena_printf(&d->c->arena, "directory %s", w->path);
        struct doctor_fix fix = {.path = w->path, .uid = w->uid, .gid = w->gid, .mode = w->mode};
        struct doctor_finding *f;
        struct stat st;

        if (lstat(w->path, &st) < 0) {
                look_at_missing(d, name, fix, -errno);
        } else if (S_ISLNK(st.st_mode)) {
                doctor_say(d, DOCTOR_WARNING, name, "look at what it points to",
                           "it is a symbolic link");
        } else if (!S_ISDIR(st.st_mode)) {
                doctor_say(d, DOCTOR_FAULT, name, "move it away", "it is no directory");
        } else if (st.st_uid != w->uid || (!w->any_mode && st.st_gid != w->gid)) {
                look_at_owner(d, w, name, fix, &st);
        } else if (!mode_is_good(w, st.st_mode)) {
                fix.kind = DOCTOR_CHMOD;
                f = doctor_say(d, DOCTOR_FAULT, name, doctor_fix_text(d, &fix),
                               "its mode is %04o and should be %04o",
                               (unsigned) (st.st_mode & 07777), (unsigned) w->mode);
                doctor_fix_add(d, f, fix);
        } else if (w->all) {
                fix.kind = DOCTOR_CHOWN_ALL;
                look_below(d, w, name, &fix);
        } else {
                doctor_say(d, DOCTOR_OK, name, NULL, "owner and mode are right");
        }
}

/* By systemd: each part has a user of its own, whom the package made. */
static void look_at_system(struct doctor *d, const struct row *row, const char *path) {
        const struct passwd *pw = getpwnam(row->user);
        const struct group *gr = getgrnam(row->group);

        if (!pw || !gr) {
                doctor_say(d, DOCTOR_FAULT, arena_printf(&d->c->arena, "directory %s", path),
                           "systemd-sysusers", "there is no %s %s", pw ? "group" : "user",
                           pw ? row->group : row->user);
                return;
        }
        look_at(d, &(struct wanted){.path = path,
                                    .uid = pw->pw_uid,
                                    .gid = gr->gr_gid,
                                    .mode = row->mode,
                                    .all = row->all});
}

/* By `onebox up`: all is its user's. What is not there yet it makes by itself. */
static void look_at_own(struct doctor *d, const struct row *row, const char *path,
                        const struct stat *state, bool runs) {
        mode_t mode = row->mode & 0777;

        if (!row->need || (!runs && access(path, F_OK) < 0 && errno == ENOENT && state))
                return;
        look_at(d, &(struct wanted){.path = path,
                                    .uid = state ? state->st_uid : geteuid(),
                                    .gid = state ? state->st_gid : getegid(),
                                    .mode = mode,
                                    .any_mode = true,
                                    .all = row->all});
}

void doctor_dirs(struct doctor *d) {
        struct stat st;
        bool there = stat(d->c->paths.state_dir, &st) == 0;
        bool runs = up_lock_holder(&d->c->paths, NULL) > 0;

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                const char *path = place(d, rows[i].path);

                if (!path)
                        d->failed = true;
                else if (d->is_system)
                        look_at_system(d, &rows[i], path);
                else if (there || str_eq(path, d->c->paths.state_dir))
                        look_at_own(d, &rows[i], path, there ? &st : NULL, runs);
        }
}
