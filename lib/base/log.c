/* log: see log.h. The journal's native protocol is spoken by libsystemd; a line on stderr is one
 * write, so that lines of several threads and processes do not mix. */
#include "lib/base/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/errmsg.h"
#include "lib/base/fileio.h"
#include "lib/base/json_write.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/base/timestamp.h"

#define N_FIELDS_MAX 24
#define LINE_MAX_BYTES ((size_t) 16 * 1024)

static const char *identifier = "onebox";
static atomic_int max_level = LOG_INFO;
static bool to_journal, to_json;
static int output = 2;
static void (*before_line)(size_t n_bytes);                   /* NULL: nobody is asked */
static pthread_mutex_t line_lock = PTHREAD_MUTEX_INITIALIZER; /* from the asking to the write */
static bool coloured;

static const struct {
        const char *name;
        const char *colour;
        int level;
} levels[] = {
        {"error", "\x1b[1;31m", LOG_ERR},   {"warning", "\x1b[1;33m", LOG_WARNING},
        {"notice", "\x1b[1m", LOG_NOTICE},  {"info", "", LOG_INFO},
        {"debug", "\x1b[2m", LOG_DEBUG},    {"error", "\x1b[1;31m", LOG_CRIT},
        {"error", "\x1b[1;31m", LOG_ALERT}, {"error", "\x1b[1;31m", LOG_EMERG},
};

/* JOURNAL_STREAM names the device and inode of the stream we were given; ours is the same only as
 * long as nobody redirected stderr. */
static bool stderr_is_journal(void) {
        const char *stream = getenv("JOURNAL_STREAM");
        unsigned long long dev, ino;
        struct stat st;

        if (!stream || sscanf(stream, "%llu:%llu", &dev, &ino) != 2 || fstat(2, &st) < 0)
                return false;
        return st.st_dev == dev && st.st_ino == ino;
}

void log_init(const char *ident) {
        const char *level = getenv("ONEBOX_LOG_LEVEL");
        int l;

        identifier = ident;
        to_journal = stderr_is_journal();
        coloured = isatty(2) && str_empty(getenv("NO_COLOR"));
        if (level && log_level_parse(level, &l) >= 0)
                log_set_level(l);
}

static void set_output(int fd, bool json) {
        output = fd;
        to_json = json;
        to_journal = coloured = false;
}

void log_to_json(int fd) {
        set_output(fd, true);
}

void log_to_text(int fd) {
        set_output(fd, false);
}

void log_before_line(void (*before)(size_t n_bytes)) {
        before_line = before;
}

void log_to_journal(void) {
        to_journal = true;
}

void log_set_level(int level) {
        atomic_store(&max_level, level);
}

int log_level_parse(const char *s, int *ret_level) {
        for (size_t i = 0; i < ARRAY_SIZE(levels); i++)
                if (str_eq(s, levels[i].name)) {
                        *ret_level = levels[i].level;
                        return 0;
                }
        return -EINVAL;
}

static void send_to_journal(int level, const struct log_field *fields, const char *text) {
        char *owned[N_FIELDS_MAX];
        struct iovec iov[N_FIELDS_MAX];
        int n = 0;

        owned[n++] = str_printf("MESSAGE=%s", text);
        owned[n++] = str_printf("PRIORITY=%d", level);
        owned[n++] = str_printf("SYSLOG_IDENTIFIER=%s", identifier);
        for (; fields && fields->name && n < N_FIELDS_MAX; fields++)
                if (fields->value)
                        owned[n++] = str_printf("%s=%s", fields->name, fields->value);
        for (int i = 0; i < n; i++)
                iov[i] = owned[i] ? (struct iovec){owned[i], strlen(owned[i])}
                                  : (struct iovec){(char *) "", 0};
        (void) sd_journal_sendv(iov, n);
        for (int i = 0; i < n; i++)
                mem_free(owned[i]);
}

