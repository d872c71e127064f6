#include "fuse-gcs/device.h"

#define FUSE_USE_VERSION 314
#include <errno.h>
#include <fcntl.h>
#include <fuse3/fuse_lowlevel.h>
#include <stdatomic.h>
#include <sys/uio.h>
#include <unistd.h>

#include "fuse-gcs/handover.h"
#include "lib/base/fileio.h"

static int device_fd = -1;
static struct handover *device_handover; /* NULL: there is none */
/* What was answered happened before what is asked afterwards: the kernel sees to it, and this says
 * it in the language's terms (and to ThreadSanitizer). */
static atomic_uint device_n_answers;

static ssize_t device_read(int fd, void *data, size_t size, void *ctx) {
        ssize_t n = read(device_fd, data, size);

        (void) atomic_load(&device_n_answers);
        return n;
}

static ssize_t device_writev(int fd, struct iovec *iov, int n, void *ctx) {
        ssize_t given = 0;

        atomic_fetch_add(&device_n_answers, 1);
        if (device_handover)
                given = handover_give(device_handover, device_fd, iov, n);
        if (given == 0)
                return writev(device_fd, iov, n);
        if (given > 0)
                return given;
        errno = (int) -given;
        return -1;
}

int device_init(struct fuse_session *s) {
        static const struct fuse_custom_io io = {.read = device_read, .writev = device_writev};
        int fd = fcntl(fuse_session_fd(s), F_DUPFD_CLOEXEC, 3), r;

        if (fd < 0)
                return -errno;
        r = fuse_session_custom_io(s, &io, fuse_session_fd(s));
        if (r < 0) {
                fileio_close(fd);
                return r;
        }
        device_fd = fd;
        (void) handover_new(&device_handover);
        return 0;
}

void device_done(void) {
        device_fd = fileio_close(device_fd);
        device_handover = handover_free(device_handover);
}
