#include "fuse-gcs/names.h"

#include <errno.h>
#include <string.h>

#include "lib/base/fnv.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/gcp/gcs_name.h"

char *names_join(const char *dir, const char *name, bool is_dir) {
        size_t dir_len = strlen(dir), len = strlen(name);
        char *path = mem_alloc(dir_len + len + 2);

        if (!path)
                return NULL;
        memcpy(path, dir, dir_len);
        memcpy(path + dir_len, name, len);
        if (is_dir)
                path[dir_len + len++] = '/';
        path[dir_len + len] = 0;
        return path;
}

int names_check(const char *dir, const char *name) {
        if (strlen(dir) + strlen(name) > GCS_NAME_MAX)
                return -ENAMETOOLONG;
        return gcs_name_check(name);
}

bool names_is_shown(const char *part, size_t len) {
        return len > 0 && !(len == 1 && part[0] == '.') &&
               !(len == 2 && part[0] == '.' && part[1] == '.') && !memchr(part, '/', len);
}

bool names_is_ours(const char *root, const char *path) {
        const char *below = str_after(path, root);

        return below && (str_starts(below, NAMES_TMP) || str_starts(below, NAMES_OPEN) ||
                         str_starts(below, NAMES_PARTS));
}

size_t names_parent_len(const char *path) {
        size_t len = strlen(path);

        if (len > 0 && path[len - 1] == '/')
                len--;
        while (len > 0 && path[len - 1] != '/')
                len--;
        return len;
}

const char *names_last(const char *path, size_t *ret_len) {
        const char *last = path + names_parent_len(path);
        size_t len = strlen(last);

        if (len > 0 && last[len - 1] == '/')
                len--;
        *ret_len = len;
        return last;
}

size_t names_conflict_len(const char *name) {
        size_t len = strlen(name);

        return len > 1 && str_ends(name, NAMES_CONFLICT) ? len - STRLEN(NAMES_CONFLICT) : 0;
}

/* FNV, its bits then mixed once more. */
static uint64_t names_hash(const char *s, uint64_t h) {
        h = fnv_add_text(h, s);
        h ^= h >> 33;
        h *= UINT64_C(0xff51afd7ed558ccd);
        h ^= h >> 33;
        h *= UINT64_C(0xc4ceb9fe1a85ec53);
        return h ^ h >> 33;
}

uint64_t names_ino(const char *path) {
        uint64_t h = names_hash(path, FNV_EMPTY);

        return h > 1 ? h : h + 2;
}

uint64_t names_content(const char *path, int64_t generation) {
        return names_hash(path, FNV_EMPTY ^ (uint64_t) generation * UINT64_C(0x9e3779b97f4a7c15));
}
