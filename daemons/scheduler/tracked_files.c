#include "daemons/scheduler/tracked_files.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/base/fileio.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/base/utf8.h"

#define BETWEEN " \t\n\r\"'`;|&()<>=,{}$"

struct reading {
        int dir_fd;
        struct arena *a;
        struct tracked_file *files;
        size_t n;
};

static bool is_plain(char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               (c && strchr("._-/", c));
}

static bool ends_as_code(const char *name, size_t len) {
        static const char *const ends[] = {".py", ".sql", ".sh", ".r", ".R", ".ipynb"};

        for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
                size_t n = strlen(ends[i]);

                if (len > n && memcmp(name + len - n, ends[i], n) == 0)
                        return true;
        }
        return false;
}

/* A name of code, that stands as it is in an address too. */
static bool is_code(const char *name, size_t len) {
        if (len == 0 || len > TRACKED_FILES_NAME_MAX || *name == '/' || *name == '-')
                return false;
        for (size_t i = 0; i < len; i++)
                if (!is_plain(name[i]))
                        return false;
        return ends_as_code(name, len) && !memmem(name, len, "..", 2);
}

/* An open file that everybody may read: who writes a pipeline sees no more by us than by itself. */
static int open_public(int dir_fd, const char *name) {
        struct open_how how = {.flags = O_RDONLY | O_NONBLOCK | O_CLOEXEC,
                               .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS};
        int fd = (int) syscall(SYS_openat2, dir_fd, name, &how, sizeof(how));
        struct stat st;

        if (fd < 0)
                return -errno;
        if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & S_IROTH) &&
            st.st_size > 0 && st.st_size <= TRACKED_FILES_BYTES_MAX)
                return fd;
        close(fd);
        return -EACCES;
}

static int add(struct reading *x, const char *word, size_t n) {
        _cleanup_free_ char *text = NULL;
        _cleanup_close_ int fd = -1;
        struct tracked_file *f = &x->files[x->n];
        char *name;
        size_t len;

        while (n > 2 && word[0] == '.' && word[1] == '/') {
                word += 2;
                n -= 2;
        }
        if (x->n == TRACKED_FILES_MAX || !is_code(word, n))
                return 0;
        name = arena_strndup(x->a, word, n);
        if (!name)
                return -ENOMEM;
        for (size_t i = 0; i < x->n; i++)
                if (str_eq(x->files[i].name, name))
                        return 0;
        fd = open_public(x->dir_fd, name);
        if (fd < 0 || fileio_read_fd(fd, TRACKED_FILES_BYTES_MAX, &text, &len) < 0 ||
            memchr(text, 0, len) || !utf8_valid(text, len))
                return 0;
        *f = (struct tracked_file){name, arena_strndup(x->a, text, len), len};
        if (!f->text)
                return -ENOMEM;
        x->n++;
        return 0;
}

static int add_all(struct reading *x, const char *text) {
        const char *word;
        size_t n;
        int r = 0;

        while (r == 0 && str_word(&text, BETWEEN, &word, &n))
                r = add(x, word, n);
        return r;
}

int tracked_files_read(const struct json *spec, struct arena *a,
                       struct tracked_file ret[TRACKED_FILES_MAX], size_t *ret_n) {
        struct reading x = {.a = a, .files = ret};
        _cleanup_close_ int dir_fd = -1;
        const struct json *item;
        const char *text;
        int r = 0;

        *ret_n = 0;
        if (json_str(json_get(spec, "cwd"), &text) != 0)
                return 0;
        dir_fd = open(text, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (dir_fd < 0)
                return 0;
        x.dir_fd = dir_fd;
        if (json_str(json_get(spec, "cmd"), &text) == 0)
                r = add_all(&x, text);
        json_each (item, json_get(spec, "argv"))
                if (r == 0 && json_is(item, JSON_STRING))
                        r = add_all(&x, item->str);
        *ret_n = x.n;
        return r;
}
