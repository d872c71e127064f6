#include "daemons/scheduler/pipelines_digest.h"

#include <string.h>

/* The length keeps two texts apart from one. */
static uint64_t add(uint64_t digest, const void *data, size_t len) {
        return (fnv_add(digest, data, len) ^ len) * FNV_PRIME;
}

uint64_t pipelines_digest_of(const struct pipelines_find_result *found, const char *env_text) {
        uint64_t digest = PIPELINES_DIGEST_EMPTY;

        for (size_t i = 0; i < found->n_files; i++) {
                digest = add(digest, found->files[i].path, strlen(found->files[i].path));
                digest = add(digest, found->files[i].data, found->files[i].len);
        }
        return add(digest, env_text, env_text ? strlen(env_text) : 0);
}

uint64_t pipelines_digest_join(uint64_t digest, uint64_t next) {
        return add(digest, &next, sizeof(next));
}
