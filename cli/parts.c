/* parts: see parts.h. */
#include "cli/parts.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cli/address.h"
#include "cli/cli_call.h"
#include "cli/show.h"
#include "cli/systemctl.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/net/http_listen.h"

/* unit: what follows onebox- in its name. */
static void add_part(struct parts *s, const char *name, const char *unit, bool ok,
                     const char *where, const char *note) {
        s->all_ok &= ok;
        if (s->n_parts == PARTS_MAX)
                return;
        s->parts[s->n_parts] = (struct part){.name = name, .ok = ok, .where = where, .note = note};
        if (ok)
                part_process_look(unit, where, &s->parts[s->n_parts].process);
        s->n_parts++;
}

/* The worst word of a health answer: {"scheduler": {"status": "healthy"}, …}; NULL: all good. */
static const char *complaint(struct cli *c, const struct json *health) {
        const struct json *part;

        json_each (part, health) {
                const char *word = json_is(part, JSON_OBJECT) ? show_text(part, "status") : "-";

                if (str_eq(word, "unhealthy"))
                        return arena_printf(&c->arena, "%s is %s", part->key, word);
        }
        return NULL;
}

static void ask_daemon(struct cli *c, struct parts *s, const char *name, const char *target) {
        const char *where = arena_printf(&c->arena, "%s/%s.sock", c->paths.runtime_dir, name);
        struct cli_call call = {.daemon = name, .target = target};
        const char *body, *note = NULL;
        struct json *j;
        size_t size;
        int status = 0;
        int r = cli_call_raw(c, &call, &status, &body, &size);

        if (r < 0)
                note = r == -ENOENT || r == -ECONNREFUSED ? "not running"
                                                          : arena_strdup(&c->arena, c->em.text);
        else if (status != 200)
                note = arena_printf(&c->arena, "HTTP %d", status);
        else if (json_parse_copy(&c->arena, body, size, &j, NULL) >= 0)
                note = complaint(c, j);
        add_part(s, name, name, r >= 0 && status == 200 && !note, where, note);
}

/* It answers the scheduler only: others see whether somebody listens, or hear what the scheduler
 * has to say of it. */
static void look_at_launcher(struct cli *c, struct parts *s, const struct json *scheduler) {
        const char *where = arena_printf(&c->arena, "%s/launcher.sock", c->paths.runtime_dir);
        const char *trouble = NULL;
        bool alive = where && http_listen_path_alive(where);

        if (alive) {
                add_part(s, "launcher", "launcher", true, where, NULL);
                return;
        }
        (void) json_str(json_get(scheduler, "launcher_trouble"), &trouble);
        alive = !trouble && where && access(where, F_OK) == 0 && access(where, W_OK) < 0;
        add_part(s, "launcher", "launcher", alive, where,
                 trouble ? trouble
                 : alive ? "for the scheduler only, which has no complaint"
                         : "not running");
}

static void ask_service(struct cli *c, struct parts *s, const struct json *service) {
        const char *name = arena_printf(&c->arena, "service %s", show_text(service, "name"));
        const char *unit = arena_printf(&c->arena, "serving@%s", show_text(service, "name"));
        struct cli_call call = {
                .daemon = "serving",
                .address = address_of_service(c, service),
                .target = "/onebox/health",
        };
        const char *body;
        int status = 0;
        size_t size;
        bool ok;

        if (!call.address) {
                add_part(s, name, unit, false, "-", "its file names no port");
                return;
        }
        ok = cli_call_raw(c, &call, &status, &body, &size) >= 0 && status == 200;
        add_part(s, name, unit, ok, call.address,
                 ok       ? NULL
                 : status ? arena_printf(&c->arena, "HTTP %d", status)
                          : "not running");
}

/* "onebox-sqlproxy@db.service" → "db"; NULL: no instance, or out of memory. */
static const char *instance_of(struct cli *c, const char *unit) {
        const char *at = strchr(unit, '@'), *end = strrchr(unit, '.');

        return at && end && end > at ? arena_strndup(&c->arena, at + 1, (size_t) (end - at - 1))
                                     : NULL;
}

/* A unit says of itself how it is: that is its note. */
static void ask_unit(struct cli *c, struct parts *s, const char *kind, const char *unit) {
        const char *instance = instance_of(c, unit), *own;
        _cleanup_free_ char *state = NULL, *text = NULL;
        struct errmsg em;
        bool ok;

        if (!instance || systemctl_property(unit, "ActiveState", &state, &em) < 0 ||
            systemctl_property(unit, "StatusText", &text, &em) < 0)
                return;
        ok = str_eq(state, "active");
        own = *text ? arena_strdup(&c->arena, text) : NULL;
        add_part(s, arena_printf(&c->arena, "%s %s", kind, instance),
                 arena_printf(&c->arena, "%s@%s", kind, instance), ok,
                 arena_printf(&c->arena, "%s", unit),
                 own || ok ? own : arena_printf(&c->arena, "is %s", state));
}

/* Proxies and mounted buckets that are units here: those that run, and those that have failed. */
static void look_at_units(struct cli *c, struct parts *s) {
        static const char *const kinds[] = {"sqlproxy", "bucket"};

        for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
                const char *pattern = arena_printf(&c->arena, "onebox-%s@*.service", kinds[i]);
                _cleanup_(str_free_listp) char **units = NULL;
                struct errmsg em;

                if (!pattern || systemctl_list(pattern, &units, &em) < 0)
                        continue;
                for (char **unit = units; unit && *unit; unit++)
                        ask_unit(c, s, kinds[i], *unit);
        }
}

int parts_look(struct cli *c, struct parts *s, const struct json **ret_scheduler) {
        const struct json **services;
        size_t n;
        int r;

        s->all_ok = true;
        ask_daemon(c, s, "scheduler", "/api/v2/monitor/health");
        if (cli_call_get(c, "scheduler", "/api/onebox/v1/status", ret_scheduler) < 0)
                *ret_scheduler = NULL;
        look_at_launcher(c, s, *ret_scheduler);
        ask_daemon(c, s, "tracking", "/health");
        ask_daemon(c, s, "web", "/health");
        r = address_services(c, &services, &n);
        for (size_t i = 0; r >= 0 && i < n; i++)
                ask_service(c, s, services[i]);
        if (systemctl_is_there())
                look_at_units(c, s);
        s->has_hidden = r == -EACCES;
        return s->has_hidden ? 0 : r;
}
