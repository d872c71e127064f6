/* onebox services: the model services and their state; `sync` makes their units match the files
 * that the scheduler writes (run by onebox-services.service, as root). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/address.h"
#include "cli/cli_call.h"
#include "cli/show.h"
#include "cli/systemctl.h"
#include "cli/table.h"
#include "lib/base/fileio.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

#define UNIT_PREFIX "onebox-serving@"
#define UNIT_SUFFIX ".service"

struct services_words {
        struct cli_words words;
};

static const struct options_row rows[] = {CLI_ROWS(struct services_words)};
static const struct options_spec spec = {
        .program = "onebox services",
        .args = "[sync]",
        .summary = "List model services; sync starts and stops their units as the pipelines say",
        .rows = rows,
        .n_rows = ARRAY_SIZE(rows),
        .n_args_max = 1,
};

static const char *state_of(struct cli *c, const struct json *service) {
        struct cli_call call = {
                .daemon = "serving",
                .address = address_of_service(c, service),
                .target = "/onebox/health",
        };
        const char *body;
        size_t size;
        int status;

        if (!call.address || cli_call_raw(c, &call, &status, &body, &size) < 0)
                return "no answer";
        return status == 200 ? "ok" : "starting";
}

/* A row for each endpoint; only the first names the service. */
static void add_service(struct cli *c, struct table *t, const struct json *service) {
        const char *address = address_of_service(c, service), *state = state_of(c, service);
        const char *name = show_text(service, "name");
        const struct json *e;

        json_each (e, json_get(service, "endpoints")) {
                table_row(t, name, state, address ? address : "-", show_text(e, "endpoint"),
                          arena_printf(&c->arena, "%s.%s", show_text(e, "module"),
                                       show_text(e, "function")));
                name = state = address = "";
        }
}

static int list(struct cli *c) {
        const struct json **services;
        struct table t;
        size_t n;
        int r = address_services(c, &services, &n);

        if (r < 0)
                return r;
        table_init(&t, &c->arena, c->colour);
        table_column(&t, "SERVICE", TABLE_LEFT);
        table_column(&t, "STATE", TABLE_LEFT);
        table_column(&t, "ADDRESS", TABLE_LEFT);
        table_column(&t, "ENDPOINT", TABLE_LEFT);
        table_column(&t, "FUNCTION", TABLE_LEFT);
        for (size_t i = 0; i < n; i++)
                add_service(c, &t, services[i]);
        return table_print(&t, "no services: a liminal.yml may have some under `services:`",
                           stdout) < 0
                       ? cli_oom(c)
                       : 0;
}

static int list_json(struct cli *c) {
        const struct json *answer;
        int r = cli_call_get(c, "scheduler", "/api/onebox/v1/services", &answer);

        return r < 0 ? r : cli_call_print(c, answer);
}

/* --- sync ---------------------------------------------------------------------------------- */

static char *unit_of(const char *file) {
        return str_printf(UNIT_PREFIX "%.*s" UNIT_SUFFIX, (int) (strlen(file) - STRLEN(".json")),
                          file);
}

/* Is the file newer than the unit's start? Then the unit runs something older. */
static int is_stale(struct cli *c, const char *path, const char *unit) {
        usec_t started_at;
        struct stat st;
        int r = systemctl_started_at(unit, &started_at, &c->em);

        if (r < 0)
                return r;
        if (stat(path, &st) < 0)
                return -errno;
        return started_at > 0 && (usec_t) st.st_mtim.tv_sec * USEC_PER_SEC > started_at;
}

/* All units that should run do, and run what their file says now. */
static int start_wanted(struct cli *c, const char *dir, char *const *files) {
        for (; *files; files++) {
                _cleanup_free_ char *unit = unit_of(*files);
                _cleanup_free_ char *path = str_printf("%s/%s", dir, *files);
                int stale, r;

                if (!unit || !path)
                        return cli_oom(c);
                stale = is_stale(c, path, unit);
                if (stale < 0)
                        return stale;
                r = systemctl_run(stale ? "restart" : "start", unit, &c->em);
                if (r < 0)
                        return r;
        }
        return 0;
}

static bool is_wanted(const char *unit, char *const *files) {
        for (; *files; files++) {
                _cleanup_free_ char *wanted = unit_of(*files);

                if (str_eq(wanted, unit))
                        return true;
        }
        return false;
}

static int stop_unwanted(struct cli *c, char *const *files) {
        _cleanup_(str_free_listp) char **units = NULL;
        int r = systemctl_list(UNIT_PREFIX "*" UNIT_SUFFIX, &units, &c->em);

        for (char **unit = units; r >= 0 && unit && *unit; unit++)
                if (!is_wanted(*unit, files))
                        r = systemctl_run("stop", *unit, &c->em);
        return r;
}

static int sync_units(struct cli *c) {
        _cleanup_free_ char *dir = paths_state(&c->paths, "services");
        _cleanup_(str_free_listp) char **files = NULL;
        int r = dir ? fileio_list(dir, ".json", &files) : cli_oom(c);

        if (r == -ENOENT) {
                files = mem_zalloc(sizeof(char *));
                r = files ? 0 : cli_oom(c);
        }
        if (r < 0)
                return errmsg_errno(&c->em, r, "%s", dir);
        for (char **file = files; *file; file++) {
                size_t n = strlen(*file) - STRLEN(".json");

                (*file)[n] = 0;
                if (!str_is_name(*file, 200))
                        return errmsg_fail(&c->em, -EINVAL, "%s/%s.json is no service's name", dir,
                                           *file);
                (*file)[n] = '.';
        }
        r = stop_unwanted(c, files);
        return r < 0 ? r : start_wanted(c, dir, files);
}

int services_cmd(struct cli *c, int argc, char **argv) {
        static struct services_words w;
        int r = cli_start(c, &spec, argc, argv, &w);

        if (r != 0)
                return r;
        if (c->n_args == 0)
                return c->json ? list_json(c) : list(c);
        if (!str_eq(cli_arg(c, 0), "sync"))
                return errmsg_fail(&c->em, -EINVAL, "\"%s\" is not sync", cli_arg(c, 0));
        return sync_units(c);
}
