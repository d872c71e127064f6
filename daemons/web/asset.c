#include "daemons/web/asset.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/fileio.h"
#include "lib/base/hex.h"
#include "lib/base/mem.h"
#include "lib/base/paths.h"
#include "lib/base/str.h"
#include "lib/base/strmap.h"
#include "lib/net/http_gzip.h"

struct file {
        struct asset asset;
        struct timespec changed;
        off_t size;
        ino_t inode;
};

struct asset_dir {
        char *path;
        struct strmap files; /* name → struct file */
};

const char *asset_type(const char *name) {
        static const struct {
                const char *ending, *type;
        } types[] = {
                {".html", "text/html; charset=utf-8"},
                {".js", "text/javascript; charset=utf-8"},
                {".css", "text/css; charset=utf-8"},
                {".svg", "image/svg+xml"},
                {".png", "image/png"},
                {".json", "application/json"},
                {".txt", "text/plain; charset=utf-8"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(types); i++)
                if (str_ends(name, types[i].ending))
                        return types[i].type;
        return "application/octet-stream";
}

static void file_free(void *p) {
        struct file *f = p;

        mem_free(f->asset.data);
        mem_free(f->asset.packed);
        mem_free(f);
}

int asset_dir_new(const char *path, struct asset_dir **ret) {
        struct asset_dir *d = mem_new(struct asset_dir);

        if (!d)
                return -ENOMEM;
        d->path = mem_strdup(path);
        if (!d->path) {
                mem_free(d);
                return -ENOMEM;
        }
        strmap_init(&d->files, file_free);
        *ret = d;
        return 0;
}

struct asset_dir *asset_dir_free(struct asset_dir *d) {
        if (!d)
                return NULL;
        strmap_done(&d->files);
        mem_free(d->path);
        return mem_free(d);
}

/* FNV-1a, 128 bits: tells versions of our own files apart, nothing more. */
static void make_etag(const struct asset *a, char ret[33]) {
        const unsigned __int128 prime = ((unsigned __int128) 1 << 88) + 0x13b;
        unsigned __int128 hash =
                ((unsigned __int128) 0x6c62272e07bb0142 << 64) + 0x62b821756295c58d;

        for (size_t i = 0; i < a->size; i++)
                hash = (hash ^ (unsigned char) a->data[i]) * prime;
        hex_encode(&hash, sizeof(hash), ret);
}

static int pack(struct asset *a) {
        struct buf out = {};
        int r;

        if (!http_gzip_worthwhile(a->type) || a->size < 256)
                return 0;
        r = http_gzip_pack(a->data, a->size, 9, &out);
        if (r >= 0 && out.len < a->size)
                a->packed = buf_take(&out, &a->packed_size);
        buf_done(&out);
        return r;
}

static int load(const char *path, const char *name, const struct stat *st, struct file **ret) {
        struct file *f = mem_new(struct file);
        int r;

        if (!f)
                return -ENOMEM;
        f->changed = st->st_mtim;
        f->size = st->st_size;
        f->inode = st->st_ino;
        f->asset.type = asset_type(name);
        r = fileio_read(path, ASSET_SIZE, &f->asset.data, &f->asset.size);
        if (r >= 0)
                r = pack(&f->asset);
        if (r < 0) {
                file_free(f);
                return r;
        }
        make_etag(&f->asset, f->asset.etag);
        *ret = f;
        return 0;
}

static bool is_fresh(const struct file *f, const struct stat *st) {
        return f->size == st->st_size && f->inode == st->st_ino &&
               f->changed.tv_sec == st->st_mtim.tv_sec && f->changed.tv_nsec == st->st_mtim.tv_nsec;
}

int asset_get(struct asset_dir *d, const char *name, const struct asset **ret) {
        _cleanup_free_ char *path = NULL;
        struct file *f;
        struct stat st;
        int r;

        if (!paths_is_safe_relative(name))
                return -ENOENT;
        path = str_printf("%s/%s", d->path, name);
        if (!path)
                return -ENOMEM;
        if (stat(path, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return -ENOENT;
        f = strmap_get(&d->files, name);
        if (!f || !is_fresh(f, &st)) {
                r = load(path, name, &st, &f);
                if (r < 0)
                        return r;
                if (d->files.n >= ASSET_FILES)
                        strmap_clear(&d->files);
                r = strmap_set(&d->files, name, f);
                if (r < 0) {
                        file_free(f);
                        return r;
                }
        }
        *ret = &f->asset;
        return 0;
}
