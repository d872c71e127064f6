/* doctor_proxy: see doctor_proxy.h. */
#include "cli/doctor_proxy.h"

#include <errno.h>
#include <string.h>

#include "cli/probe.h"
#include "lib/base/fileio.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

#define FILE_MAX ((size_t) 64 * 1024)

const char *doctor_proxy_value(struct arena *a, const char *text, const char *key) {
        size_t n_key = strlen(key);
        const char *found = NULL;

        for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
                size_t n;

                line += strspn(line, " \t");
                if (strncmp(line, key, n_key) != 0 || line[n_key] != '=')
                        continue;
                line += n_key + 1;
                n = strcspn(line, "\r\n");
                while (n > 0 && (line[n - 1] == ' ' || line[n - 1] == '\t'))
                        n--;
                if (n >= 2 && (*line == '"' || *line == '\'') && line[n - 1] == *line)
                        found = arena_strndup(a, line + 1, n - 2);
                else
                        found = arena_strndup(a, line, n);
        }
        return found;
}

static void look_at(struct doctor *d, const char *path, const char *instance) {
        struct arena *a = &d->c->arena;
        const char *name = arena_printf(a, "Cloud SQL proxy %s", instance), *port, *address;
        _cleanup_free_ char *text = NULL;
        struct probe p = {.a = a, .type = "sqlproxy"};
        int r = fileio_read(path, FILE_MAX, &text, NULL);

        if (r < 0) {
                doctor_say(d, r == -EACCES ? DOCTOR_SKIPPED : DOCTOR_FAULT, name,
                           r == -EACCES ? "run it as root" : NULL, "%s: %s", path,
                           errmsg_strerror(r));
                return;
        }
        port = doctor_proxy_value(a, text, "CSQL_PROXY_PORT");
        address = doctor_proxy_value(a, text, "CSQL_PROXY_ADDRESS");
        if (!port || str_to_int(port, &p.port) < 0 || p.port < 1 || p.port > 65535) {
                doctor_say(d, DOCTOR_SKIPPED, name,
                           arena_printf(a, "systemctl status onebox-sqlproxy@%s", instance),
                           "%s names no port to ask", path);
                return;
        }
        p.host = address ? address : "127.0.0.1";
        r = probe_tcp(&p);
        doctor_say(d, r < 0 ? DOCTOR_FAULT : DOCTOR_OK, name,
                   r < 0 ? arena_printf(a,
                                        "systemctl start onebox-sqlproxy@%s; "
                                        "journalctl -u onebox-sqlproxy@%s",
                                        instance, instance)
                         : NULL,
                   "%s", p.em.text);
}

void doctor_proxy(struct doctor *d) {
        const char *config = d->c->paths.config;
        _cleanup_free_ char *dir =
                str_printf("%.*s/sqlproxy", (int) (strrchr(config, '/') - config), config);
        _cleanup_(str_free_listp) char **names = NULL;
        int r = dir ? fileio_list(dir, ".env", &names) : -ENOMEM;

        for (char **name = names; r >= 0 && *name; name++) {
                _cleanup_free_ char *path = str_printf("%s/%s", dir, *name);
                const char *instance =
                        arena_strndup(&d->c->arena, *name, strlen(*name) - strlen(".env"));

                if (path && instance)
                        look_at(d, arena_strdup(&d->c->arena, path), instance);
        }
}
