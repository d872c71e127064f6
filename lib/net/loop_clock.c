/* A timer of the wall clock that never fires but is cancelled when that clock is set. */
#include "lib/net/loop_clock.h"

#include <errno.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "lib/base/fileio.h"
#include "lib/base/mem.h"

struct loop_clock {
        int fd;
        struct loop_source *io;
        void (*fn)(void *ctx);
        void *ctx;
};

static int loop_clock_arm(struct loop_clock *c) {
        struct itimerspec never = {.it_value.tv_sec = INT32_MAX};

        if (timerfd_settime(c->fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never, NULL) < 0 &&
            errno != ECANCELED)
                return -errno;
        return 0;
}

static int loop_clock_on_io(struct loop_source *s, int fd, uint32_t revents, void *ctx) {
        struct loop_clock *c = ctx;
        uint64_t n;
        bool was_set = read(fd, &n, sizeof n) < 0 && errno == ECANCELED;
        int r = loop_clock_arm(c);

        if (was_set)
                c->fn(c->ctx);
        return r;
}

int loop_clock_watch(struct loop *l, void (*fn)(void *ctx), void *ctx, struct loop_clock **ret) {
        struct loop_clock *c = mem_new(struct loop_clock);
        int r;

        if (!c)
                return -ENOMEM;
        c->fn = fn;
        c->ctx = ctx;
        c->fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
        r = c->fd < 0 ? -errno : loop_clock_arm(c);
        if (r >= 0)
                r = loop_io(l, c->fd, EPOLLIN, loop_clock_on_io, c, &c->io);
        if (r < 0) {
                loop_clock_free(c);
                return r;
        }
        *ret = c;
        return 0;
}

struct loop_clock *loop_clock_free(struct loop_clock *c) {
        if (!c)
                return NULL;
        loop_source_free(c->io);
        fileio_close(c->fd);
        return mem_free(c);
}
