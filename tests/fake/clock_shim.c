/* clock_shim.so: a clock of a test's own for a program that is not to know. LD_PRELOAD.
 *
 * ONEBOX_CLOCK_FILE is a file of three 64-bit numbers that may change at any time: microseconds
 * the wall clock is ahead, microseconds the boot clock is ahead (what a suspend adds), and
 * how often the wall clock was set. ONEBOX_CLOCK_SPEED: seconds that pass in one, N or 1/N.
 * Timers go by it too: a thread arms those anew that a jump reaches, and lets one that asked to be
 * cancelled on a set clock fire. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define NSEC INT64_C(1000000000)

enum { FDS_MAX = 1024 };

struct control {
        int64_t wall_us, boot_us, n_sets;
};

struct timer {
        clockid_t clock;
        bool is_ours, is_armed;
        int flags;
        struct itimerspec asked;
};

int clock_gettime(clockid_t clock, struct timespec *ret);
time_t time(time_t *ret);
int gettimeofday(struct timeval *restrict ret, void *restrict zone);
int timerfd_create(int clock, int flags);
int timerfd_settime(int fd, int flags, const struct itimerspec *t, struct itimerspec *old);
ssize_t read(int fd, void *buf, size_t size);
int epoll_wait(int fd, struct epoll_event *evs, int n, int timeout_ms);

static const volatile struct control *control;
static struct control seen;
/* So many seconds pass in so many. */
static int64_t fast = 1, slow = 1, began[16];
static struct timer timers[FDS_MAX];
/* The next read of this timer says that the clock was set. */
static atomic_bool is_cancelled[FDS_MAX];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static int64_t ns_of(const struct timespec *t) {
        return t->tv_sec * NSEC + t->tv_nsec;
}

static struct timespec of_ns(int64_t ns) {
        return (struct timespec){.tv_sec = ns / NSEC, .tv_nsec = ns % NSEC};
}

static int64_t real(clockid_t clock) {
        struct timespec t = {};

        syscall(SYS_clock_gettime, clock, &t);
        return ns_of(&t);
}

static bool is_wall(clockid_t clock) {
        return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE;
}

static bool is_shifted(clockid_t clock) {
        return is_wall(clock) || clock == CLOCK_MONOTONIC || clock == CLOCK_MONOTONIC_COARSE ||
               clock == CLOCK_BOOTTIME;
}

static int64_t ahead(clockid_t clock) {
        if (!control || clock == CLOCK_MONOTONIC || clock == CLOCK_MONOTONIC_COARSE)
                return 0;
        return (is_wall(clock) ? control->wall_us : control->boot_us) * 1000;
}

static int64_t shifted(clockid_t clock, int64_t ns) {
        return began[clock] + (ns - began[clock]) * fast / slow + ahead(clock);
}

static int64_t unshifted(clockid_t clock, int64_t ns) {
        int64_t back = began[clock] + (ns - ahead(clock) - began[clock]) * slow / fast;

        return back > 0 ? back : 1;
}

int clock_gettime(clockid_t clock, struct timespec *ret) {
        long r = syscall(SYS_clock_gettime, clock, ret);

        if (r == 0 && control && is_shifted(clock))
                *ret = of_ns(shifted(clock, ns_of(ret)));
        return (int) r;
}

time_t time(time_t *ret) {
        struct timespec t;

        clock_gettime(CLOCK_REALTIME, &t);
        if (ret)
                *ret = t.tv_sec;
        return t.tv_sec;
}

int gettimeofday(struct timeval *restrict ret, void *restrict zone) {
        struct timespec t;

        (void) zone;
        clock_gettime(CLOCK_REALTIME, &t);
        *ret = (struct timeval){.tv_sec = t.tv_sec, .tv_usec = t.tv_nsec / 1000};
        return 0;
}

int timerfd_create(int clock, int flags) {
        int fd = (int) syscall(SYS_timerfd_create, clock, flags);

        if (fd >= 0 && fd < FDS_MAX) {
                pthread_mutex_lock(&lock);
                timers[fd] = (struct timer){.clock = clock, .is_ours = true};
                pthread_mutex_unlock(&lock);
        }
        return fd;
}

