/* onebox deploy: brings a project among the pipelines: compiled first, copied whole, put in its
 * place by one rename, so that the scheduler sees the old or the new, never half. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/compiled.h"
#include "lib/base/fileio.h"
#include "lib/base/json.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

enum { DEPTH_MAX = 32 };

struct deploy_words {
        struct cli_words words;
        char *path;
        bool clean, delete;
};

/* clang-format off */
static const struct options_row rows[] = {
        OPTIONS_ROW(struct deploy_words, path, 'p', STRING, "DIR", "the project; the current directory when left out")
        OPTIONS_ROW(struct deploy_words, clean, 'c', BOOL, NULL, "take all other projects away")
        OPTIONS_ROW(struct deploy_words, delete, 0, BOOL, NULL, "take this project away")
        CLI_ROWS(struct deploy_words)};
/* clang-format on */
static const struct options_spec spec = {
        .program = "onebox deploy",
        .summary = "Copy a project's directory among the pipelines, in the place of what was there "
                   "by its name; names that begin with a dot stay behind",
        .rows = rows,
        .n_rows = ARRAY_SIZE(rows),
};

static int fail(struct cli *c, int r, const char *path) {
        if (r == -EACCES || r == -EPERM || r == -EROFS)
                return errmsg_errno(&c->em, r,
                                    "%s: only members of onebox-op may write there: try "
                                    "sudo",
                                    path);
        return errmsg_errno(&c->em, r, "%s", path);
}

static int copy_file(int from_fd, const char *to, mode_t mode) {
        _cleanup_close_ int fd = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode & 0777);
        ssize_t n;

        if (fd < 0)
                return -errno;
        while ((n = sendfile(fd, from_fd, NULL, 1 << 20)) > 0)
                ;
        return n < 0 ? -errno : 0;
}

static int copy(struct cli *c, const char *from, const char *to, unsigned depth);

static int copy_dir(struct cli *c, const char *from, const char *to, unsigned depth) {
        _cleanup_(str_free_listp) char **names = NULL;
        int r = depth > DEPTH_MAX ? -ELOOP : fileio_list(from, NULL, &names);

        if (r < 0)
                return fail(c, r, from);
        if (mkdir(to, 0775) < 0)
                return fail(c, -errno, to);
        for (char **n = names; *n && r >= 0; n++) {
                _cleanup_free_ char *a = str_printf("%s/%s", from, *n),
                                    *b = str_printf("%s/%s", to, *n);

                if (**n == '.' || str_eq(*n, "__pycache__"))
                        continue;
                r = a && b ? copy(c, a, b, depth + 1) : cli_oom(c);
        }
        return r;
}

static int copy(struct cli *c, const char *from, const char *to, unsigned depth) {
        _cleanup_close_ int fd = -1;
        char target[PATH_MAX];
        struct stat st;
        ssize_t n;
        int r = 0;

        if (lstat(from, &st) < 0)
                return fail(c, -errno, from);
        if (S_ISDIR(st.st_mode))
                return copy_dir(c, from, to, depth);
        if (S_ISLNK(st.st_mode)) {
                n = readlink(from, target, sizeof(target) - 1);
                target[MAX(n, 0)] = 0;
                return n < 0 || symlink(target, to) < 0 ? fail(c, -errno, to) : 0;
        }
        if (!S_ISREG(st.st_mode))
                return 0;
        fd = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        r = fd < 0 ? -errno : copy_file(fd, to, st.st_mode);
        return r < 0 ? fail(c, r, from) : 0;
}

/* The new one in its place, the old one away. */
static int swap(struct cli *c, const char *new, const char *place) {
        if (rename(new, place) == 0) /* nothing, or an empty directory, was there */
                return 0;
        if (errno != ENOTEMPTY && errno != EEXIST)
                return fail(c, -errno, place);
        if (renameat2(AT_FDCWD, new, AT_FDCWD, place, RENAME_EXCHANGE) < 0)
                return fail(c, -errno, place);
        fileio_rm_rf(new);
        return 0;
}

static int clean(struct cli *c, const char *pipelines, const char *but) {
        _cleanup_(str_free_listp) char **names = NULL;
        int r = fileio_list(pipelines, NULL, &names);

        for (char **n = names; n && *n && r >= 0; n++) {
                _cleanup_free_ char *path = str_printf("%s/%s", pipelines, *n);

                if (**n == '.' || str_eq(*n, but))
                        continue;
                r = path ? fileio_rm_rf(path) : -ENOMEM;
                if (r >= 0)
                        printf("%s is gone\n", *n);
        }
        return r < 0 ? fail(c, r, pipelines) : 0;
}

