/* task_log.h: the log file of one try, line by line.
 *
 * Owns: the file's descriptor and, for each stream, the piece of a line that has no end yet.
 * Each line of the file is `TIME TAG TEXT\n`: UTC ISO time with microseconds of the line's first
 * byte, a tag (o stdout, e stderr, s the shim itself), the text as it came. A line without an end
 * is written after TASK_LOG_HOLD_FOR and grows in place; when another stream writes meanwhile, its
 * rest comes as a line of its own. Lines longer than TASK_LOG_LINE_MAX are split.
 *
 * What `mask` looks for is never in the file: it becomes "***", and the end of a piece that may be
 * its begin is held until it is known not to be. The last line kept for others is as it came.
 *
 * Never fails its caller: what the disk refuses is counted, and said in the file (tag s) as soon as
 * the disk takes bytes again. Past the limit one line says so and the rest is only counted.
 * Threads: one. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/macros.h"

enum {
        TASK_LOG_LINE_MAX = 64 * 1024,
        TASK_LOG_OUT_MAX = TASK_LOG_LINE_MAX + 256, /* a whole line with its head always fits */
        TASK_LOG_HOLD_FOR = 50 * 1000, /* µs; readers must see a partial line within 100 ms */
        TASK_LOG_STREAMS = 2,
};

struct task_log_stream {
        char tag;
        bool open;        /* its line stands in the file without an end */
        size_t n_written; /* bytes of that line already in the file */
        usec_t since;     /* arrival of the first held byte */
        size_t n_held;
        size_t n_doubtful; /* as many held bytes may be the begin of a secret: more is waited for */
        char held[TASK_LOG_LINE_MAX];
};

/* The last line of stdout, kept where somebody wants it. */
struct task_log_line {
        bool wanted;
        bool complete; /* its end was seen: the next piece begins a new one */
        size_t len;
        char text[TASK_LOG_LINE_MAX];
};

struct task_mask;

struct task_log {
        const struct task_mask *mask; /* borrowed: what must not be shown; or NULL */
        struct task_log_line last;
        int fd;          /* -1 when it could not be opened yet */
        int dir_fd;      /* borrowed: where it is opened again */
        uint64_t limit;  /* bytes of the file, 0 for none */
        uint64_t size;   /* bytes of the file, all of them whole writes */
        uint64_t n_lost; /* bytes the disk refused and the file does not tell of yet */
        uint64_t n_cut;  /* bytes past the limit */
        uint64_t n_lost_total;
        bool capped;      /* the line about the limit is written */
        bool dirty;       /* written to since the last task_log_sync() */
        bool torn;        /* the file's last line has no end */
        int failed_errno; /* why the disk refused */
        size_t n_out;
        char out[TASK_LOG_OUT_MAX];
        struct task_log_stream streams[TASK_LOG_STREAMS];
};

/* Opens or creates `log` in the try's directory. -errno: the log starts in the state "disk refuses"
 * and is tried again with each write, so the answer may be passed over. */
int task_log_init(struct task_log *log, int dir_fd, uint64_t limit);
void task_log_done(struct task_log *log);

/* Where the next bytes of stream 0 (stdout) or 1 (stderr) go: room of at least one byte. */
char *task_log_room(struct task_log *log, size_t stream, size_t *ret_n_room);

/* `n` bytes were put there at `now`. */
void task_log_feed(struct task_log *log, size_t stream, size_t n, usec_t now);

/* A line of the shim's own. */
void task_log_say(struct task_log *log, usec_t now, const char *fmt, ...) _printf_(3, 4);

/* Writes pieces held since before `now` - TASK_LOG_HOLD_FOR; all of them when `force`. */
void task_log_flush(struct task_log *log, usec_t now, bool force);

/* When task_log_flush() has work next; USEC_INFINITY for never. */
usec_t task_log_next(const struct task_log *log);

/* Ends every open line, says what was lost or cut, and brings the file to the disk. */
void task_log_end(struct task_log *log, usec_t now);

/* Brings what was written to the disk, if anything was. */
void task_log_sync(struct task_log *log);
