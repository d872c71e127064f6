/* store_local_list.c: listing in byte order of whole names.
 *
 * A directory counts as "name/": so its place among its siblings is the place of all that is in it,
 * and going down in that order gives every name in order. One directory's names are held in memory,
 * at most DIR_BYTES_MAX (-E2BIG beyond).
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/arena.h"
#include "lib/base/fileio.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/store/store_local_dir.h"
#include "lib/store/store_local_root.h"

#define DIR_BYTES_MAX (256ul * 1024 * 1024)

struct names {
        struct arena arena;
        char **list; /* directories end with "/" */
        size_t n, cap;
};

struct walk {
        struct store_local *s;
        const struct store_list *list;
        int (*each)(const struct store_entry *entry, void *userdata);
        void *userdata;
        size_t n_given;
        bool is_more;                  /* one beyond n_max was seen */
        char name[STORE_NAME_MAX + 2]; /* the directory being read: "" or ending with "/" */
};

static void names_done(struct names *n) {
        mem_free(n->list);
        arena_done(&n->arena);
}

static int names_add(struct names *n, const char *name, bool is_dir) {
        char *copy = arena_printf(&n->arena, "%s%s", name, is_dir ? "/" : "");
        int r;

        if (!copy)
                return n->arena.n_bytes >= DIR_BYTES_MAX / 2 ? -E2BIG : -ENOMEM;
        r = mem_grow((void **) &n->list, &n->cap, n->n + 1, sizeof(*n->list));
        if (r < 0)
                return r;
        n->list[n->n++] = copy;
        return 0;
}

static int compare(const void *a, const void *b) {
        return strcmp(*(char *const *) a, *(char *const *) b);
}

/* Can an object's name begin with, or be, `name`, as far as prefix and after say? */
static bool is_wanted(const struct walk *w, const char *name, bool is_dir) {
        const char *prefix = w->list->prefix, *after = w->list->after;

        if (!str_starts(name, prefix) && !(is_dir && str_starts(prefix, name)))
                return false;
        if (!after || strcmp(name, after) > 0)
                return true;
        /* of a directory that is gone into, some names may still be behind */
        return is_dir && str_starts(after, name) &&
               (w->list->is_deep || (strlen(name) < strlen(prefix)));
}

