#include "daemons/launcher/launcher_allow.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/fileio.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

#define SECRET_FLAGS (O_RDONLY | O_NONBLOCK | O_NOCTTY)

/* The longest entry that `path` lies below: its directory on the heap, and what follows. */
static int find_entry(const struct launcher_allow *allow, char *const *list, const char *path,
                      char **ret_dir, const char **ret_rest, bool *ret_read_only) {
        _cleanup_free_ char *best = NULL;
        bool read_only = false;

        for (char *const *e = list; e && *e; e++) {
                bool ro = str_ends(*e, ":ro");
                _cleanup_free_ char *dir = str_printf(
                        "%s%s%.*s", **e == '/' ? "" : allow->state_dir, **e == '/' ? "" : "/",
                        (int) (strlen(*e) - (ro ? STRLEN(":ro") : 0)), *e);

                if (!dir)
                        return -ENOMEM;
                if (!launcher_carry_is_below(path, dir) || (best && strlen(best) >= strlen(dir)))
                        continue;
                mem_free(best);
                best = TAKE_PTR(dir);
                read_only = ro;
        }
        if (!best)
                return 0;
        *ret_rest = path + strlen(best);
        while (**ret_rest == '/')
                (*ret_rest)++;
        *ret_read_only = read_only;
        *ret_dir = TAKE_PTR(best);
        return 1;
}

/* Opens `rest` below `dir`: the directory is the administrator's word and may be a link, what is
 * below it is not and must not lead through one. */
static int open_below(const char *dir, const char *rest, int flags) {
        _cleanup_close_ int at = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
        const char *part;
        size_t n;

        if (at < 0)
                return -errno;
        while (str_word(&rest, "/", &part, &n)) {
                char name[NAME_MAX + 1];
                struct stat st;
                int fd;

                if (n > NAME_MAX)
                        return -ENAMETOOLONG;
                memcpy(name, part, n);
                name[n] = 0;
                fd = openat(at, name, (*rest ? O_PATH : flags) | O_NOFOLLOW | O_CLOEXEC);
                if (fd < 0)
                        return -errno;
                fileio_close(at);
                at = fd;
                if (fstat(at, &st) < 0)
                        return -errno;
                if (S_ISLNK(st.st_mode))
                        return -ELOOP;
        }
        return TAKE_FD(at);
}

static int say_open(struct errmsg *em, int r, const char *what, const char *name,
                    const char *source) {
        if (r == -ENOENT)
                return errmsg_fail(em, r, "%s \"%s\": \"%s\" does not exist: create it first", what,
                                   name, source);
        if (r == -ELOOP)
                return errmsg_fail(em, -EPERM,
                                   "%s \"%s\": \"%s\" leads through a symbolic link, which could "
                                   "lead anywhere: name the place itself",
                                   what, name, source);
        return errmsg_errno(em, r, "%s \"%s\": cannot open \"%s\"", what, name, source);
}

static int refuse(struct errmsg *em, const char *what, const char *name, const char *source,
                  const char *key) {
        return errmsg_fail(
                em, -EPERM,
                "%s \"%s\": \"%s\" lies below none of the directories that pipelines may "
                "use: add one to %s in [launcher] of onebox.conf, or move it",
                what, name, source, key);
}

/* The path of an fd as it is now. */
static int path_of(int fd, char *ret, size_t size) {
        char link[64];
        ssize_t n;

        snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
        n = readlink(link, ret, size - 1);
        if (n < 0)
                return -errno;
        if ((size_t) n >= size - 1)
                return -ENAMETOOLONG;
        ret[n] = 0;
        return launcher_carry_is_path(ret) ? 0 : -EINVAL;
}

