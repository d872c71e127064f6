#include "fuse-gcs/log_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/errmsg.h"
#include "lib/base/fileio.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/net/http_gzip.h"

#define STAMP "%04d-%02d-%02dT%02d-%02d-%02d.%03d"
enum { STAMP_SIZE = sizeof("2026-11-29T19-20-30.123") - 1, ROOM_SIZE = 64 * 1024 };

static struct {
        char *path, *dir;
        const char *base; /* in path */
        struct log_file_options o;
        int fd; /* the log's; another file is put behind it */
        uint64_t n_bytes;
        pthread_mutex_t tidy; /* of what became of the full ones */
} file = {.tidy = PTHREAD_MUTEX_INITIALIZER};

/* --- names ------------------------------------------------------------------------------------ */

/* Where ".log" of "x.log" begins: at the end when there is none. */
static size_t stem_size(const char *base) {
        const char *dot = strrchr(base, '.');

        return dot ? (size_t) (dot - base) : strlen(base);
}

static bool is_stamp(const char *p) {
        static const char form[] = "0000-00-00T00-00-00.000";

        for (size_t i = 0; i < STAMP_SIZE; i++)
                if (form[i] == '0' ? p[i] < '0' || p[i] > '9' : p[i] != form[i])
                        return false;
        return true;
}

bool log_file_is_backup(const char *base, const char *name, bool *ret_compressed) {
        size_t stem = stem_size(base);
        const char *p = name + stem, *behind;

        if (strncmp(name, base, stem) != 0 || *p != '-' || strlen(p + 1) < STAMP_SIZE ||
            !is_stamp(p + 1))
                return false;
        behind = str_after(p + 1 + STAMP_SIZE, base + stem);
        *ret_compressed = behind && str_eq(behind, ".gz");
        return behind && (*behind == '\0' || *ret_compressed);
}

static char *backup_path(usec_t now) {
        time_t s = (time_t) (now / USEC_PER_SEC);
        size_t stem = stem_size(file.base);
        struct tm t;

        if (!gmtime_r(&s, &t))
                return NULL;
        return str_printf("%s/%.*s-" STAMP "%s", file.dir, (int) stem, file.base, t.tm_year + 1900,
                          t.tm_mon + 1, t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec,
                          (int) (now % USEC_PER_SEC / USEC_PER_MSEC), file.base + stem);
}

/* --- what became of the full ones --------------------------------------------------------------
 */

static int compress_into(int from, int to) {
        struct http_gzip *gzip = NULL;
        _cleanup_free_ char *room = mem_alloc(ROOM_SIZE);
        _cleanup_buf_ struct buf packed = {};
        int r = room ? http_gzip_new(6, &gzip) : -ENOMEM;
        ssize_t n = 1;

        while (r >= 0 && n > 0) {
                n = read(from, room, ROOM_SIZE);
                buf_reset(&packed);
                r = n < 0 ? -errno : http_gzip_feed(gzip, room, (size_t) n, false, n == 0, &packed);
                if (r >= 0)
                        r = fileio_write_all(to, packed.data, packed.len);
        }
        http_gzip_free(gzip);
        return r;
}

/* The one that was compressed goes only when the other is whole. */
static void compress_one(const char *path) {
        _cleanup_free_ char *target = str_printf("%s.gz", path);
        _cleanup_close_ int from = open(path, O_RDONLY | O_CLOEXEC), to = -1;

        if (!target || from < 0)
                return;
        to = open(target, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        if (to >= 0)
                (void) unlink(compress_into(from, to) >= 0 ? path : target);
}

static int is_backup(const struct dirent *d) {
        bool compressed;

        return log_file_is_backup(file.base, d->d_name, &compressed);
}

/* By name is by age. */
static int newest_first(const struct dirent **a, const struct dirent **b) {
        return strcmp((*b)->d_name, (*a)->d_name);
}

static void *tidy_main(void *arg) {
        struct dirent **found = NULL;
        int n;

        (void) arg;
        (void) pthread_mutex_lock(&file.tidy);
        n = scandir(file.dir, &found, is_backup, newest_first);
        for (int i = 0; i < n; i++) {
                _cleanup_free_ char *path = str_printf("%s/%s", file.dir, found[i]->d_name);
                bool compressed;

                (void) log_file_is_backup(file.base, found[i]->d_name, &compressed);
                if (path && file.o.n_backups > 0 && (unsigned) i >= file.o.n_backups)
                        (void) unlink(path);
                else if (path && file.o.compress && !compressed)
                        compress_one(path);
                free(found[i]); /* scandir()'s */
        }
        free(found);
        (void) pthread_mutex_unlock(&file.tidy);
        return NULL;
}

static void tidy(void) {
        sigset_t all, old;
        pthread_t thread;

        (void) sigfillset(&all);
        (void) pthread_sigmask(SIG_SETMASK, &all, &old);
        if (pthread_create(&thread, NULL, tidy_main, NULL) == 0)
                (void) pthread_detach(thread);
        (void) pthread_sigmask(SIG_SETMASK, &old, NULL);
}

/* --- the file --------------------------------------------------------------------------------- */

static int open_path(void) {
        return open(file.path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
}

/* The log goes on in a new one. */
static void change_file(void) {
        _cleanup_free_ char *backup = backup_path(clock_now(clock_system()));
        _cleanup_close_ int fd = -1;

        file.n_bytes = 0;
        if (!backup || rename(file.path, backup) < 0)
                return;
        fd = open_path();
        if (fd >= 0)
                (void) dup3(fd, file.fd, O_CLOEXEC);
        tidy();
}

/* A line of n bytes is about to be written. */
static void make_room(size_t n) {
        if (file.n_bytes + n > file.o.bytes_max)
                change_file();
        file.n_bytes += n;
}

int log_file_open(const struct log_file_options *o, struct errmsg *em) {
        struct stat st;

        assert(!file.path && *o->path == '/' && o->bytes_max > 0);
        file.o = *o;
        file.path = mem_strdup(o->path);
        file.dir = mem_strdup(o->path);
        if (!file.path || !file.dir)
                return errmsg_fail(em, -ENOMEM, "--log-file=%s: out of memory", o->path);
        file.base = strrchr(file.path, '/') + 1;
        file.dir[MAX(file.base - file.path - 1, (ptrdiff_t) 1)] = '\0';
        file.fd = open_path();
        if (file.fd < 0)
                return errmsg_errno(em, -errno, "--log-file=%s", o->path);
        if (fstat(file.fd, &st) == 0)
                file.n_bytes = (uint64_t) st.st_size;
        if (o->json)
                log_to_json(file.fd);
        else
                log_to_text(file.fd);
        log_before_line(make_room);
        return 0;
}