/* A line stays one line: control characters become blanks. */
static void add_flat(struct buf *b, const char *s) {
        size_t start = b->len;

        buf_add_str(b, s);
        for (size_t i = start; i < b->len; i++)
                if ((unsigned char) b->data[i] < 0x20 || b->data[i] == 0x7F)
                        b->data[i] = ' ';
}

static void write_line(struct buf *b) {
        buf_add_char(b, '\n');
        if (buf_error(b))
                return;
        if (before_line) {
                (void) pthread_mutex_lock(&line_lock);
                before_line(b->len);
        }
        while (write(output, b->data, b->len) < 0 && errno == EINTR)
                ;
        if (before_line)
                (void) pthread_mutex_unlock(&line_lock);
}

static void send_to_stderr(int level, const struct log_field *fields, const char *text) {
        _cleanup_buf_ struct buf b = {};
        const char *name = "info", *colour = "";
        char when[TIMESTAMP_SIZE];

        for (size_t i = 0; i < ARRAY_SIZE(levels); i++)
                if (levels[i].level == level) {
                        name = levels[i].name;
                        colour = coloured ? levels[i].colour : "";
                }
        timestamp_print(clock_now(clock_system()), TIMESTAMP_USEC, when);
        buf_printf(&b, "%s %s%s%s %s: ", when, colour, name, *colour ? "\x1b[0m" : "", identifier);
        add_flat(&b, text);
        for (; fields && fields->name; fields++)
                if (fields->value) {
                        buf_printf(&b, " %s=", fields->name);
                        add_flat(&b, fields->value);
                }
        write_line(&b);
}

static void send_to_json(int level, const struct log_field *fields, const char *text) {
        static const char *const severities[] = {
                [LOG_ERR] = "ERROR",   [LOG_WARNING] = "WARNING", [LOG_NOTICE] = "INFO",
                [LOG_INFO] = "INFO",   [LOG_DEBUG] = "DEBUG",     [LOG_CRIT] = "ERROR",
                [LOG_ALERT] = "ERROR", [LOG_EMERG] = "ERROR",
        };
        _cleanup_buf_ struct buf b = {};
        usec_t now = clock_now(clock_system());
        struct json_write w;

        json_write_init(&w, &b, 0);
        json_write_object(&w);
        json_write_kv_object(&w, "timestamp");
        json_write_kv_u64(&w, "seconds", now / USEC_PER_SEC);
        json_write_kv_u64(&w, "nanos", now % USEC_PER_SEC * NSEC_PER_USEC);
        json_write_end(&w);
        json_write_kv_str(&w, "severity", severities[level & LOG_PRIMASK]);
        json_write_kv_str(&w, "message", text);
        for (; fields && fields->name; fields++)
                if (fields->value)
                        json_write_kv_str(&w, fields->name, fields->value);
        json_write_end(&w);
        if (json_write_finish(&w) >= 0)
                write_line(&b);
}

void log_vwrite(int level, const struct log_field *fields, const char *fmt, va_list ap) {
        _cleanup_buf_ struct buf text = {.limit = LINE_MAX_BYTES};
        int saved = errno;

        if (level > atomic_load(&max_level))
                return;
        if (buf_vprintf(&text, fmt, ap) == -E2BIG) {
                buf_reset(&text);
                buf_printf(&text, "(a message of more than %zu bytes)", LINE_MAX_BYTES);
        }
        if (to_journal)
                send_to_journal(level, fields, buf_cstr(&text));
        else if (to_json)
                send_to_json(level, fields, buf_cstr(&text));
        else
                send_to_stderr(level, fields, buf_cstr(&text));
        errno = saved;
}

void log_write(int level, const struct log_field *fields, const char *fmt, ...) {
        va_list ap;

        va_start(ap, fmt);
        log_vwrite(level, fields, fmt, ap);
        va_end(ap);
}

int log_errno(int error, const char *fmt, ...) {
        _cleanup_free_ char *text = NULL;
        va_list ap;

        va_start(ap, fmt);
        text = str_vprintf(fmt, ap);
        va_end(ap);
        log_error("%s: %s", text ? text : fmt, errmsg_strerror(error));
        return error;
}
