#include "daemons/scheduler/tidy.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

#include "daemons/scheduler/remote_logs.h"
#include "daemons/scheduler/scheduler.h"
#include "daemons/scheduler/spool.h"
#include "lib/base/entropy.h"
#include "lib/base/fileio.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/net/loop.h"

#define FIRST_FOR (5 * USEC_PER_MINUTE)
#define MORE_FOR (250 * USEC_PER_MSEC) /* a turn of the loop stays short */

struct tidy {
        struct scheduler *s;
        struct loop_source *timer;
        unsigned n; /* removed in this round */
};

/* When the end was recorded: the age of `acked`. */
static bool is_old(const struct tidy *t, const char *try_id) {
        usec_t now = clock_now(t->s->clock), at;
        char path[PATH_MAX];
        struct stat st;

        if ((size_t) snprintf(path, sizeof(path), "%s/%s/acked", t->s->tasks_dir, try_id) >=
                    sizeof(path) ||
            lstat(path, &st) < 0)
                return false;
        at = (usec_t) st.st_mtim.tv_sec * USEC_PER_SEC;
        return now > at && now - at > t->s->conf->keep_tries;
}

static int each_try(void *ctx, const char *try_id) {
        struct tidy *t = ctx;
        int r;

        if (!is_old(t, try_id) || !remote_logs_is_safe(t->s, try_id))
                return 0;
        r = spool_remove(t->s->tasks_dir, try_id);
        if (r < 0)
                log_errno(r, "the spool of try %s cannot be removed", try_id);
        return ++t->n >= TIDY_MAX;
}

/* --- the budget of logs; with remote_logging, of those that are in the bucket as well -----------
 */

/* Bytes of a log that may go; 0: it may not, or there is none. */
static uint64_t spare_bytes(const struct scheduler *s, const char *try_id) {
        char path[PATH_MAX];
        struct stat st;

        if (!entropy_is_uuid(try_id) || !spool_is_acked(s->tasks_dir, try_id) ||
            !remote_logs_is_safe(s, try_id) ||
            (size_t) snprintf(path, sizeof(path), "%s/%s/log", s->tasks_dir, try_id) >=
                    sizeof(path) ||
            lstat(path, &st) < 0)
                return 0;
        return (uint64_t) st.st_size;
}

/* Ids are in the order of their making: the oldest go first. */
static int keep_budget(struct tidy *t) {
        struct scheduler *s = t->s;
        _cleanup_(str_free_listp) char **tries = NULL;
        uint64_t bytes = 0;
        int r;

        if (!s->conf->logging.local_log_budget)
                return 0;
        r = fileio_list(s->tasks_dir, NULL, &tries);
        if (r < 0)
                return r;
        for (char **one = tries; *one; one++)
                bytes += spare_bytes(s, *one);
        for (char **one = tries; *one && bytes > s->conf->logging.local_log_budget; one++) {
                uint64_t spare = spare_bytes(s, *one);

                if (spare > 0 && spool_remove(s->tasks_dir, *one) >= 0) {
                        bytes -= MIN(bytes, spare);
                        if (++t->n >= TIDY_MAX)
                                return 1;
                }
        }
        return 0;
}

static int on_timer(struct loop_source *source, usec_t now, void *ctx) {
        struct tidy *t = ctx;
        int r;

        t->n = 0;
        r = spool_each(t->s->tasks_dir, each_try, t);
        if (r == 0)
                r = keep_budget(t);
        if (r < 0)
                log_errno(r, "the spool cannot be tidied");
        if (t->n > 0)
                log_info("%u old tries removed from the spool", t->n);
        loop_source_arm_in(t->timer, r > 0 ? MORE_FOR : t->s->conf->tidy_every);
        return 0;
}

int tidy_new(struct scheduler *s, struct tidy **ret) {
        struct tidy *t = mem_new(struct tidy);
        int r;

        if (!t)
                return -ENOMEM;
        t->s = s;
        r = loop_timer_in(s->loop, MIN(s->conf->tidy_every, FIRST_FOR), USEC_PER_SEC, on_timer, t,
                          &t->timer);
        if (r < 0) {
                mem_free(t);
                return r;
        }
        *ret = t;
        return 0;
}

struct tidy *tidy_free(struct tidy *t) {
        if (t)
                loop_source_free(t->timer);
        mem_free(t);
        return NULL;
}
