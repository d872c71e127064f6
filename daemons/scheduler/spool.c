#include "daemons/scheduler/spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/base/arena.h"
#include "lib/base/entropy.h"
#include "lib/base/fileio.h"
#include "lib/base/json.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

#define SPEC_SIZE_MAX (8u << 20)

static int path_of(const char *tasks_dir, const char *try_id, const char *file,
                   char ret[PATH_MAX]) {
        int n = snprintf(ret, PATH_MAX, "%s/%s%s%s", tasks_dir, try_id, file ? "/" : "",
                         file ? file : "");

        return n < 0 || n >= PATH_MAX ? -ENAMETOOLONG : 0;
}

static int dir_open(const char *tasks_dir, const char *try_id) {
        char path[PATH_MAX];
        int r, fd;

        r = path_of(tasks_dir, try_id, NULL, path);
        if (r < 0)
                return r;
        fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        return fd < 0 ? -errno : fd;
}

/* A plain file, whatever the task's user put there. */
static int file_open(int dir_fd, const char *name) {
        struct stat st;
        int fd, r = 0;

        fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        if (fstat(fd, &st) < 0)
                r = -errno;
        else if (!S_ISREG(st.st_mode))
                r = -EINVAL;
        if (r < 0) {
                close(fd);
                return r;
        }
        return fd;
}

