#include "fuse-gcs/small_files.h"

#include <string.h>

#include "fuse-gcs/block_cache.h"
#include "fuse-gcs/block_fetch.h"
#include "fuse-gcs/inode.h"
#include "fuse-gcs/names.h"
#include "lib/base/mem.h"

#define SMALL_FILES_SIZE ((uint64_t) 1 << 20)
#define SMALL_FILES_AHEAD 32
#define SMALL_FILES_BYTES ((uint64_t) 16 << 20)

/* Under `tree`: what of the followers is to be fetched. */
static size_t small_files_choose(struct mnt *m, const char *dir, const char *name,
                                 struct block_fetch_source *ret) {
        const char *end, *next = stat_cache_names_after(m->stats, dir, name, &end);
        uint64_t budget = MIN(SMALL_FILES_BYTES, (uint64_t) block_cache_limit(m->blocks) / 4);
        size_t n = 0;
        usec_t now = mnt_now();

        for (size_t k = 0; next && next < end && k < SMALL_FILES_AHEAD; k++) {
                char *path = names_join(dir, next, false);
                struct stat_cache_found f;

                next += strlen(next) + 1;
                if (path && stat_cache_get(m->stats, path, strlen(path), now, &f) > 0 && f.file &&
                    f.file->size > 0 && f.file->size <= MIN(SMALL_FILES_SIZE, budget) &&
                    f.file->generation > 0) {
                        block_fetch_source_init(&ret[n++], TAKE_PTR(path), f.file);
                        budget -= f.file->size;
                }
                mem_free(path);
        }
        return n;
}

void small_files_opened(struct mnt *m, struct inode *i) {
        struct block_fetch_source next[SMALL_FILES_AHEAD] = {};
        _cleanup_free_ char *path = NULL, *dir = NULL;
        uint64_t in_dir;
        size_t n = 0, len;

        pthread_mutex_lock(&m->tree);
        if (i->attrs && i->attrs->size <= SMALL_FILES_SIZE && !i->is_unlinked) {
                path = mem_strdup(i->path);
                len = names_parent_len(i->path);
                dir = mem_strndup(i->path, len);
                in_dir = dir ? names_ino(dir) : 0;
                /* The second in a row. */
                if (path && dir && m->last_small_dir == in_dir)
                        n = small_files_choose(m, dir, path + len, next);
                m->last_small_dir = in_dir;
        }
        pthread_mutex_unlock(&m->tree);
        for (size_t k = 0; k < n; k++) {
                (void) block_fetch_range(m, &next[k], 0, next[k].size, SMALL_FILES_SIZE, NULL,
                                         NULL);
                mem_free((char *) next[k].path);
        }
}
