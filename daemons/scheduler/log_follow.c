#include "daemons/scheduler/log_follow.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "daemons/scheduler/log_lines.h"
#include "daemons/scheduler/scheduler.h"
#include "daemons/scheduler/spool.h"
#include "lib/base/json_write.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/net/http_request.h"
#include "lib/net/loop.h"

enum { HOLD_MAX = 128 * 1024 }; /* longer than any line of onebox-task */

struct follow {
        struct scheduler *s;
        char try_id[WORLD_ID_SIZE];
        int fd;                   /* -1: no log yet */
        uint64_t at;              /* of the first held byte */
        size_t n_held, n_partial; /* n_partial: of them were shown as "partial" */
        struct buf out;
        size_t n_sent;
        bool ended;
        struct http_request_waker *waker;
        struct loop_source *watch;
        char held[HOLD_MAX];
};

static int put_line(struct follow *f, const char *event, const char *text, size_t len,
                    uint64_t behind) {
        struct log_line line;
        struct json_write w;

        log_lines_parse(text, len, &line);
        if (event)
                buf_printf(&f->out, "event: %s\ndata: ", event);
        else
                buf_printf(&f->out, "id: %" PRIu64 "\ndata: ", behind);
        json_write_init(&w, &f->out, 0);
        log_lines_write(&w, &line);
        json_write_finish(&w);
        return buf_add_str(&f->out, "\n\n");
}

static int read_more(struct follow *f) {
        ssize_t n;

        if (f->fd < 0) {
                f->fd = spool_open_log(f->s->tasks_dir, f->try_id);
                if (f->fd < 0)
                        return 0;
        }
        n = pread(f->fd, f->held + f->n_held, sizeof(f->held) - f->n_held,
                  (off_t) (f->at + f->n_held));
        if (n < 0)
                return -errno;
        f->n_held += (size_t) n;
        return 0;
}

/* Whole lines into the buffer; at the very end what is left as one. */
static int put_lines(struct follow *f, bool last) {
        size_t at = 0;
        int r = 0;

        while (at < f->n_held && r >= 0) {
                const char *p = f->held + at, *nl = memchr(p, '\n', f->n_held - at);
                size_t len = nl ? (size_t) (nl - p) : f->n_held - at;

                if (!nl && !last && f->n_held - at < sizeof(f->held))
                        break;
                at += len + (nl ? 1 : 0);
                r = put_line(f, NULL, p, len, f->at + at);
                f->n_partial = 0;
        }
        f->n_held -= at;
        f->at += at;
        memmove(f->held, f->held + at, f->n_held);
        if (r >= 0 && f->n_held > f->n_partial) {
                f->n_partial = f->n_held;
                r = put_line(f, "partial", f->held, f->n_held, 0);
        }
        return r;
}

/* The next events: 1 there are some, 0 none yet, -errno. */
static int fill(struct follow *f) {
        /* asked before reading: what is written before the end is read after it was seen */
        bool over = spool_is_acked(f->s->tasks_dir, f->try_id);
        size_t n_before = f->n_held;
        int r;

        buf_reset(&f->out);
        f->n_sent = 0;
        r = read_more(f);
        if (r >= 0)
                r = put_lines(f, over && f->n_held == n_before);
        if (r >= 0 && f->out.len == 0 && over && f->n_held == 0) {
                f->ended = true;
                r = buf_add_str(&f->out, "event: end\ndata: {}\n\n");
        }
        return r < 0 ? r : f->out.len > 0;
}

static ssize_t pull(void *ctx, char *data, size_t size) {
        struct follow *f = ctx;
        size_t n;
        int r;

        if (f->n_sent == f->out.len) {
                if (f->ended)
                        return HTTP_STREAM_END;
                r = fill(f);
                if (r <= 0)
                        return r;
        }
        n = MIN(size, f->out.len - f->n_sent);
        memcpy(data, f->out.data + f->n_sent, n);
        f->n_sent += n;
        return (ssize_t) n;
}

static void gone(void *ctx) {
        struct follow *f = ctx;

        loop_source_free(f->watch);
        if (f->waker)
                http_request_waker_unref(f->waker);
        if (f->fd >= 0)
                close(f->fd);
        buf_done(&f->out);
        mem_free(f);
}

static int on_change(struct loop_source *source, const struct inotify_event *e, void *ctx) {
        struct follow *f = ctx;

        http_request_waker_wake(f->waker);
        return 0;
}

int log_follow_reply(struct scheduler *s, struct http_request *req, const char *try_id) {
        const char *from = http_request_header(req, "Last-Event-ID");
        struct follow *f = mem_new(struct follow);
        char dir[PATH_MAX];
        int r;

        if (!f)
                return -ENOMEM;
        f->s = s;
        f->fd = -1;
        str_copy(f->try_id, sizeof(f->try_id), try_id);
        if (from)
                (void) str_to_u64(from, &f->at);
        snprintf(dir, sizeof(dir), "%s/%s", s->tasks_dir, try_id);
        r = loop_inotify(s->loop, dir, IN_MODIFY | IN_CREATE | IN_MOVED_TO, on_change, f,
                         &f->watch);
        if (r < 0) {
                gone(f);
                return http_request_reply_error(req, r == -ENOENT ? 404 : 500,
                                                "the log of try %s is not kept any more", try_id);
        }
        http_request_set_header(req, "Cache-Control", "no-cache");
        r = http_request_reply_stream(req, 200, "text/event-stream",
                                      &(struct http_request_stream){.pull = pull,
                                                                    .gone = gone,
                                                                    .ctx = f,
                                                                    .heartbeat = ": \n\n",
                                                                    .size = -1,
                                                                    .no_gzip = true},
                                      &f->waker);
        return MIN(r, 0);
}
