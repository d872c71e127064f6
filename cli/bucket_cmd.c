/* onebox bucket: what a mount of fuse-gcs holds; everything written now; a tree into its caches or
 * out of them. The mount answers by ioctl: lib/base/mount_control.h. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "lib/base/fileio.h"
#include "lib/base/json.h"
#include "lib/base/mount_control.h"
#include "lib/base/str.h"

struct bucket_words {
        struct cli_words words;
};

static const struct options_row rows[] = {CLI_ROWS(struct bucket_words)};
static const struct options_spec spec = {
        .program = "onebox bucket",
        .args = "stat|flush DIR | cache warm|pin|unpin|drop PATH…",
        .summary = "Show what a mounted bucket holds, write what is not written yet, or bring "
                   "files into its caches and out of them",
        .rows = rows,
        .n_rows = ARRAY_SIZE(rows),
        .n_args_max = 1000,
};

static int ask(const char *path, unsigned long what, struct mount_control_text *ret,
               struct errmsg *em) {
        int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC), r;

        if (fd < 0)
                return errmsg_errno(em, -errno, "%s", path);
        r = ioctl(fd, what, ret) < 0 ? -errno : 0;
        fileio_close(fd);
        if (r == -ENOTTY || r == -ENOSYS)
                return errmsg_fail(em, r, "%s is not in a bucket mounted by fuse-gcs", path);
        if (r == -EPERM)
                return errmsg_fail(em, r, "%s: only root and the owner of the mount may do that",
                                   path);
        if (r == -EOPNOTSUPP)
                return errmsg_fail(em, r,
                                   "%s: the mount keeps nothing on a disk: give it a "
                                   "--cache-dir",
                                   path);
        return r < 0 ? errmsg_errno(em, r, "%s", path) : 0;
}

static int print(struct cli *c, const char *text) {
        const struct json *item;
        struct json *j;
        int r;

        if (c->json) {
                puts(text);
                return 0;
        }
        r = json_parse_copy(&c->arena, text, strlen(text), &j, NULL);
        if (r < 0)
                return errmsg_fail(&c->em, r, "the mount's answer is no JSON");
        json_each (item, j) {
                int64_t n = 0;

                (void) json_i64(item, &n);
                printf("%-20s %" PRId64 "\n", item->key, n);
        }
        return 0;
}

static int stat_of(struct cli *c, const char *path) {
        struct mount_control_text t = {};
        int r = ask(path, MOUNT_CONTROL_STAT, &t, &c->em);

        return r < 0 ? r : print(c, t.text);
}

static int flush(struct cli *c, const char *path) {
        struct mount_control_text t = {};
        int64_t n_failed = 0;
        struct json *j;
        int r = ask(path, MOUNT_CONTROL_FLUSH, &t, &c->em);

        if (r >= 0)
                r = print(c, t.text);
        if (r >= 0 && json_parse_copy(&c->arena, t.text, strlen(t.text), &j, NULL) >= 0)
                (void) json_i64(json_get(j, "failed"), &n_failed);
        return r < 0 ? r : n_failed > 0 ? CLI_BAD : 0;
}

/* nftw(3) has no context. */
static struct {
        struct cli *c;
        unsigned long what;
        uint64_t n_files, n_bytes;
        int error;
} tree;

static int visit(const char *path, const struct stat *st, int type, struct FTW *ftw) {
        struct mount_control_text t = {};

        if (type != FTW_F || !S_ISREG(st->st_mode))
                return 0;
        tree.error = ask(path, tree.what, &t, &tree.c->em);
        if (tree.error < 0)
                return 1;
        tree.n_files++;
        tree.n_bytes += (uint64_t) st->st_size;
        return 0;
}

static const struct {
        const char *word;
        unsigned long what;
        const char *done;
} cache_words[] = {
        {"warm", MOUNT_CONTROL_WARM, "are in the caches"},
        {"pin", MOUNT_CONTROL_PIN, "stay on the disk"},
        {"unpin", MOUNT_CONTROL_UNPIN, "may leave the disk"},
        {"drop", MOUNT_CONTROL_DROP, "left the caches"},
};

static int cache(struct cli *c, const char *what) {
        size_t k = 0;

        while (k < ARRAY_SIZE(cache_words) && !str_eq(cache_words[k].word, what))
                k++;
        if (k == ARRAY_SIZE(cache_words))
                return errmsg_fail(&c->em, -EINVAL, "cache %s: want warm, pin, unpin or drop",
                                   what);
        tree.c = c;
        tree.what = cache_words[k].what;
        for (size_t i = 2; i < c->n_args; i++) {
                if (nftw(c->args[i], visit, 16, FTW_PHYS | FTW_MOUNT) < 0)
                        return errmsg_errno(&c->em, -errno, "%s", c->args[i]);
                if (tree.error < 0)
                        return tree.error;
        }
        if (c->json)
                printf("{\"files\":%" PRIu64 ",\"bytes\":%" PRIu64 "}\n", tree.n_files,
                       tree.n_bytes);
        else
                printf("%" PRIu64 " files, %" PRIu64 " bytes %s\n", tree.n_files, tree.n_bytes,
                       cache_words[k].done);
        return 0;
}

int bucket_cmd(struct cli *c, int argc, char **argv) {
        static struct bucket_words w;
        int r = cli_start(c, &spec, argc, argv, &w);

        if (r != 0)
                return r;
        if (c->n_args == 2 && str_eq(c->args[0], "stat"))
                return stat_of(c, c->args[1]);
        if (c->n_args == 2 && str_eq(c->args[0], "flush"))
                return flush(c, c->args[1]);
        if (c->n_args >= 3 && str_eq(c->args[0], "cache"))
                return cache(c, c->args[1]);
        return errmsg_fail(
                &c->em, -EINVAL,
                "use `onebox bucket stat DIR`, `flush DIR` or `cache warm|pin|unpin|drop PATH…`");
}
