/* disk_shim.so: a disk that takes its time, for a program that is not to know. LD_PRELOAD.
 *
 * ONEBOX_DISK_FILE is a file of two 64-bit numbers that may change at any time: how many
 * microseconds each sync takes at least, those under way too, and how many syncs were begun so far
 * in all the programs that have it. */
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { SLICE_US = 5000 };

struct control {
        _Atomic int64_t sync_us, n_syncs;
};

int fsync(int fd);
int fdatasync(int fd);

static struct control *control;

__attribute__((constructor)) static void begin(void) {
        const char *path = getenv("ONEBOX_DISK_FILE");
        int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
        void *p = fd >= 0 ? mmap(NULL, sizeof(struct control), PROT_READ | PROT_WRITE, MAP_SHARED,
                                 fd, 0)
                          : MAP_FAILED;

        if (p != MAP_FAILED)
                control = p;
        if (fd >= 0)
                close(fd);
}

static int64_t now_us(void) {
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return t.tv_sec * INT64_C(1000000) + t.tv_nsec / 1000;
}

static void take_time(void) {
        int64_t left, began;

        if (!control)
                return;
        began = now_us();
        atomic_fetch_add(&control->n_syncs, 1);
        while ((left = began + atomic_load(&control->sync_us) - now_us()) > 0)
                usleep((useconds_t) (left < SLICE_US ? left : SLICE_US));
}

int fsync(int fd) {
        take_time();
        return (int) syscall(SYS_fsync, fd);
}

int fdatasync(int fd) {
        take_time();
        return (int) syscall(SYS_fdatasync, fd);
}
