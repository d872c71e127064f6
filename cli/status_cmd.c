/* onebox status: does every part answer, and what is going on? Exit 1 when a part does not. */
#include <stdio.h>

#include "cli/cli_call.h"
#include "cli/parts.h"
#include "cli/show.h"
#include "cli/systemctl.h"
#include "cli/table.h"
#include "lib/base/clock.h"
#include "lib/base/json_write.h"
#include "lib/base/str.h"
#include "lib/base/timestamp.h"

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

/* Null: not known, or not running. */
static void print_process_json(struct json_write *w, const struct part_process *p) {
        if (p->pid == 0) {
                json_write_kv_null(w, "pid");
                json_write_kv_null(w, "uptime_s");
                json_write_kv_null(w, "memory_bytes");
                return;
        }
        json_write_kv_i64(w, "pid", p->pid);
        json_write_kv_u64(w, "uptime_s", p->up_for / USEC_PER_SEC);
        json_write_kv_u64(w, "memory_bytes", p->memory);
}

static void print_part(struct cli *c, struct table *t, const struct part *p) {
        char up_for[TIMESTAMP_SIZE], memory[PART_PROCESS_SIZE];
        const char *pid = "-", *up = "-", *held = "-";

        if (p->process.pid != 0) {
                pid = arena_printf(&c->arena, "%d", (int) p->process.pid);
                up = arena_strdup(&c->arena, timestamp_span_print(p->process.up_for, up_for));
                held = arena_strdup(&c->arena,
                                    part_process_print_memory(p->process.memory, memory));
        }
        table_row(t, p->name, p->ok ? "ok" : "no answer", pid, up, held, p->where, p->note);
}

static int print_parts(struct cli *c, const struct parts *s) {
        struct table t;

        table_init(&t, &c->arena, c->colour);
        table_column(&t, "PART", TABLE_LEFT);
        table_column(&t, "STATE", TABLE_LEFT);
        table_column(&t, "PID", TABLE_RIGHT);
        table_column(&t, "UP", TABLE_RIGHT);
        table_column(&t, "MEMORY", TABLE_RIGHT);
        table_column(&t, "WHERE", TABLE_TEXT);
        table_column(&t, "NOTE", TABLE_TEXT);
        for (size_t i = 0; i < s->n_parts; i++)
                print_part(c, &t, &s->parts[i]);
        return table_print(&t, NULL, stdout) < 0 ? cli_oom(c) : 0;
}

/* Runs that are under way, at most ten; NULL: the scheduler does not say. */
static const struct json *find_runs(struct cli *c) {
        const struct json *answer;

        return cli_call_get(c, "scheduler", "/api/v2/dags/~/dagRuns?state=running&limit=10",
                            &answer) < 0
                       ? NULL
                       : json_get(answer, "dag_runs");
}

/* The instances of a run's tasks that run just now; *ret NULL: the scheduler does not say. */
static int find_tasks(struct cli *c, const struct json *run, const struct json **ret) {
        const char *path =
                cli_call_path(c, "api", "v2", "dags", show_text(run, "dag_id"), "dagRuns",
                              show_text(run, "dag_run_id"), "taskInstances", NULL);
        const struct json *answer;

        path = path ? cli_call_query(c, path, "state", "running") : NULL;
        path = path ? cli_call_query(c, path, "limit", "1000") : NULL;
        if (!path)
                return cli_oom(c);
        *ret = cli_call_get(c, "scheduler", path, &answer) < 0 ? NULL
                                                               : json_get(answer, "task_instances");
        return 0;
}

/* "train__0, train__1, load[3]". NULL: out of memory. */
static const char *join_tasks(struct cli *c, const struct json *tasks) {
        _cleanup_buf_ struct buf b = {};
        const struct json *task;

        json_each (task, tasks)
                (void) buf_printf(&b, "%s%s", b.len > 0 ? ", " : "", show_task(&c->arena, task));
        return buf_error(&b) ? NULL : arena_strdup(&c->arena, b.len > 0 ? buf_cstr(&b) : "");
}

static int print_running(struct cli *c) {
        const struct json *runs = find_runs(c), *run;
        usec_t now = clock_now(clock_system());
        struct table t;

        if (!runs)
                return 0;
        table_init(&t, &c->arena, c->colour);
        table_column(&t, "RUNNING NOW", TABLE_LEFT);
        table_column(&t, "RUN", TABLE_LEFT);
        table_column(&t, "SINCE", TABLE_LEFT);
        table_column(&t, "TASKS", TABLE_TEXT);
        json_each (run, runs) {
                const struct json *tasks;
                const char *names;
                int r = find_tasks(c, run, &tasks);

                if (r < 0)
                        return r;
                names = join_tasks(c, tasks);
                if (!names)
                        return cli_oom(c);
                table_row(&t, show_text(run, "dag_id"), show_text(run, "dag_run_id"),
                          show_relative(&c->arena, run, "start_date", now), names);
        }
        putchar('\n');
        return table_print(&t, "no runs under way", stdout) < 0 ? cli_oom(c) : 0;
}

static int write_running(struct cli *c, struct json_write *w) {
        const struct json *runs = find_runs(c), *run;

        if (!runs) {
                json_write_kv_null(w, "running");
                return 0;
        }
        json_write_kv_array(w, "running");
        json_each (run, runs) {
                const struct json *tasks, *task;
                int r = find_tasks(c, run, &tasks);

                if (r < 0)
                        return r;
                json_write_object(w);
                json_write_kv_str(w, "dag_id", show_text(run, "dag_id"));
                json_write_kv_str(w, "dag_run_id", show_text(run, "dag_run_id"));
                json_write_kv_str(w, "start_date", show_text(run, "start_date"));
                json_write_kv_array(w, "tasks");
                json_each (task, tasks)
                        json_write_str(w, show_task(&c->arena, task));
                json_write_end(w);
                json_write_end(w);
        }
        json_write_end(w);
        return 0;
}

static int print_parts_json(struct cli *c, const struct parts *s, const struct json *scheduler) {
        _cleanup_buf_ struct buf b = {};
        struct json_write w;
        int r;

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
                print_process_json(&w, &s->parts[i].process);
                json_write_end(&w);
        }
        json_write_end(&w);
        json_write_kv_node(&w, "scheduler", scheduler);
        r = write_running(c, &w);
        json_write_end(&w);
        if (r < 0)
                return r;
        if (json_write_finish(&w) < 0)
                return cli_oom(c);
        puts(buf_cstr(&b));
        return 0;
}

int status_cmd(struct cli *c, int argc, char **argv) {
        static struct status_words w;
        const struct json *scheduler = NULL;
        struct parts s = {};
        int r = cli_start(c, &spec, argc, argv, &w);

        if (r != 0)
                return r;
        r = parts_look(c, &s, &scheduler);
        if (r < 0)
                return r;
        if (c->json) {
                r = print_parts_json(c, &s, scheduler);
                return r < 0 ? r : !s.all_ok;
        }
        r = print_parts(c, &s);
        if (r >= 0 && s.has_hidden)
                printf("\nmodel services are not shown: %s; root sees them\n", c->em.text);
        if (r >= 0 && s.parts[0].ok)
                r = print_running(c);
        if (r >= 0 && !s.all_ok)
                printf("\nwhat is wrong: onebox doctor\nto start what is missing: %s\n",
                       systemctl_is_there() ? SYSTEMCTL_START_ALL : "onebox up");
        return r < 0 ? r : !s.all_ok;
}
