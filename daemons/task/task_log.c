#include "daemons/task/task_log.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemons/task/task_mask.h"
#include "lib/base/macros.h"
#include "lib/base/timestamp.h"

static int log_open(struct task_log *log) {
        struct stat st;
        int fd;

        fd = openat(log->dir_fd, "log", O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC,
                    0644);
        if (fd < 0)
                return -errno;
        if (fstat(fd, &st) < 0) {
                int r = -errno;

                close(fd);
                return r;
        }
        log->fd = fd;
        log->size = (uint64_t) st.st_size;
        return 0;
}

int task_log_init(struct task_log *log, int dir_fd, uint64_t limit) {
        int r;

        log->fd = -1;
        log->mask = NULL;
        log->dir_fd = dir_fd;
        log->limit = limit;
        log->size = log->n_lost = log->n_lost_total = log->n_cut = 0;
        log->capped = log->dirty = log->torn = false;
        log->failed_errno = 0;
        log->n_out = 0;
        for (size_t i = 0; i < TASK_LOG_STREAMS; i++) {
                struct task_log_stream *s = &log->streams[i];

                s->tag = "oe"[i];
                s->open = false;
                s->n_written = s->n_held = s->n_doubtful = 0;
                s->since = 0;
        }
        r = log_open(log);
        if (r < 0)
                log->failed_errno = -r;
        return r;
}

void task_log_done(struct task_log *log) {
        if (log->fd >= 0)
                close(log->fd);
        log->fd = -1;
}

/* All of it or, by taking back what came through, nothing: 0 or -errno. */
static int log_write(struct task_log *log, const char *data, size_t n) {
        size_t n_done = 0;

        if (log->fd < 0) {
                int r = log_open(log);

                if (r < 0)
                        return r;
        }
        while (n_done < n) {
                ssize_t k = write(log->fd, data + n_done, n - n_done);

                if (k > 0) {
                        n_done += (size_t) k;
                        continue;
                }
                if (k < 0 && errno == EINTR)
                        continue;
                int r = k < 0 ? -errno : -EIO;
                if (n_done > 0 && ftruncate(log->fd, (off_t) log->size) < 0)
                        log->size += n_done;
                return r;
        }
        log->size += n;
        log->dirty = true;
        log->torn = data[n - 1] != '\n';
        return 0;
}

static size_t log_header(char *to, size_t size, usec_t at, char tag) {
        char stamp[TIMESTAMP_SIZE];
        int n;

        timestamp_print(at, TIMESTAMP_USEC, stamp);
        n = snprintf(to, size, "%s %c ", stamp, tag);
        assert(n > 0 && (size_t) n < size);
        return (size_t) n;
}

/* Tells of lost bytes as soon as a line gets through again. */
static int log_own_up(struct task_log *log, usec_t now) {
        char line[256];
        size_t n;
        int r;

        if (log->n_lost == 0)
                return 0;
        n = 0;
        if (log->torn)
                line[n++] = '\n';
        n += log_header(line + n, sizeof(line) - n, now, 's');
        n += (size_t) snprintf(line + n, sizeof(line) - n,
                               "%" PRIu64 " bytes of output were lost: %s\n", log->n_lost,
                               strerror(log->failed_errno));
        r = log_write(log, line, n);
        if (r < 0)
                return r;
        log->n_lost = 0;
        return 0;
}

static void log_out_flush(struct task_log *log, usec_t now) {
        size_t n = log->n_out;
        int r;

        if (n == 0)
                return;
        log->n_out = 0;
        r = log_own_up(log, now);
        if (r >= 0)
                r = log_write(log, log->out, n);
        if (r < 0) {
                log->failed_errno = -r;
                log->n_lost += n;
                log->n_lost_total += n;
                for (size_t i = 0; i < TASK_LOG_STREAMS; i++)
                        log->streams[i].open = false;
        }
}

/* Room for one whole entry, so that what the disk refuses is whole entries, never half of one. */
static void log_reserve(struct task_log *log, size_t n, usec_t now) {
        assert(n <= sizeof(log->out));
        if (n > sizeof(log->out) - log->n_out)
                log_out_flush(log, now);
}

static void log_out(struct task_log *log, const char *data, size_t n) {
        assert(n <= sizeof(log->out) - log->n_out);
        memcpy(log->out + log->n_out, data, n);
        log->n_out += n;
}

/* The line of another stream that stands without an end gets one. */
static void log_close_others(struct task_log *log, const struct task_log_stream *but, usec_t now) {
        for (size_t i = 0; i < TASK_LOG_STREAMS; i++) {
                struct task_log_stream *s = &log->streams[i];

                if (s == but || !s->open)
                        continue;
                log_reserve(log, 1, now);
                log_out(log, "\n", 1);
                s->open = false;
                s->n_written = 0;
        }
}

static bool log_full(struct task_log *log, usec_t now) {
        char line[160];
        size_t n;

        if (log->limit == 0 || log->size + log->n_out < log->limit)
                return false;
        if (!log->capped) {
                log->capped = true;
                log_close_others(log, NULL, now);
                n = log_header(line, sizeof(line), now, 's');
                n += (size_t) snprintf(line + n, sizeof(line) - n,
                                       "the log's limit of %" PRIu64
                                       " bytes is reached: what follows is not kept\n",
                                       log->limit);
                log_reserve(log, n, now);
                log_out(log, line, n);
        }
        return true;
}

