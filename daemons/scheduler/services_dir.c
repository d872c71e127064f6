#include "daemons/scheduler/services_dir.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "daemons/scheduler/environments.h"
#include "daemons/scheduler/pipelines.h"
#include "lib/base/fileio.h"
#include "lib/base/json_write.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

enum { SERVICE_NAME_MAX = 128, SERVICE_SIZE_MAX = 1 << 20 };

static bool path_of(const char *dir, const char *name, char ret[PATH_MAX]) {
        int n = snprintf(ret, PATH_MAX, "%s/%s.json", dir, name);

        return n > 0 && n < PATH_MAX;
}

static void write_one(const char *dir, const char *name, const char *json, const char *file) {
        _cleanup_free_ char *old = NULL;
        char path[PATH_MAX];
        int r;

        if (!str_is_name(name, SERVICE_NAME_MAX) || !path_of(dir, name, path)) {
                log_warning("service \"%s\": not a name a file may have", name);
                return;
        }
        if (fileio_read(path, SERVICE_SIZE_MAX, &old, NULL) >= 0 && str_eq(old, json))
                return;
        r = fileio_write_durable(path, json, strlen(json), 0644);
        if (r < 0)
                log_errno(r, "service \"%s\" cannot be written", name);
        else
                log_info("service \"%s\" from %s", name, file);
}

static bool read_environment(const struct json *j, struct dag_environment *ret) {
        j = json_get(j, "environment");
        return json_need_str(j, "image", &ret->image, NULL) == 0 &&
               json_need_str(j, "source", &ret->source, NULL) == 0 &&
               json_want_str(j, "python_version", &ret->python_version, NULL) == 0 &&
               json_want_str(j, "pip_conf", &ret->pip_conf, NULL) == 0 &&
               json_want_str(j, "build_cmd", &ret->build_cmd, NULL) == 0;
}

/* The service's text with another Python. */
static int with_python(const struct pipelines_service *service, const char *python, struct arena *a,
                       struct buf *out) {
        const struct json *item;
        struct json_write w;
        struct json *j;
        int r = json_parse_copy(a, service->json, strlen(service->json), &j, NULL);

        if (r < 0)
                return r;
        json_write_init(&w, out, JSON_WRITE_PRETTY);
        json_write_object(&w);
        json_each (item, j)
                if (str_eq(item->key, "python"))
                        json_write_kv_str(&w, item->key, python);
                else
                        json_write_kv_node(&w, item->key, item);
        json_write_end(&w);
        return json_write_finish(&w);
}

/* Its text with the Python of its image. 0; 1: that is not there, *ret_why says why. */
static int text_of(const char *state_dir, const struct pipelines_service *service, struct arena *a,
                   struct buf *out, const char **ret_why) {
        struct environments_found found = {.state = ENVIRONMENTS_COMMON};
        struct dag_environment e = {};
        struct errmsg em;
        const char *python;
        struct json *j;
        int r = json_parse_copy(a, service->environment, strlen(service->environment), &j, NULL);

        if (r < 0)
                return r;
        if (read_environment(j, &e) && environments_ask(state_dir, &e, 0, &found, &em) < 0) {
                *ret_why = arena_strdup(a, em.text);
                return 1;
        }
        if (found.state == ENVIRONMENTS_COMMON)
                return buf_add_str(out, service->json);
        if (found.state != ENVIRONMENTS_READY)
                return environments_why(state_dir, &e, 0, a, ret_why) ?: 1;
        python = arena_printf(a, "%s/venvs/%s/bin/python", state_dir, found.key);
        return python ? with_python(service, python, a, out) : -ENOMEM;
}

/* Until its environment is there a service runs as it did, or not at all yet. */
static void write_whole(const char *state_dir, const char *dir,
                        const struct pipelines_service *service, char ***waits) {
        _cleanup_buf_ struct buf text = {};
        const char *why = NULL;
        struct arena a;
        int r;

        arena_init(&a, 0);
        r = text_of(state_dir, service, &a, &text, &why);
        if (r == 0)
                write_one(dir, service->name, buf_cstr(&text), service->file);
        else if (r == 1) {
                char *line = arena_printf(&a, "%s: service \"%s\" %s", service->file, service->name,
                                          why ? why : "waits for its environment");

                (void) (line && str_list_add(waits, line));
        } else
                log_errno(r, "service \"%s\" cannot be written", service->name);
        arena_done(&a);
}

static bool is_named(const struct pipelines *sets, size_t n_sets, const char *file) {
        for (size_t i = 0; i < n_sets; i++)
                for (size_t j = 0; j < sets[i].n_services; j++) {
                        const char *rest = str_after(file, sets[i].services[j].name);

                        if (rest && str_eq(rest, ".json"))
                                return true;
                }
        return false;
}

void services_dir_sync(const char *state_dir, const struct pipelines *sets, size_t n_sets,
                       bool keep_all, char ***waits) {
        _cleanup_(str_free_listp) char **names = NULL;
        _cleanup_free_ char *dir = str_printf("%s/services", state_dir);
        char path[PATH_MAX];

        if (!dir || fileio_mkdir_p(dir, 0755) < 0)
                return;
        for (size_t i = 0; i < n_sets; i++)
                for (size_t j = 0; j < sets[i].n_services; j++)
                        write_whole(state_dir, dir, &sets[i].services[j], waits);
        if (keep_all || fileio_list(dir, ".json", &names) < 0)
                return;
        for (char **n = names; n && *n; n++)
                if (!is_named(sets, n_sets, *n) &&
                    (size_t) snprintf(path, sizeof(path), "%s/%s", dir, *n) < sizeof(path)) {
                        log_info("service %s is gone", *n);
                        fileio_unlink(path);
                }
}
