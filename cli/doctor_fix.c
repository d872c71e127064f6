/* doctor_fix: see doctor_fix.h. */
#include "cli/doctor_fix.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/fileio.h"
#include "lib/base/str.h"

#define DEPTH_MAX 64

void doctor_fix_add(struct doctor *d, struct doctor_finding *f, struct doctor_fix fix) {
        struct doctor_fix *copy = arena_memdup(&d->c->arena, &fix, sizeof(fix));

        if (!copy) {
                d->failed = true;
                return;
        }
        *f->fixes_tail = copy;
        f->fixes_tail = &copy->next;
}

static const char *owner(struct arena *a, const struct doctor_fix *fix) {
        const struct passwd *pw = getpwuid(fix->uid);
        const char *user =
                pw ? arena_strdup(a, pw->pw_name) : arena_printf(a, "%u", (unsigned) fix->uid);
        const struct group *gr = getgrgid(fix->gid);

        if (!user)
                return NULL;
        return gr ? arena_printf(a, "%s:%s", user, gr->gr_name)
                  : arena_printf(a, "%s:%u", user, (unsigned) fix->gid);
}

const char *doctor_fix_text(struct doctor *d, const struct doctor_fix *fix) {
        struct arena *a = &d->c->arena;
        const char *who = owner(a, fix);

        if (!who)
                return NULL;
        switch (fix->kind) {
        case DOCTOR_MKDIR:
                return arena_printf(a, "install -d -m %04o -o %u -g %u %s", (unsigned) fix->mode,
                                    (unsigned) fix->uid, (unsigned) fix->gid, fix->path);
        case DOCTOR_CHOWN:
                return arena_printf(a, "chown %s %s", who, fix->path);
        case DOCTOR_CHOWN_ALL:
                return arena_printf(a, "chown -R %s %s", who, fix->path);
        case DOCTOR_CHMOD:
                return arena_printf(a, "chmod %04o %s", (unsigned) fix->mode, fix->path);
        }
        return NULL;
}

/* --- everything below a directory ----------------------------------------------------------- */

struct walk {
        uid_t uid;
        gid_t gid;
        bool change;
        dev_t dev;
        size_t left; /* entries to look at */
        int n;       /* strangers */
        struct arena *a;
        const char *first;
        size_t len;
        char path[PATH_MAX]; /* of the directory we are in */
};

static int walk_dir(struct walk *w, int fd, unsigned depth);

static int walk_down(struct walk *w, int dir_fd, const char *name, unsigned depth) {
        size_t len = w->len, n = strlen(name);
        int r = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

        if (r < 0) /* it became something else meanwhile */
                return errno == ENOENT || errno == ENOTDIR || errno == ELOOP ? 0 : -errno;
        if (len + 1 + n >= sizeof(w->path) || depth + 1 >= DEPTH_MAX) {
                fileio_close(r);
                return -ENAMETOOLONG;
        }
        w->path[len] = '/';
        memcpy(w->path + len + 1, name, n + 1);
        w->len += n + 1;
        r = walk_dir(w, r, depth + 1);
        w->len = len;
        w->path[len] = 0;
        return r;
}

static int walk_entry(struct walk *w, int dir_fd, const char *name, unsigned depth) {
        struct stat st;

        if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return errno == ENOENT ? 0 : -errno;
        if (st.st_dev != w->dev)
                return 0;
        if (st.st_uid != w->uid && (S_ISDIR(st.st_mode) || st.st_nlink == 1)) {
                w->n++;
                if (w->a && !w->first)
                        w->first = arena_printf(w->a, "%s/%s", w->path, name);
                if (w->change && fchownat(dir_fd, name, w->uid, w->gid, AT_SYMLINK_NOFOLLOW) < 0)
                        return -errno;
        }
        return S_ISDIR(st.st_mode) ? walk_down(w, dir_fd, name, depth) : 0;
}

/* Closes fd. */
static int walk_dir(struct walk *w, int fd, unsigned depth) {
        DIR *dir = fdopendir(fd);
        struct dirent *e;
        int r = 0;

        if (!dir) {
                r = -errno;
                fileio_close(fd);
                return r;
        }
        while (r >= 0 && w->left > 0 && (e = readdir(dir)))
                if (!str_eq(e->d_name, ".") && !str_eq(e->d_name, "..")) {
                        w->left--;
                        r = walk_entry(w, dirfd(dir), e->d_name, depth);
                }
        (void) closedir(dir);
        return r;
}

static int walk(struct walk *w, const char *path) {
        int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        struct stat st;

        if (fd < 0)
                return -errno;
        if (fstat(fd, &st) < 0 || str_copy(w->path, sizeof(w->path), path) < 0) {
                fileio_close(fd);
                return -ENAMETOOLONG;
        }
        w->dev = st.st_dev;
        w->len = strlen(w->path);
        return walk_dir(w, fd, 0);
}

int doctor_fix_strangers(struct arena *a, const char *path, uid_t uid, size_t limit,
                         const char **ret_first) {
        struct walk w = {.uid = uid, .left = limit, .a = a};
        int r = walk(&w, path);

        *ret_first = w.first;
        return r < 0 ? r : w.n;
}

int doctor_fix_run(const struct doctor_fix *fix, struct errmsg *em) {
        struct walk w = {.uid = fix->uid, .gid = fix->gid, .left = SIZE_MAX, .change = true};
        int fd = -1, r = 0;

        if (fix->kind == DOCTOR_MKDIR)
                r = fileio_mkdir_p(fix->path, fix->mode & 0777);
        if (r >= 0)
                fd = open(fix->path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        if (r >= 0 && fd < 0)
                r = -errno;
        if (r >= 0 && fix->kind != DOCTOR_CHMOD &&
            fchownat(fd, "", fix->uid, fix->gid, AT_EMPTY_PATH) < 0)
                r = -errno;
        if (r >= 0 && fix->kind == DOCTOR_CHOWN_ALL)
                r = walk(&w, fix->path);
        if (r >= 0 && (fix->kind == DOCTOR_MKDIR || fix->kind == DOCTOR_CHMOD)) {
                char self[64];

                snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
                r = chmod(self, fix->mode) < 0 ? -errno : 0;
        }
        fileio_close(fd);
        return r < 0 ? errmsg_errno(em, r, "%s", fix->path) : 0;
}