static int arm(int fd, const struct timer *t) {
        struct itimerspec real_time = t->asked;
        int64_t value = ns_of(&t->asked.it_value);

        real_time.it_interval = of_ns(ns_of(&t->asked.it_interval) * slow / fast);
        if (value > 0 && (t->flags & TFD_TIMER_ABSTIME) &&
            t->asked.it_value.tv_sec < INT64_C(1) << 33)
                real_time.it_value = of_ns(unshifted(t->clock, value));
        else if (value > 0 && !(t->flags & TFD_TIMER_ABSTIME))
                real_time.it_value = of_ns(value * slow / fast + 1);
        return (int) syscall(SYS_timerfd_settime, fd, t->flags, &real_time, NULL);
}

int timerfd_settime(int fd, int flags, const struct itimerspec *t, struct itimerspec *old) {
        int r;

        if (!control || fd < 0 || fd >= FDS_MAX || !timers[fd].is_ours)
                return (int) syscall(SYS_timerfd_settime, fd, flags, t, old);
        if (old)
                memset(old, 0, sizeof(*old));
        pthread_mutex_lock(&lock);
        timers[fd].flags = flags;
        timers[fd].asked = *t;
        timers[fd].is_armed = ns_of(&t->it_value) > 0;
        r = arm(fd, &timers[fd]);
        pthread_mutex_unlock(&lock);
        return r;
}

ssize_t read(int fd, void *buf, size_t size) {
        ssize_t n = syscall(SYS_read, fd, buf, size);

        if (n >= 0 && fd >= 0 && fd < FDS_MAX && atomic_exchange(&is_cancelled[fd], false)) {
                errno = ECANCELED;
                return -1;
        }
        return n;
}

int epoll_wait(int fd, struct epoll_event *evs, int n, int timeout_ms) {
        if (timeout_ms > 0)
                timeout_ms = (int) ((timeout_ms * slow + fast - 1) / fast);
        return epoll_pwait(fd, evs, n, timeout_ms, NULL);
}

/* After a jump. */
static void arm_all(bool was_set) {
        const struct itimerspec now = {.it_value = {.tv_nsec = 1}};

        pthread_mutex_lock(&lock);
        for (int fd = 0; fd < FDS_MAX; fd++) {
                struct timer *t = &timers[fd];

                if (!t->is_ours || !t->is_armed || !(t->flags & TFD_TIMER_ABSTIME))
                        continue;
                if (!was_set || !(t->flags & TFD_TIMER_CANCEL_ON_SET) || !is_wall(t->clock)) {
                        arm(fd, t);
                        continue;
                }
                /* Before it fires: who reads it runs at once. */
                atomic_store(&is_cancelled[fd], true);
                syscall(SYS_timerfd_settime, fd, 0, &now, NULL);
        }
        pthread_mutex_unlock(&lock);
}

static void *watch(void *arg) {
        const struct timespec pause = {.tv_nsec = 10000000};

        (void) arg;
        for (;;) {
                struct control now;
                bool was_set;

                nanosleep(&pause, NULL);
                now = *control; /* once: the file may be changing */
                if (now.wall_us == seen.wall_us && now.boot_us == seen.boot_us &&
                    now.n_sets == seen.n_sets)
                        continue;
                was_set = now.n_sets != seen.n_sets;
                seen = now;
                arm_all(was_set);
        }
        return NULL;
}

static void read_speed(const char *text) {
        int over = 1, under = 1;

        if (text && sscanf(text, "%d/%d", &over, &under) > 0 && over > 0 && under > 0) {
                fast = over;
                slow = under;
        }
}

__attribute__((constructor)) static void begin(void) {
        const char *path = getenv("ONEBOX_CLOCK_FILE");
        int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
        pthread_t thread;
        void *at;

        if (fd < 0)
                return;
        at = mmap(NULL, sizeof(struct control), PROT_READ, MAP_SHARED, fd, 0);
        close(fd);
        if (at == MAP_FAILED)
                return;
        for (clockid_t c = 0; c < 8; c++)
                began[c] = real(c);
        read_speed(getenv("ONEBOX_CLOCK_SPEED"));
        control = at;
        seen = *control;
        unsetenv("LD_PRELOAD");
        pthread_create(&thread, NULL, watch, NULL);
}
