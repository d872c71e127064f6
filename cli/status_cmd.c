/* onebox status: does every part answer, and what is going on? Exit 1 when a part does not. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/address.h"
#include "cli/cli_call.h"
#include "cli/show.h"
#include "cli/table.h"
#include "cli/up_lock.h"
#include "lib/base/clock.h"
#include "lib/base/json_write.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/net/http_listen.h"

#define N_PARTS_MAX 64

struct status_words {
        struct cli_words words;
};

static const struct options_row rows[] = {CLI_ROWS(struct status_words)};
static const struct options_spec spec = {
        .program = "onebox status",
        .summary = "Show whether every part runs, and what it is doing",
        .rows = rows,
        .n_rows = ARRAY_SIZE(rows),
};

struct part {
        const char *name;
        bool ok;
        const char *where;
        const char *note;
};

struct status {
        struct part parts[N_PARTS_MAX];
        size_t n_parts;
        bool all_ok;
};

static void add_part(struct status *s, const char *name, bool ok, const char *where,
                     const char *note) {
        if (s->n_parts < N_PARTS_MAX)
                s->parts[s->n_parts++] = (struct part){name, ok, where, note};
        s->all_ok &= ok;
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

static void ask_daemon(struct cli *c, struct status *s, const char *name, const char *target) {
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
        add_part(s, name, r >= 0 && status == 200 && !note, where, note);
}

/* It answers the scheduler only: others see whether somebody listens, or hear what the scheduler
 * has to say of it. */
static void look_at_launcher(struct cli *c, struct status *s, const struct json *scheduler) {
        const char *where = arena_printf(&c->arena, "%s/launcher.sock", c->paths.runtime_dir);
        const char *trouble = NULL;
        bool alive = where && http_listen_path_alive(where);

        if (alive) {
                add_part(s, "launcher", true, where, NULL);
                return;
        }
        (void) json_str(json_get(scheduler, "launcher_trouble"), &trouble);
        alive = !trouble && where && access(where, F_OK) == 0 && access(where, W_OK) < 0;
        add_part(s, "launcher", alive, where,
                 trouble ? trouble
                 : alive ? "for the scheduler only, which has no complaint"
                         : "not running");
}

static void ask_service(struct cli *c, struct status *s, const struct json *service) {
        const char *name = arena_printf(&c->arena, "service %s", show_text(service, "name"));
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
                add_part(s, name, false, "-", "its file names no port");
                return;
        }
        ok = cli_call_raw(c, &call, &status, &body, &size) >= 0 && status == 200;
        add_part(s, name, ok, call.address,
                 ok       ? NULL
                 : status ? arena_printf(&c->arena, "HTTP %d", status)
                          : "not running");
}

static int look(struct cli *c, struct status *s, const struct json **ret_scheduler) {
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
        return r;
}

static int print_parts_json(struct cli *c, const struct status *s, const struct json *scheduler) {
        _cleanup_buf_ struct buf b = {};
        struct json_write w;

        json_write_init(&w, &b, JSON_WRITE_PRETTY);
        json_write_object(&w);
        json_write_kv_bool(&w, "ok", s->all_ok);
        json_write_kv_array(&w, "parts");
        for (size_t i = 0; i < s->n_parts; i++) {
                json_write_object(&w);
                json_write_kv_str(&w, "name", s->parts[i].name);
                json_write_kv_bool(&w, "ok", s->parts[i].ok);
                json_write_kv_str(&w, "where", s->parts[i].where);
                json_write_kv_str(&w, "note", s->parts[i].note);
                json_write_end(&w);
        }
        json_write_end(&w);
        json_write_kv_node(&w, "scheduler", scheduler);
        json_write_end(&w);
        if (json_write_finish(&w) < 0)
                return cli_oom(c);
        puts(buf_cstr(&b));
        return 0;
}

static int print_parts(struct cli *c, const struct status *s) {
        struct table t;

        table_init(&t, &c->arena, c->colour);
        table_column(&t, "PART", TABLE_LEFT);
        table_column(&t, "STATE", TABLE_LEFT);
        table_column(&t, "WHERE", TABLE_LEFT);
        table_column(&t, "NOTE", TABLE_TEXT);
        for (size_t i = 0; i < s->n_parts; i++)
                table_row(&t, s->parts[i].name, s->parts[i].ok ? "ok" : "no answer",
                          s->parts[i].where, s->parts[i].note);
        return table_print(&t, NULL, stdout) < 0 ? cli_oom(c) : 0;
}

/* Runs that are under way, at most ten. */
static int print_running(struct cli *c) {
        usec_t now = clock_now(clock_system());
        const struct json *answer, *run;
        struct table t;

        if (cli_call_get(c, "scheduler", "/api/v2/dags/~/dagRuns?state=running&limit=10", &answer) <
            0)
                return 0;
        table_init(&t, &c->arena, c->colour);
        table_column(&t, "RUNNING NOW", TABLE_LEFT);
        table_column(&t, "RUN", TABLE_LEFT);
        table_column(&t, "SINCE", TABLE_LEFT);
        json_each (run, json_get(answer, "dag_runs"))
                table_row(&t, show_text(run, "dag_id"), show_text(run, "dag_run_id"),
                          show_relative(&c->arena, run, "start_date", now));
        putchar('\n');
        return table_print(&t, "no runs under way", stdout) < 0 ? cli_oom(c) : 0;
}

int status_cmd(struct cli *c, int argc, char **argv) {
        static struct status_words w;
        const struct json *scheduler = NULL;
        struct status s = {};
        int r = cli_start(c, &spec, argc, argv, &w);

        if (r != 0)
                return r;
        r = look(c, &s, &scheduler);
        if (r < 0)
                return r;
        if (c->json) {
                r = print_parts_json(c, &s, scheduler);
                return r < 0 ? r : !s.all_ok;
        }
        r = print_parts(c, &s);
        if (r >= 0 && s.parts[0].ok)
                r = print_running(c);
        if (r >= 0 && !s.all_ok)
                printf("\nto start what is missing: systemctl start onebox.target, or onebox up\n");
        return r < 0 ? r : !s.all_ok;
}
