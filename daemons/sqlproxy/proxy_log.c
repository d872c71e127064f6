/* Owns the two streams and their form. */
#include "daemons/sqlproxy/proxy_log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/fileio.h"
#include "lib/base/json_write.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

/* At most this many error lines in a second; what is beyond is counted and said. */
#define ERRORS_PER_SECOND 200

static struct proxy_log_options options;
static bool to_journal[3]; /* by file descriptor */
static atomic_llong window_at_s;
static atomic_uint n_in_window, n_dropped;

static bool is_journal(int fd) {
        const char *stream = getenv("JOURNAL_STREAM");
        unsigned long long dev, ino;
        struct stat st;

        return stream && sscanf(stream, "%llu:%llu", &dev, &ino) == 2 && fstat(fd, &st) >= 0 &&
               st.st_dev == dev && st.st_ino == ino;
}

void proxy_log_init(const struct proxy_log_options *o) {
        options = *o;
        to_journal[1] = is_journal(1);
        to_journal[2] = is_journal(2);
        tzset();
}

static void add_structured(struct buf *line, const struct tm *tm, const char *severity,
                           const char *text) {
        char at[40], zone[16];
        struct json_write w;
        long off = tm->tm_gmtoff;

        strftime(at, sizeof at, "%Y-%m-%dT%H:%M:%S", tm);
        if (off == 0)
                snprintf(zone, sizeof zone, "Z");
        else
                snprintf(zone, sizeof zone, "%c%02ld:%02ld", off < 0 ? '-' : '+',
                         labs(off) / 3600 % 100, labs(off) / 60 % 60);
        json_write_init(&w, line, 0);
        json_write_object(&w);
        json_write_key(&w, "timestamp");
        buf_printf(line, "\"%s%s\"", at, zone);
        w.after_key = false;
        w.has_items[w.depth - 1] = true;
        json_write_kv_str(&w, "severity", severity);
        json_write_kv_str(&w, "message", text);
        json_write_end(&w);
}

static void say(int fd, int priority, const char *severity, const char *text) {
        _cleanup_buf_ struct buf line = {};
        time_t now = time(NULL);
        struct tm tm;
        char at[40];

        localtime_r(&now, &tm);
        if (options.structured) {
                add_structured(&line, &tm, severity, text);
        } else if (to_journal[fd]) {
                buf_printf(&line, "<%d>%s", priority, text);
        } else {
                strftime(at, sizeof at, "%Y/%m/%d %H:%M:%S ", &tm);
                buf_add_str(&line, at);
                buf_add_str(&line, text);
        }
        buf_add_char(&line, '\n');
        if (buf_error(&line) >= 0)
                (void) fileio_write_all(fd, line.data, line.len);
}

static void vsay(int fd, int priority, const char *severity, const char *fmt, va_list ap)
        _printf_(4, 0);
static void vsay(int fd, int priority, const char *severity, const char *fmt, va_list ap) {
        _cleanup_free_ char *text = str_vprintf(fmt, ap);
        int saved = errno;

        if (text)
                say(fd, priority, severity, text);
        errno = saved;
}

void proxy_log_info(const char *fmt, ...) {
        va_list ap;

        if (options.quiet)
                return;
        va_start(ap, fmt);
        vsay(1, 6, "INFO", fmt, ap);
        va_end(ap);
}

void proxy_log_debug(const char *fmt, ...) {
        va_list ap;

        if (options.quiet || !options.debug)
                return;
        va_start(ap, fmt);
        vsay(1, 7, "DEBUG", fmt, ap);
        va_end(ap);
}

/* May one more error be said in this second? */
static bool may_say(void) {
        long long now_s = (long long) time(NULL), was = atomic_load(&window_at_s);
        unsigned dropped;
        char text[80];

        if (was != now_s && atomic_compare_exchange_strong(&window_at_s, &was, now_s)) {
                atomic_store(&n_in_window, 0);
                dropped = atomic_exchange(&n_dropped, 0);
                if (dropped > 0) {
                        snprintf(text, sizeof text, "%u more error messages were not written",
                                 dropped);
                        say(2, 3, "ERROR", text);
                }
        }
        if (atomic_fetch_add(&n_in_window, 1) < ERRORS_PER_SECOND)
                return true;
        atomic_fetch_add(&n_dropped, 1);
        return false;
}

void proxy_log_error(const char *fmt, ...) {
        va_list ap;

        if (!may_say())
                return;
        va_start(ap, fmt);
        vsay(2, 3, "ERROR", fmt, ap);
        va_end(ap);
}