int launcher_allow_bind(const struct launcher_allow *allow, const struct launcher_carry_bind *bind,
                        struct launcher_allow_found *ret, struct errmsg *em) {
        _cleanup_free_ char *dir = NULL;
        _cleanup_close_ int fd = -1;
        struct launcher_allow_found found;
        const char *rest;
        struct stat st;
        bool read_only;
        int r;

        if (!launcher_carry_is_target(bind->path, allow->state_dir, allow->runtime_dir))
                return errmsg_fail(em, -EPERM,
                                   "volume \"%s\" cannot be mounted at \"%s\", where the machine's "
                                   "or onebox's own files are: choose a path such as /mnt/%s",
                                   bind->name, bind->path, bind->name);
        r = find_entry(allow, allow->mounts, bind->source, &dir, &rest, &read_only);
        if (r < 0)
                return errmsg_errno(em, r, "volume \"%s\"", bind->name);
        if (r == 0)
                return refuse(em, "volume", bind->name, bind->source, "mounts");
        if (read_only && !bind->read_only)
                return errmsg_fail(em, -EPERM,
                                   "volume \"%s\": \"%s\" may be mounted for reading only: say "
                                   "read_only: true, or drop :ro from mounts in [launcher] of "
                                   "onebox.conf",
                                   bind->name, bind->source);
        fd = open_below(dir, rest, O_PATH);
        if (fd < 0)
                return say_open(em, fd, "volume", bind->name, bind->source);
        if (fstat(fd, &st) < 0)
                return errmsg_errno(em, -errno, "volume \"%s\"", bind->name);
        if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode))
                return errmsg_fail(em, -EPERM, "volume \"%s\": \"%s\" is no directory and no file",
                                   bind->name, bind->source);
        r = path_of(fd, found.path, sizeof(found.path));
        if (r < 0)
                return errmsg_errno(em, r, "volume \"%s\": the path of \"%s\"", bind->name,
                                    bind->source);
        found.dev = st.st_dev;
        found.ino = st.st_ino;
        *ret = found;
        return 0;
}

int launcher_allow_secret(const struct launcher_allow *allow,
                          const struct launcher_carry_secret *secret, int *ret_fd,
                          struct errmsg *em) {
        _cleanup_free_ char *dir = NULL;
        _cleanup_close_ int fd = -1;
        const char *rest;
        struct stat st;
        bool read_only;
        int r;

        if (secret->path &&
            !launcher_carry_is_target(secret->path, allow->state_dir, allow->runtime_dir))
                return errmsg_fail(em, -EPERM,
                                   "secret \"%s\" cannot be shown at \"%s\", where the machine's "
                                   "or onebox's own files are: choose a path such as /mnt/%s",
                                   secret->name, secret->path, secret->name);
        r = allow->own ? 1
                       : find_entry(allow, allow->secrets, secret->source, &dir, &rest, &read_only);
        if (r < 0)
                return errmsg_errno(em, r, "secret \"%s\"", secret->name);
        if (r == 0)
                return refuse(em, "secret", secret->name, secret->source, "secrets");
        fd = allow->own ? open(secret->source, SECRET_FLAGS | O_CLOEXEC)
                        : open_below(dir, rest, SECRET_FLAGS);
        if (fd < 0)
                return say_open(em, allow->own ? -errno : fd, "secret", secret->name,
                                secret->source);
        if (fstat(fd, &st) < 0)
                return errmsg_errno(em, -errno, "secret \"%s\"", secret->name);
        if (!S_ISREG(st.st_mode) || (st.st_nlink != 1 && !allow->own))
                return errmsg_fail(em, -EPERM,
                                   "secret \"%s\": \"%s\" must be a plain file with one name, not "
                                   "a second link to another: copy it",
                                   secret->name, secret->source);
        *ret_fd = TAKE_FD(fd);
        return 0;
}

int launcher_allow_in_place(const struct launcher_carry_bind *bind, struct errmsg *em) {
        struct stat source, path;

        if (stat(bind->source, &source) < 0)
                return say_open(em, -errno, "volume", bind->name, bind->source);
        if (stat(bind->path, &path) == 0 && path.st_dev == source.st_dev &&
            path.st_ino == source.st_ino)
                return 0;
        return errmsg_fail(em, -EPERM,
                           "volume \"%s\" cannot be mounted at \"%s\" where tasks are plain "
                           "processes (mode = fork): run under systemd, or make it a link: ln -s "
                           "%s %s",
                           bind->name, bind->path, bind->source, bind->path);
}

int launcher_allow_device(const struct launcher_allow *allow, const char *device,
                          struct errmsg *em) {
        for (char *const *p = allow->devices; p && *p; p++)
                if (fnmatch(*p, device, FNM_PATHNAME | FNM_PERIOD) == 0)
                        return 0;
        return errmsg_fail(em, -EPERM,
                           "device \"%s\" is none that pipelines may use: add it to devices in "
                           "[launcher] of onebox.conf",
                           device);
}