static bool has(int dir_fd, const char *name) {
        return faccessat(dir_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

int spool_prepare(const char *tasks_dir, const char *try_id, const char *spec, size_t len) {
        char path[PATH_MAX];
        int r;

        r = path_of(tasks_dir, try_id, NULL, path);
        if (r < 0)
                return r;
        if (mkdir(path, 0770) < 0 && errno != EEXIST)
                return -errno;
        r = path_of(tasks_dir, try_id, "spec.json", path);
        return r < 0 ? r : fileio_write_atomic(path, spec, len, 0644);
}

static int read_ids(int dir_fd, struct arena *a, struct replay_fact *fact) {
        _cleanup_close_ int fd = file_open(dir_fd, "spec.json");
        _cleanup_free_ char *text = NULL;
        int64_t map_index = -1;
        struct json *j;
        size_t len;
        int r;

        if (fd < 0)
                return fd;
        r = fileio_read_fd(fd, SPEC_SIZE_MAX, &text, &len);
        if (r >= 0)
                r = json_parse_copy(a, text, len, &j, NULL);
        if (r < 0)
                return r;
        if (json_need_str(j, "dag_id", &fact->dag_id, NULL) < 0 ||
            json_need_str(j, "run_id", &fact->run_id, NULL) < 0 ||
            json_need_str(j, "task_id", &fact->task_id, NULL) < 0 ||
            json_want_i64(j, "map_index", &map_index, NULL) < 0) {
                fact->dag_id = NULL;
                return -EINVAL;
        }
        fact->map_index = (int) map_index;
        return 0;
}

/* end.json, when it is there, whole, and of this try. */
static bool read_end(int dir_fd, const char *try_id, struct spool_end *ret) {
        _cleanup_close_ int fd = file_open(dir_fd, "end.json");
        _cleanup_free_ char *text = NULL;
        size_t len;

        return fd >= 0 && fileio_read_fd(fd, SPOOL_END_SIZE_MAX, &text, &len) >= 0 &&
               spool_end_parse(text, len, ret, NULL) >= 0 && str_eq(ret->try_id, try_id);
}

static bool is_locked(int dir_fd) {
        _cleanup_close_ int fd = file_open(dir_fd, "lock");

        return fd >= 0 && fileio_is_locked(fd) > 0;
}

int spool_look(const char *tasks_dir, const char *try_id, struct arena *a, struct replay_fact *fact,
               struct spool_end *ret_end) {
        _cleanup_close_ int dir_fd = dir_open(tasks_dir, try_id);

        if (dir_fd < 0)
                return dir_fd == -ENOENT ? 1 : dir_fd;
        str_copy(fact->try_id, sizeof(fact->try_id), try_id);
        fact->is_acked = has(dir_fd, "acked");
        /* the lock first: a shim that ends meanwhile has written its end before it lets go */
        fact->is_locked = is_locked(dir_fd);
        fact->is_started = has(dir_fd, "started");
        fact->started_at = fact->ended_at = USEC_INFINITY;
        fact->has_end = read_end(dir_fd, try_id, ret_end);
        if (fact->has_end) {
                fact->started_at = ret_end->started_at;
                fact->ended_at = ret_end->ended_at;
                fact->result = spool_end_result(ret_end);
        }
        if (!fact->dag_id && read_ids(dir_fd, a, fact) == -ENOMEM)
                return -ENOMEM;
        return 0;
}

bool spool_is_acked(const char *tasks_dir, const char *try_id) {
        char path[PATH_MAX];

        return path_of(tasks_dir, try_id, "acked", path) >= 0 && access(path, F_OK) == 0;
}

static pid_t lock_pid(int lock_fd) {
        char text[32] = {};

        if (pread(lock_fd, text, sizeof(text) - 1, 0) <= 0)
                return 0;
        return (pid_t) strtol(text, NULL, 10);
}

int spool_pidfd(const char *tasks_dir, const char *try_id, int *ret_pidfd) {
        _cleanup_close_ int dir_fd = dir_open(tasks_dir, try_id), lock_fd = -1, pidfd = -1;
        pid_t pid;

        if (dir_fd < 0)
                return dir_fd == -ENOENT ? 0 : dir_fd;
        lock_fd = file_open(dir_fd, "lock");
        if (lock_fd < 0)
                return lock_fd == -ENOENT ? 0 : lock_fd;
        if (fileio_is_locked(lock_fd) <= 0 || (pid = lock_pid(lock_fd)) <= 1)
                return 0;
        pidfd = (int) syscall(SYS_pidfd_open, pid, 0);
        if (pidfd < 0)
                return errno == ESRCH ? 0 : -errno;
        /* held still by the same: the number meant its holder when the pidfd was taken */
        if (fileio_is_locked(lock_fd) <= 0 || lock_pid(lock_fd) != pid)
                return 0;
        *ret_pidfd = TAKE_FD(pidfd);
        return 1;
}

static int make_mark(const char *tasks_dir, const char *try_id, const char *name) {
        _cleanup_close_ int dir_fd = dir_open(tasks_dir, try_id);
        int fd;

        if (dir_fd < 0)
                return dir_fd;
        fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
        if (fd < 0)
                return -errno;
        close(fd);
        return 0;
}

int spool_cancel(const char *tasks_dir, const char *try_id) {
        return make_mark(tasks_dir, try_id, "started");
}

int spool_acknowledge(const char *tasks_dir, const char *try_id) {
        int r = make_mark(tasks_dir, try_id, "acked");

        return r == -EEXIST || r == -ENOENT ? 0 : r;
}

int spool_lose(const char *tasks_dir, const char *try_id) {
        char from[PATH_MAX], to[PATH_MAX];
        int r;

        r = path_of(tasks_dir, "lost+found", NULL, to);
        if (r < 0)
                return r;
        if (mkdir(to, 0750) < 0 && errno != EEXIST)
                return -errno;
        r = path_of(tasks_dir, try_id, NULL, from);
        if (r >= 0)
                r = path_of(tasks_dir, "lost+found", try_id, to);
        if (r < 0)
                return r;
        return rename(from, to) < 0 ? -errno : 0;
}

int spool_remove(const char *tasks_dir, const char *try_id) {
        char path[PATH_MAX];
        int r = path_of(tasks_dir, try_id, NULL, path);

        return r < 0 ? r : fileio_rm_rf(path);
}

static void closedirp(DIR **d) {
        if (*d)
                closedir(*d);
}

int spool_each(const char *tasks_dir, int (*each)(void *ctx, const char *try_id), void *ctx) {
        _cleanup_(closedirp) DIR *d = opendir(tasks_dir);
        struct dirent *e;
        int r;

        if (!d)
                return -errno;
        while ((e = readdir(d))) {
                if (!entropy_is_uuid(e->d_name))
                        continue;
                r = each(ctx, e->d_name);
                if (r != 0)
                        return r;
        }
        return 0;
}

int spool_open_log(const char *tasks_dir, const char *try_id) {
        _cleanup_close_ int dir_fd = dir_open(tasks_dir, try_id);

        return dir_fd < 0 ? dir_fd : file_open(dir_fd, "log");
}
