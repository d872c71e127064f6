#include "fuse-gcs/teller.h"

#define FUSE_USE_VERSION 314
#include <errno.h>
#include <fuse3/fuse_lowlevel.h>

#include "lib/base/mem.h"

#define TELLER_QUEUE 256

/* One a process, as the session is. A full queue drops: the kernel's own TTL then does it. */
static struct {
        pthread_mutex_t lock;
        pthread_cond_t more;
        pthread_t thread;
        struct fuse_session *session;
        fuse_ino_t queue[TELLER_QUEUE];
        size_t n;
        bool runs, stops;
} teller = {.lock = PTHREAD_MUTEX_INITIALIZER, .more = PTHREAD_COND_INITIALIZER};

static void *teller_main(void *ctx) {
        pthread_mutex_lock(&teller.lock);
        while (!teller.stops) {
                fuse_ino_t ino;

                if (teller.n == 0) {
                        pthread_cond_wait(&teller.more, &teller.lock);
                        continue;
                }
                ino = teller.queue[--teller.n];
                pthread_mutex_unlock(&teller.lock);
                /* An inode the kernel forgot meanwhile is answered by -ENOENT. */
                (void) fuse_lowlevel_notify_inval_inode(teller.session, ino, 0, 0);
                pthread_mutex_lock(&teller.lock);
        }
        pthread_mutex_unlock(&teller.lock);
        return NULL;
}

void teller_content(struct mnt *m, const struct inode *i) {
        pthread_mutex_lock(&teller.lock);
        if (teller.runs && teller.n < TELLER_QUEUE) {
                teller.queue[teller.n++] = (fuse_ino_t) (uintptr_t) i;
                pthread_cond_signal(&teller.more);
        }
        pthread_mutex_unlock(&teller.lock);
}

int teller_start(struct mnt *m, struct fuse_session *s) {
        teller.session = s;
        teller.stops = false;
        if (pthread_create(&teller.thread, NULL, teller_main, NULL) != 0)
                return -EAGAIN;
        teller.runs = true;
        return 0;
}

void teller_stop(struct mnt *m) {
        if (!teller.runs)
                return;
        pthread_mutex_lock(&teller.lock);
        teller.stops = true;
        teller.runs = false;
        pthread_cond_signal(&teller.more);
        pthread_mutex_unlock(&teller.lock);
        pthread_join(teller.thread, NULL);
}
