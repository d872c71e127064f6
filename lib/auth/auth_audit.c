/* auth_audit.c: see auth_audit.h.
 *
 * A line goes to the kernel before the call returns. The thread makes it durable: it sleeps until
 * something was written, gathers for GATHER_MSEC, syncs once. */
#include "lib/auth/auth_audit.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/errmsg.h"
#include "lib/base/fileio.h"
#include "lib/base/json_write.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/base/timestamp.h"

enum { KEEP = 9, GATHER_MSEC = 200, FIELD_MAX = 4096 };
#define MAX_BYTES_DEFAULT (64ull * 1024 * 1024)

struct auth_audit {
        char *path;
        uint64_t max_bytes;
        const struct clock *clock;
        pthread_t thread;

        pthread_mutex_t lock; /* of what follows */
        pthread_cond_t work, synced;
        int fd;
        uint64_t n_bytes;             /* of the file; others may append too: it is a lower bound */
        uint64_t n_written, n_synced; /* lines */
        bool is_stopping, is_hasty;   /* hasty: somebody waits for the sync */
        int sync_error;               /* of the last sync */
};

static int open_file(struct auth_audit *a) {
        struct stat st;
        int fd;

        fd = open(a->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
        if (fd < 0)
                return -errno;
        if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
                fileio_close(fd);
                return -EINVAL;
        }
        a->fd = fd;
        a->n_bytes = (uint64_t) st.st_size;
        return 0;
}

/* FILE.8 becomes FILE.9, …, FILE becomes FILE.1. Another process may have done it already: then the
 * path is not our file any more and we only open the new one. */
static int rotate(struct auth_audit *a) {
        struct stat ours, there;
        int old_fd = a->fd, r;

        if (fstat(a->fd, &ours) < 0)
                return -errno;
        if (stat(a->path, &there) == 0 && there.st_ino == ours.st_ino &&
            there.st_dev == ours.st_dev) {
                for (int i = KEEP; i >= 1; i--) {
                        _cleanup_free_ char *to = str_printf("%s.%d", a->path, i);
                        _cleanup_free_ char *from =
                                i > 1 ? str_printf("%s.%d", a->path, i - 1) : mem_strdup(a->path);

                        if (!to || !from)
                                return -ENOMEM;
                        if (rename(from, to) < 0 && errno != ENOENT)
                                return -errno;
                }
        }
        r = open_file(a);
        if (r < 0)
                return r;
        (void) fdatasync(old_fd);
        fileio_close(old_fd);
        return 0;
}

/* --- the thread ----------------------------------------------------------------------------------
 */

static void gather_for(struct auth_audit *a) {
        struct timespec until;

        (void) clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += GATHER_MSEC * 1000000L;
        until.tv_sec += until.tv_nsec / 1000000000L;
        until.tv_nsec %= 1000000000L;
        while (!a->is_stopping && !a->is_hasty)
                if (pthread_cond_timedwait(&a->work, &a->lock, &until) == ETIMEDOUT)
                        break;
}

static void *audit_main(void *userdata) {
        struct auth_audit *a = userdata;

        (void) pthread_mutex_lock(&a->lock);
        while (!a->is_stopping || a->n_synced < a->n_written) {
                uint64_t n;
                int fd, r;

                if (a->n_synced == a->n_written) {
                        (void) pthread_cond_wait(&a->work, &a->lock);
                        continue;
                }
                gather_for(a);
                a->is_hasty = false;
                n = a->n_written;
                fd = fcntl(a->fd, F_DUPFD_CLOEXEC, 3); /* it may be rotated meanwhile */
                r = fd < 0 ? -errno : 0;
                (void) pthread_mutex_unlock(&a->lock);
                if (r >= 0)
                        r = fileio_fsync(fd);
                fileio_close(fd);
                (void) pthread_mutex_lock(&a->lock);
                a->n_synced = n;
                a->sync_error = r;
                (void) pthread_cond_broadcast(&a->synced);
        }
        (void) pthread_mutex_unlock(&a->lock);
        return NULL;
}

static int start_thread(struct auth_audit *a) {
        sigset_t all, old;
        int r;

        (void) sigfillset(&all);
        (void) pthread_sigmask(SIG_SETMASK, &all, &old);
        r = -pthread_create(&a->thread, NULL, audit_main, a);
        (void) pthread_sigmask(SIG_SETMASK, &old, NULL);
        if (r >= 0)
                (void) pthread_setname_np(a->thread, "audit");
        return r;
}

/* --- its owner -----------------------------------------------------------------------------------
 */

