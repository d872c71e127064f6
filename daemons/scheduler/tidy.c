#include "daemons/scheduler/tidy.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

#include "daemons/scheduler/scheduler.h"
#include "daemons/scheduler/spool.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/net/loop.h"

#define EVERY_FOR USEC_PER_HOUR
#define MORE_FOR USEC_PER_SEC

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

        if (!is_old(t, try_id))
                return 0;
        r = spool_remove(t->s->tasks_dir, try_id);
        if (r < 0)
                log_errno(r, "the spool of try %s cannot be removed", try_id);
        return ++t->n >= TIDY_MAX;
}

static int on_timer(struct loop_source *source, usec_t now, void *ctx) {
        struct tidy *t = ctx;
        int r;

        t->n = 0;
        r = spool_each(t->s->tasks_dir, each_try, t);
        if (r < 0)
                log_errno(r, "the spool cannot be tidied");
        if (t->n > 0)
                log_info("%u old tries removed from the spool", t->n);
        loop_source_arm_in(t->timer, r > 0 ? MORE_FOR : EVERY_FOR);
        return 0;
}

int tidy_new(struct scheduler *s, struct tidy **ret) {
        struct tidy *t = mem_new(struct tidy);
        int r;

        if (!t)
                return -ENOMEM;
        t->s = s;
        r = loop_timer_in(s->loop, 5 * USEC_PER_MINUTE, USEC_PER_MINUTE, on_timer, t, &t->timer);
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
