#include "daemons/scheduler/sources_digest.h"

#include <errno.h>
#include <string.h>

#include "daemons/scheduler/pipelines_find.h"
#include "lib/base/fileio.h"
#include "lib/base/mem.h"
#include "lib/base/yaml.h"

/* FNV-1a; the length keeps two texts apart from one. */
static void add(uint64_t *digest, const void *data, size_t len) {
        const unsigned char *bytes = data;
        uint64_t h = *digest;

        for (size_t i = 0; i < len; i++)
                h = (h ^ bytes[i]) * UINT64_C(1099511628211);
        *digest = (h ^ len) * UINT64_C(1099511628211);
}

int sources_digest_add_dir(uint64_t *digest, const char *dir, unsigned depth) {
        struct pipelines_find_result found;
        int r = pipelines_find(dir, depth, &found);

        if (r < 0)
                return r;
        for (size_t i = 0; i < found.n_files; i++) {
                add(digest, found.files[i].path, strlen(found.files[i].path));
                add(digest, found.files[i].data, found.files[i].len);
        }
        r = found.n_errors > 0 ? -EIO : 0;
        pipelines_find_done(&found);
        return r;
}

int sources_digest_add_file(uint64_t *digest, const char *path) {
        _cleanup_free_ char *text = NULL;
        size_t len = 0;
        int r = fileio_read(path, YAML_SIZE_MAX, &text, &len);

        if (r < 0 && r != -ENOENT)
                return r;
        add(digest, r < 0 ? "" : text, r < 0 ? 0 : len);
        return 0;
}
