#include "daemons/scheduler/services_dir.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "daemons/scheduler/pipelines.h"
#include "lib/base/fileio.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

enum { SERVICE_NAME_MAX = 128, SERVICE_SIZE_MAX = 1 << 20 };

static bool path_of(const char *dir, const char *name, char ret[PATH_MAX]) {
        int n = snprintf(ret, PATH_MAX, "%s/%s.json", dir, name);

        return n > 0 && n < PATH_MAX;
}

static void write_one(const char *dir, const struct pipelines_service *service) {
        _cleanup_free_ char *old = NULL;
        char path[PATH_MAX];
        int r;

        if (!str_is_name(service->name, SERVICE_NAME_MAX) || !path_of(dir, service->name, path)) {
                log_warning("service \"%s\": not a name a file may have", service->name);
                return;
        }
        if (fileio_read(path, SERVICE_SIZE_MAX, &old, NULL) >= 0 && str_eq(old, service->json))
                return;
        r = fileio_write_durable(path, service->json, strlen(service->json), 0644);
        if (r < 0)
                log_errno(r, "service \"%s\" cannot be written", service->name);
        else
                log_info("service \"%s\" from %s", service->name, service->file);
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
                       bool keep_all) {
        _cleanup_(str_free_listp) char **names = NULL;
        _cleanup_free_ char *dir = str_printf("%s/services", state_dir);
        char path[PATH_MAX];

        if (!dir || fileio_mkdir_p(dir, 0755) < 0)
                return;
        for (size_t i = 0; i < n_sets; i++)
                for (size_t j = 0; j < sets[i].n_services; j++)
                        write_one(dir, &sets[i].services[j]);
        if (keep_all || fileio_list(dir, ".json", &names) < 0)
                return;
        for (char **n = names; n && *n; n++)
                if (!is_named(sets, n_sets, *n) &&
                    (size_t) snprintf(path, sizeof(path), "%s/%s", dir, *n) < sizeof(path)) {
                        log_info("service %s is gone", *n);
                        fileio_unlink(path);
                }
}