/* Of a line that is too long its first bytes are kept. */
static void keep_last(struct task_log_line *last, const char *text, size_t n, bool end) {
        if (last->complete)
                last->len = 0;
        n = MIN(n, sizeof(last->text) - last->len);
        memcpy(last->text + last->len, text, n);
        last->len += n;
        last->complete = end;
}

/* One piece of a line; `end` closes it. */
static void log_piece(struct task_log *log, struct task_log_stream *s, const char *text, size_t n,
                      bool end, usec_t now) {
        uint64_t n_lost = log->n_lost_total;
        char header[64];

        if (log_full(log, now)) {
                log->n_cut += n + end;
                return;
        }
        log_close_others(log, s, now);
        log_reserve(log, n + sizeof(header) + 1, now);
        if (!s->open) /* asked after the reserve: a failed write closes all lines */
                log_out(log, header, log_header(header, sizeof(header), s->since, s->tag));
        log_out(log, text, n);
        if (end)
                log_out(log, "\n", 1);
        s->open = !end && log->n_lost_total == n_lost;
        s->n_written = s->open ? s->n_written + n : 0;
}

/* Held bytes [at, at + n) as far as they can be masked: answers how many that were. `whole`: all of
 * them, nothing follows that could belong to a secret in them. `end` closes the line. */
static size_t log_masked(struct task_log *log, struct task_log_stream *s, size_t at, size_t n,
                         bool whole, bool end, usec_t now) {
        char *text = s->held + at;
        size_t used = !whole && log->mask ? task_mask_ready(log->mask, text, n) : n;

        if (used == 0 && !end)
                return 0;
        if (log->last.wanted && s == &log->streams[0])
                keep_last(&log->last, text, used, end);
        log_piece(log, s, text, log->mask ? task_mask_apply(log->mask, text, used) : used, end,
                  now);
        return used;
}

char *task_log_room(struct task_log *log, size_t stream, size_t *ret_n_room) {
        struct task_log_stream *s = &log->streams[stream];

        assert(stream < TASK_LOG_STREAMS);
        assert(s->n_held < sizeof(s->held));
        *ret_n_room = sizeof(s->held) - s->n_held;
        return s->held + s->n_held;
}

void task_log_feed(struct task_log *log, size_t stream, size_t n, usec_t now) {
        struct task_log_stream *s = &log->streams[stream];
        size_t n_old = s->n_held, at = 0;

        assert(n <= sizeof(s->held) - s->n_held);
        if (n == 0)
                return;
        if (n_old == 0)
                s->since = now;
        s->n_held += n;
        while (at < s->n_held) {
                size_t from = MAX(at, n_old), room = TASK_LOG_LINE_MAX - s->n_written;
                const char *nl = memchr(s->held + from, '\n', s->n_held - from);
                size_t len = (nl ? (size_t) (nl - s->held) : s->n_held) - at, cut = MIN(len, room);

                if (!nl && len < room)
                        break;
                /* the end of the line, or as much of it as one line may have */
                bool whole = nl && cut == len;
                at += log_masked(log, s, at, cut, whole, true, now) + whole;
                s->since = now;
        }
        s->n_held -= at;
        s->n_doubtful = 0;
        memmove(s->held, s->held + at, s->n_held);
        log_out_flush(log, now);
}

void task_log_say(struct task_log *log, usec_t now, const char *fmt, ...) {
        char text[512], header[64];
        size_t len;
        va_list ap;
        int n;

        va_start(ap, fmt);
        n = vsnprintf(text, sizeof(text), fmt, ap);
        va_end(ap);
        if (n < 0)
                return;
        log_close_others(log, NULL, now);
        log_reserve(log, sizeof(header) + sizeof(text) + 1, now);
        log_out(log, header, log_header(header, sizeof(header), now, 's'));
        len = MIN((size_t) n, sizeof(text) - 1);
        log_out(log, text, log->mask ? task_mask_apply(log->mask, text, len) : len);
        log_out(log, "\n", 1);
        log_out_flush(log, now);
}

void task_log_flush(struct task_log *log, usec_t now, bool force) {
        for (size_t i = 0; i < TASK_LOG_STREAMS; i++) {
                struct task_log_stream *s = &log->streams[i];
                size_t n;

                if (s->n_held == 0 ||
                    (!force && (s->n_doubtful == s->n_held ||
                                (now >= s->since && now - s->since < TASK_LOG_HOLD_FOR))))
                        continue;
                n = log_masked(log, s, 0, s->n_held, force, false, now);
                s->n_held -= n;
                s->n_doubtful = s->n_held;
                memmove(s->held, s->held + n, s->n_held);
        }
        log_out_flush(log, now);
}

usec_t task_log_next(const struct task_log *log) {
        usec_t next = USEC_INFINITY;

        for (size_t i = 0; i < TASK_LOG_STREAMS; i++)
                if (log->streams[i].n_held > log->streams[i].n_doubtful)
                        next = MIN(next, log->streams[i].since + TASK_LOG_HOLD_FOR);
        return next;
}

void task_log_end(struct task_log *log, usec_t now) {
        task_log_flush(log, now, true);
        log_close_others(log, NULL, now);
        log_out_flush(log, now);
        if (log->n_cut > 0)
                task_log_say(log, now, "%" PRIu64 " bytes past the log's limit were not kept",
                             log->n_cut);
        if (log->n_lost > 0 && log_own_up(log, now) < 0)
                log->dirty = true;
        task_log_sync(log);
}

void task_log_sync(struct task_log *log) {
        if (log->dirty && log->fd >= 0 && fdatasync(log->fd) == 0)
                log->dirty = false;
}
