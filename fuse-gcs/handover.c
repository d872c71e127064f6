#include "fuse-gcs/handover.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "lib/base/fileio.h"
#include "lib/base/macros.h"
#include "lib/base/mem.h"

#define HANDOVER_PAGE ((size_t) 4096)
#define HANDOVER_PIECES 16

struct handover_pipe {
        int from, to;
};

/* Idle pipes are empty. */
struct handover {
        pthread_mutex_t lock;
        struct handover_pipe idle[HANDOVER_PIPES];
        unsigned n_idle, n; /* n: those in use counted */
        atomic_bool is_off; /* the system does not want it so */
};

int handover_new(struct handover **ret) {
        struct handover *h = mem_new(struct handover);

        if (!h)
                return -ENOMEM;
        pthread_mutex_init(&h->lock, NULL);
        *ret = h;
        return 0;
}

static void handover_close(struct handover_pipe p) {
        fileio_close(p.from);
        fileio_close(p.to);
}

struct handover *handover_free(struct handover *h) {
        if (!h)
                return NULL;
        for (unsigned i = 0; i < h->n_idle; i++)
                handover_close(h->idle[i]);
        pthread_mutex_destroy(&h->lock);
        return mem_free(h);
}

/* Each page of it takes a place, those that are there in part, too. */
static bool handover_fits(const struct iovec *v, int n, size_t *ret_bytes) {
        size_t pages = 0;

        *ret_bytes = 0;
        for (int i = 0; i < n; i++) {
                size_t within = (size_t) v[i].iov_base % HANDOVER_PAGE;

                pages += (within + v[i].iov_len + HANDOVER_PAGE - 1) / HANDOVER_PAGE;
                *ret_bytes += v[i].iov_len;
        }
        return *ret_bytes >= HANDOVER_LEAST && n <= HANDOVER_PIECES && pages <= HANDOVER_PAGES;
}

static bool handover_open(struct handover_pipe *ret) {
        int fds[2];

        if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
                return false;
        *ret = (struct handover_pipe){fds[0], fds[1]};
        if (fcntl(fds[1], F_SETPIPE_SZ, HANDOVER_PAGES * HANDOVER_PAGE) >=
            (int) (HANDOVER_PAGES * HANDOVER_PAGE))
                return true;
        handover_close(*ret);
        return false;
}

static bool handover_take(struct handover *h, struct handover_pipe *ret) {
        bool is_new = false, has = false;

        pthread_mutex_lock(&h->lock);
        if (h->n_idle > 0) {
                *ret = h->idle[--h->n_idle];
                has = true;
        } else if (h->n < HANDOVER_PIPES) {
                h->n++;
                is_new = true;
        }
        pthread_mutex_unlock(&h->lock);
        if (!is_new || handover_open(ret))
                return has || is_new;
        h->is_off = true;
        pthread_mutex_lock(&h->lock);
        h->n--;
        pthread_mutex_unlock(&h->lock);
        return false;
}

static void handover_put(struct handover *h, struct handover_pipe p, bool is_empty) {
        pthread_mutex_lock(&h->lock);
        if (is_empty)
                h->idle[h->n_idle++] = p;
        else
                h->n--;
        pthread_mutex_unlock(&h->lock);
        if (!is_empty)
                handover_close(p);
}

/* The pipe refers to all of it. */
static bool handover_fill(struct handover_pipe p, const struct iovec *v, int n) {
        struct iovec rest[HANDOVER_PIECES];

        for (int i = 0; i < n; i++)
                rest[i] = v[i];
        for (int i = 0; i < n;) {
                ssize_t k = vmsplice(p.to, rest + i, (size_t) (n - i), SPLICE_F_NONBLOCK);

                if (k < 0 && errno == EINTR)
                        continue;
                if (k <= 0)
                        return false;
                for (; i < n && (size_t) k >= rest[i].iov_len; i++)
                        k -= (ssize_t) rest[i].iov_len;
                if (i < n) {
                        rest[i].iov_base = (char *) rest[i].iov_base + k;
                        rest[i].iov_len -= (size_t) k;
                }
        }
        return true;
}

ssize_t handover_give(struct handover *h, int fd, const struct iovec *v, int n) {
        struct handover_pipe p;
        ssize_t given = 0;
        size_t size;

        if (!handover_fits(v, n, &size) || h->is_off || !handover_take(h, &p))
                return 0;
        if (handover_fill(p, v, n)) {
                do
                        given = splice(p.from, NULL, fd, NULL, size, 0);
                while (given < 0 && errno == EINTR);
                given = given < 0 ? -errno : given;
        }
        /* Refused for what it is, not for what is in it: by writev() then, now and from now on. */
        if (given == 0 || given == -EPERM || given == -ENOSYS || given == -EINVAL) {
                h->is_off = true;
                given = 0;
        }
        handover_put(h, p, given == (ssize_t) size);
        return given;
}
