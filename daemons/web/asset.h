#pragma once
/* The files of the pages, kept in memory with their compressed form, read again when they change.
 *
 * Threads: the loop's. Limits: ASSET_FILES files of ASSET_SIZE bytes each. */
#include <stdbool.h>
#include <stddef.h>

#include "lib/base/macros.h"

#define ASSET_FILES 256
#define ASSET_SIZE ((size_t) 4 << 20)

struct asset {
        char *data;
        size_t size;
        char *packed; /* gzip; NULL when that saves nothing */
        size_t packed_size;
        const char *type;
        char etag[33]; /* of the contents, without quotes */
};

struct asset_dir;

/* dir is copied. 0 or -ENOMEM. */
int asset_dir_new(const char *dir, struct asset_dir **ret);
struct asset_dir *asset_dir_free(struct asset_dir *d);

/* name: a path below the directory. The asset is the directory's, valid until the next call.
 * 0; -ENOENT no such file, or a name that leaves the directory; -EFBIG; other -errno. */
int asset_get(struct asset_dir *d, const char *name, const struct asset **ret);

/* The content type by the name's ending. Pure. */
const char *asset_type(const char *name);
