#include "fuse-gcs/resting.h"

#include <string.h>

#include "fuse-gcs/handle.h"
#include "lib/base/log.h"

/* Under `tree`. */
static bool resting_begins(struct handle *h) {
        bool rests;

        pthread_mutex_lock(&h->lock);
        rests = h->prefetch.n_reads > 0 && h->prefetch.n_reads == h->n_reads_seen;
        if (rests)
                h->prefetch = (struct prefetch){};
        h->n_reads_seen = h->prefetch.n_reads;
        pthread_mutex_unlock(&h->lock);
        return rests;
}

size_t resting_look(struct mnt *m) {
        size_t n = 0;

        pthread_mutex_lock(&m->tree);
        for (struct handle *h = m->handles; h; h = h->next) {
                if (!resting_begins(h))
                        continue;
                n++;
                /* gcsfuse's words, which people's tools look for. */
                log_debug("Closing reader for object \"%s\" due to inactivity.",
                          h->inode->path + strlen(m->o.root));
        }
        pthread_mutex_unlock(&m->tree);
        return n;
}
