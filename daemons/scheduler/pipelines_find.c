#include "daemons/scheduler/pipelines_find.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "lib/base/fileio.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/base/yaml.h"

static int add_error(struct pipelines_find_result *r, const char *path, int error,
                     const char *remedy) {
        struct pipelines_message *m;

        if (mem_grow((void **) &r->errors, &r->n_errors_allocated, r->n_errors + 1, sizeof(*m)) < 0)
                return -ENOMEM;
        m = &r->errors[r->n_errors++];
        *m = (struct pipelines_message){
                .file = mem_strdup(path),
                .text = str_printf("%s:1:1: cannot be read: %s: %s", path, errmsg_strerror(error),
                                   remedy),
        };
        return m->file && m->text ? 0 : -ENOMEM;
}

static int add_file(struct pipelines_find_result *r, const char *path) {
        struct pipelines_text *f;
        char *data;
        size_t len;
        int e;

        if (r->n_files >= PIPELINES_FIND_FILES)
                return add_error(r, path, -EMFILE, "too many pipeline files in one directory");
        e = fileio_read(path, YAML_SIZE_MAX, &data, &len);
        if (e == -ENOMEM)
                return e;
        if (e == -EFBIG)
                return add_error(r, path, e, "a pipeline file has at most 4 MiB");
        if (e < 0)
                return add_error(r, path, e, "the scheduler's user must be able to read it");
        if (mem_grow((void **) &r->files, &r->n_files_allocated, r->n_files + 1, sizeof(*f)) < 0) {
                mem_free(data);
                return -ENOMEM;
        }
        f = &r->files[r->n_files++];
        *f = (struct pipelines_text){.path = mem_strdup(path), .data = data, .len = len};
        return f->path ? 0 : -ENOMEM;
}

static int visit(struct pipelines_find_result *r, const char *dir, unsigned depth);

static int visit_entry(struct pipelines_find_result *r, const char *dir, const char *name,
                       unsigned depth) {
        _cleanup_free_ char *path = str_printf("%s/%s", dir, name);
        bool is_ours = str_eq(name, "liminal.yml") || str_eq(name, "liminal.yaml");
        struct stat st;
        int e;

        if (!path)
                return -ENOMEM;
        if (*name == '.')
                return 0;
        if (is_ours && stat(path, &st) == 0 && S_ISREG(st.st_mode))
                return add_file(r, path);
        if (lstat(path, &st) < 0 || !S_ISDIR(st.st_mode) || depth == 0)
                return 0;
        e = visit(r, path, depth - 1);
        if (e >= 0 || e == -ENOMEM)
                return e;
        return add_error(r, path, e, "the scheduler's user must be able to read it");
}

static int visit(struct pipelines_find_result *r, const char *dir, unsigned depth) {
        _cleanup_(str_free_listp) char **names = NULL;
        int e;

        e = fileio_list(dir, NULL, &names);
        if (e < 0)
                return e;
        for (size_t i = 0; names[i]; i++) {
                e = visit_entry(r, dir, names[i], depth);
                if (e < 0)
                        return e;
        }
        return 0;
}

int pipelines_find(const char *dir, unsigned depth, struct pipelines_find_result *ret) {
        struct pipelines_find_result r = {};
        _cleanup_(mem_freep) char *real = realpath(dir, NULL);
        int e;

        if (!real && errno != ENOENT)
                return -errno;
        e = real ? visit(&r, real, depth ? depth : PIPELINES_FIND_DEPTH) : 0;
        if (e < 0) {
                pipelines_find_done(&r);
                return e;
        }
        *ret = r;
        return 0;
}

void pipelines_find_done(struct pipelines_find_result *r) {
        for (size_t i = 0; i < r->n_files; i++) {
                mem_free((char *) r->files[i].path);
                mem_free((char *) r->files[i].data);
        }
        for (size_t i = 0; i < r->n_errors; i++) {
                mem_free(r->errors[i].file);
                mem_free(r->errors[i].text);
        }
        mem_free(r->files);
        mem_free(r->errors);
        *r = (struct pipelines_find_result){};
}