/* The copy is on the disk before it has its place: a power cut leaves the old or the new. */
static int sync_and_swap(struct cli *c, const char *new, const char *place, int pipelines_fd) {
        int r;

        if (syncfs(pipelines_fd) < 0)
                return fail(c, -errno, new);
        r = swap(c, new, place);
        if (r >= 0 && fsync(pipelines_fd) < 0)
                return fail(c, -errno, place);
        return r;
}

/* One changes the pipelines at a time, until the lock is closed; the others wait. It is asked for
 * before anything is looked at, so that whoever asks while another works comes after it. Of several
 * that wait the kernel chooses. */
static int lock(struct cli *c, const char *pipelines, int *ret_fd) {
        int fd = open(pipelines, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (fd < 0)
                return fail(c, -errno, pipelines);
        while (flock(fd, LOCK_EX) < 0)
                if (errno != EINTR) {
                        close(fd);
                        return fail(c, -errno, pipelines);
                }
        *ret_fd = fd;
        return 0;
}

static int check(struct cli *c, const char *dir) {
        const struct json *compiled, *e;
        int n = 0, r = compiled_get(c, dir, &compiled);

        if (r < 0)
                return r;
        json_each (e, json_get(compiled, "errors"))
                n++;
        return n == 0 ? 0
                      : errmsg_fail(
                                &c->em, -EINVAL,
                                "%s has %d error%s and stays where it is: see `onebox pipelines "
                                "compile %s`",
                                dir, n, n == 1 ? "" : "s", dir);
}

static int deploy(struct cli *c, const char *dir, const char *pipelines, const char *name,
                  int pipelines_fd) {
        _cleanup_free_ char *new = str_printf("%s/.%s.new", pipelines, name),
                            *place = str_printf("%s/%s", pipelines, name);
        int r = new &&place ? check(c, dir) : cli_oom(c);

        if (r < 0)
                return r;
        if (str_eq(dir, place))
                return errmsg_fail(&c->em, -EINVAL, "%s is among the pipelines already", dir);
        r = fileio_rm_rf(new);
        if (r < 0)
                return fail(c, r, new);
        r = copy(c, dir, new, 0);
        if (r >= 0)
                r = sync_and_swap(c, new, place, pipelines_fd);
        if (r < 0) {
                fileio_rm_rf(new);
                return r;
        }
        printf("%s is deployed to %s\n", name, place);
        return 0;
}

static int take_away(struct cli *c, const char *pipelines, const char *name) {
        _cleanup_free_ char *place = str_printf("%s/%s", pipelines, name);
        int r;

        if (!place)
                return cli_oom(c);
        if (access(place, F_OK) < 0)
                return errmsg_fail(&c->em, -ENOENT, "%s is not among the pipelines", name);
        r = fileio_rm_rf(place);
        if (r < 0)
                return fail(c, r, place);
        printf("%s is gone; its runs stay in the history\n", name);
        return 0;
}

int deploy_cmd(struct cli *c, int argc, char **argv) {
        static struct deploy_words w;
        _cleanup_free_ char *pipelines = NULL;
        _cleanup_close_ int lock_fd = -1;
        char dir[PATH_MAX];
        const char *name;
        int r = cli_start(c, &spec, argc, argv, &w);

        if (r != 0)
                return r;
        pipelines = paths_state(&c->paths, "pipelines");
        if (!pipelines)
                return cli_oom(c);
        if (!realpath(w.path ? w.path : ".", dir))
                return errmsg_errno(&c->em, -errno, "%s", w.path ? w.path : ".");
        name = strrchr(dir, '/') + 1;
        if (!str_is_name(name, 200) || *name == '.')
                return errmsg_fail(&c->em, -EINVAL,
                                   "\"%s\" is no name for a project: rename the directory", name);
        r = lock(c, pipelines, &lock_fd);
        if (r < 0)
                return r;
        if (w.delete)
                return take_away(c, pipelines, name);
        r = deploy(c, dir, pipelines, name, lock_fd);
        return r >= 0 && w.clean ? clean(c, pipelines, name) : r;
}