int auth_audit_open(const char *path, uint64_t max_bytes, const struct clock *clock,
                    struct errmsg *em, struct auth_audit **ret_audit) {
        struct auth_audit *a = mem_new(struct auth_audit);
        int r;

        assert(path && clock && ret_audit);
        if (!a)
                return -ENOMEM;
        a->fd = -1;
        a->clock = clock;
        a->max_bytes = max_bytes > 0 ? max_bytes : MAX_BYTES_DEFAULT;
        a->path = mem_strdup(path);
        r = a->path ? fileio_mkdir_parents(path, 0750) : -ENOMEM;
        if (r >= 0)
                r = open_file(a);
        (void) pthread_mutex_init(&a->lock, NULL);
        (void) pthread_cond_init(&a->work, NULL);
        (void) pthread_cond_init(&a->synced, NULL);
        if (r >= 0)
                r = start_thread(a);
        if (r < 0) {
                fileio_close(a->fd);
                mem_free(a->path);
                mem_free(a);
                return errmsg_errno(em, r, "%s: cannot write the audit log as uid %u", path,
                                    (unsigned) geteuid());
        }
        *ret_audit = a;
        return 0;
}

struct auth_audit *auth_audit_free(struct auth_audit *a) {
        if (!a)
                return NULL;
        (void) pthread_mutex_lock(&a->lock);
        a->is_stopping = true;
        (void) pthread_cond_broadcast(&a->work);
        (void) pthread_mutex_unlock(&a->lock);
        (void) pthread_join(a->thread, NULL);
        (void) pthread_cond_destroy(&a->synced);
        (void) pthread_cond_destroy(&a->work);
        (void) pthread_mutex_destroy(&a->lock);
        fileio_close(a->fd);
        mem_free(a->path);
        return mem_free(a);
}

static void kv_str(struct json_write *w, const char *key, const char *value) {
        if (!value)
                return;
        json_write_key(w, key);
        json_write_strn(w, value, strnlen(value, FIELD_MAX));
}

static int entry_print(const struct auth_audit *a, const struct auth_audit_entry *e,
                       struct buf *out) {
        const struct auth_identity *who = e->identity;
        char at[TIMESTAMP_SIZE];
        struct json_write w;

        json_write_init(&w, out, 0);
        json_write_object(&w);
        json_write_kv_str(&w, "at", timestamp_print(clock_now(a->clock), TIMESTAMP_USEC, at));
        if (who) {
                kv_str(&w, "user", who->name);
                if (who->uid != (uid_t) -1)
                        json_write_kv_u64(&w, "uid", who->uid);
                json_write_kv_str(&w, "how", auth_identity_how_print(who->how));
                kv_str(&w, "try_id", who->try_id);
        }
        kv_str(&w, "action", e->action);
        kv_str(&w, "object", e->object);
        kv_str(&w, "result", e->result);
        kv_str(&w, "detail", e->detail);
        json_write_end(&w);
        (void) buf_add_char(out, '\n');
        return json_write_finish(&w);
}

static int append(struct auth_audit *a, const struct buf *line) {
        ssize_t n;
        int r = 0;

        if (a->n_bytes + line->len > a->max_bytes && a->n_bytes > 0)
                r = rotate(a);
        if (r < 0)
                return r;
        do
                n = write(a->fd, line->data, line->len);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return -errno;
        a->n_bytes += (uint64_t) n;
        a->n_written++;
        (void) pthread_cond_signal(&a->work);
        if ((size_t) n <
            line->len) { /* the disk is full: end the piece, so that lines stay lines */
                (void) !write(a->fd, "\n", 1);
                return -ENOSPC;
        }
        return 0;
}

int auth_audit_write(struct auth_audit *a, const struct auth_audit_entry *entry) {
        _cleanup_buf_ struct buf line = {};
        int r;

        assert(entry->action && entry->result);
        r = entry_print(a, entry, &line);
        if (r < 0)
                return r;
        (void) pthread_mutex_lock(&a->lock);
        r = append(a, &line);
        (void) pthread_mutex_unlock(&a->lock);
        return r;
}

int auth_audit_sync(struct auth_audit *a) {
        uint64_t n;
        int r;

        (void) pthread_mutex_lock(&a->lock);
        n = a->n_written;
        while (a->n_synced < n) {
                a->is_hasty = true;
                (void) pthread_cond_signal(&a->work);
                (void) pthread_cond_wait(&a->synced, &a->lock);
        }
        r = a->sync_error;
        (void) pthread_mutex_unlock(&a->lock);
        return r;
}