static int type_of(int dir_fd, const struct dirent *d, bool *ret_is_dir, bool *ret_is_file) {
        struct stat st;

        *ret_is_dir = d->d_type == DT_DIR;
        *ret_is_file = d->d_type == DT_REG;
        if (d->d_type != DT_UNKNOWN)
                return 0;
        if (fstatat(dir_fd, d->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return errno == ENOENT ? 0 : -errno;
        *ret_is_dir = S_ISDIR(st.st_mode);
        *ret_is_file = S_ISREG(st.st_mode);
        return 0;
}

/* Adds one entry of the directory, if it is wanted. What a put could not have made (links, devices,
 * names beyond the rules) is passed over. */
static int add_entry(struct walk *w, int dir_fd, const struct dirent *d, struct names *names) {
        size_t n = strlen(w->name);
        bool is_dir, is_file;
        int r;

        if (str_eq(d->d_name, ".") || str_eq(d->d_name, "..") ||
            (n == 0 && str_eq(d->d_name, STORE_LOCAL_STAGING)))
                return 0;
        r = type_of(dir_fd, d, &is_dir, &is_file);
        if (r < 0 || (!is_dir && !is_file) || n + strlen(d->d_name) + 1 > STORE_NAME_MAX)
                return r;
        (void) strcpy(w->name + n, d->d_name);
        if (is_dir)
                (void) strcat(w->name + n, "/");
        if (is_wanted(w, w->name, is_dir))
                r = names_add(names, d->d_name, is_dir);
        w->name[n] = '\0';
        return r;
}

static int read_dir(struct walk *w, int dir_fd, struct names *names) {
        DIR *dir = fdopendir(dir_fd);
        struct dirent *d;
        int r = 0;

        if (!dir) {
                r = -errno;
                fileio_close(dir_fd);
                return r;
        }
        while (r >= 0) {
                errno = 0;
                d = readdir(dir);
                if (!d) {
                        r = -errno;
                        break;
                }
                r = add_entry(w, dir_fd, d, names);
        }
        (void) closedir(dir);
        if (r >= 0 && names->n > 1)
                qsort(names->list, names->n, sizeof(*names->list), compare);
        return r;
}

/* 0, or 1: the page is full or each() has ended it (*ret_answer). */
static int give(struct walk *w, bool is_prefix, int *ret_answer) {
        struct store_entry entry = {.name = w->name, .is_prefix = is_prefix};

        if (w->n_given == w->list->n_max) {
                w->is_more = true;
                return 1;
        }
        if (!is_prefix && !w->list->no_info) {
                _cleanup_close_ int fd =
                        store_local_dir_open(w->s->root_fd, w->name, O_PATH | O_NOFOLLOW);
                struct stat st;

                if (fd == -ENOENT)
                        return 0; /* deleted since */
                if (fd < 0)
                        return fd;
                if (fstat(fd, &st) < 0)
                        return -errno;
                store_local_root_info(&st, &entry.info);
        }
        w->n_given++;
        *ret_answer = w->each(&entry, w->userdata);
        return *ret_answer != 0;
}

static int walk_dir(struct walk *w, int *ret_answer);

/* One name of the directory: gives it, or goes down. */
static int visit(struct walk *w, const char *name, int *ret_answer) {
        size_t n = strlen(w->name);
        bool is_dir = str_ends(name, "/");
        int r;

        (void) strcpy(w->name + n, name);
        if (is_dir && (w->list->is_deep || strlen(w->name) <= strlen(w->list->prefix)))
                r = walk_dir(w, ret_answer);
        else
                r = give(w, is_dir, ret_answer);
        w->name[n] = '\0';
        return r;
}

static int walk_dir(struct walk *w, int *ret_answer) {
        struct names names = {};
        size_t n = strlen(w->name);
        int dir_fd, r;

        if (n > 0)
                w->name[n - 1] = '\0';
        dir_fd = n > 0 ? store_local_dir_open(w->s->root_fd, w->name, O_RDONLY | O_DIRECTORY)
                       : openat(w->s->root_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (n > 0)
                w->name[n - 1] = '/';
        if (dir_fd < 0)
                return n == 0 ? -errno : dir_fd == -ENOENT ? 0 : dir_fd;
        arena_init(&names.arena, DIR_BYTES_MAX);
        r = read_dir(w, dir_fd, &names);
        for (size_t i = 0; r == 0 && i < names.n; i++)
                r = visit(w, names.list[i], ret_answer);
        names_done(&names);
        return r;
}

int store_local_list(struct store *store, const struct store_list *list,
                     int (*each)(const struct store_entry *entry, void *userdata), void *userdata,
                     struct errmsg *em, bool *ret_more) {
        struct walk w = {.s = container_of(store, struct store_local, store),
                         .list = list,
                         .each = each,
                         .userdata = userdata};
        const char *slash = strrchr(list->prefix, '/');
        int answer = 0, r;

        if (str_starts(list->prefix, STORE_LOCAL_STAGING "/"))
                return 0;
        /* Straight to the directory the prefix names, in place of reading all above it. */
        if (slash) {
                memcpy(w.name, list->prefix, (size_t) (slash + 1 - list->prefix));
                w.name[slash + 1 - list->prefix] = '\0';
        }
        r = walk_dir(&w, &answer);
        if (r == -ENOTDIR)
                r = 0; /* the prefix names an object: nothing is below it */
        if (r < 0)
                return store_local_root_fail(w.s, r, list->prefix, em);
        *ret_more = w.is_more;
        return answer;
}
