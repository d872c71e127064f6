#include "fuse-gcs/closing.h"

#include "fuse-gcs/commit.h"
#include "fuse-gcs/inode.h"
#include "fuse-gcs/teller.h"
#include "fuse-gcs/writer.h"

int closing_flush(struct mnt *m, struct inode *i) {
        int r = 0;

        if (!i->is_dirty)
                return 0;
        pthread_mutex_lock(&i->lock);
        r = commit_inode(m, i);
        if (r < 0 && i->writer)
                i->writer->refused = r;
        pthread_mutex_unlock(&i->lock);
        return r;
}

/* What came after the last flush, from a mapping; what could not be committed goes with the last
 * who may write. Releases come late: a file that was opened again and cut to nothing meanwhile is
 * not committed so, its new writer does that. */
int closing_last(struct mnt *m, struct inode *i) {
        bool is_last, is_lost = false;
        int r = 0;

        pthread_mutex_lock(&i->lock);
        pthread_mutex_lock(&m->tree);
        is_last = i->n_open_write <= 1;
        pthread_mutex_unlock(&m->tree);
        if (is_last && i->writer) {
                r = i->writer->refused ?: commit_inode(m, i);
                is_lost = r < 0 && writer_drop(m, i, 1);
        }
        pthread_mutex_unlock(&i->lock);
        if (is_lost)
                teller_content(m, i);
        return is_lost ? r : 0;
}

int closing_made(struct mnt *m, struct inode *i) {
        int r;

        pthread_mutex_lock(&i->lock);
        r = commit_inode(m, i);
        if (r < 0 && i->writer)
                (void) writer_drop(m, i, 0);
        pthread_mutex_unlock(&i->lock);
        return r;
}
