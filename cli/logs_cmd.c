/* onebox logs: of one task's try, or of all tasks of a run in order; live with -f. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/cli_call.h"
#include "cli/latest.h"
#include "cli/log_text.h"
#include "cli/show.h"
#include "lib/base/str.h"

#define POLL_MSEC 300

struct logs_words {
        struct cli_words words;
        bool follow;
        uint64_t try_number;
};

static const struct options_row rows[] = {
        OPTIONS_ROW(struct logs_words, follow, 'f', BOOL, NULL, "go on until the task has ended")
                OPTIONS_ROW(struct logs_words, try_number, 't', UINT, "N",
                            "of the Nth try (the last)") CLI_ROWS(struct logs_words)};
static const struct options_spec spec = {
        .program = "onebox logs",
        .args = "PIPELINE [RUN|latest [TASK]]",
        .summary = "Show the log of a task, or of all tasks of a run (the latest)",
        .rows = rows,
        .n_rows = ARRAY_SIZE(rows),
        .n_args_min = 1,
        .n_args_max = 3,
};

struct request {
        struct cli *c;
        const struct logs_words *words;
        const char *dag, *run;
};

static int get_instances(const struct request *q, const struct json **ret) {
        const char *path = cli_call_path(q->c, "api", "v2", "dags", q->dag, "dagRuns", q->run,
                                         "taskInstances", NULL);
        const struct json *answer;
        int r;

        path = cli_call_query(q->c, path, "limit", "1000");
        if (!path)
                return cli_oom(q->c);
        r = cli_call_get(q->c, "scheduler", path, &answer);
        if (r >= 0)
                *ret = json_get(answer, "task_instances");
        if (r == -ENOENT || (r >= 0 && !json_at(*ret, 0)))
                return latest_need(q->c, q->dag, q->run);
        return r;
}

static bool is_over(const struct json *task) {
        static const char *const ends[] = {"success", "failed", "skipped", "upstream_failed",
                                           "removed"};
        const char *state = show_text(task, "state");

        for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
                if (str_eq(state, ends[i]))
                        return true;
        return false;
}

static const struct json *find_task(struct cli *c, const struct json *instances,
                                    const char *task_id) {
        const struct json *task;

        json_each (task, instances) {
                if (str_eq(show_task(&c->arena, task), task_id))
                        return task;
        }
        return NULL;
}

/* All that is there now. */
static int drain(struct cli *c, struct log_text *l) {
        int r;

        do
                r = log_text_print_more(c, l);
        while (r == 0);
        return r < 0 ? r : 0;
}

static int no_such_task(const struct request *q, const struct json *instances,
                        const char *task_id) {
        const char *names[128], *near;
        const struct json *task;
        size_t n = 0;

        json_each (task, instances) {
                if (str_eq(show_text(task, "task_id"), task_id))
                        return errmsg_fail(&q->c->em, -EINVAL,
                                           "%s is mapped: name one of its instances, such as %s",
                                           task_id, show_task(&q->c->arena, task));
                if (n < ARRAY_SIZE(names))
                        names[n++] = show_task(&q->c->arena, task);
        }
        near = str_nearest(task_id, names, n);
        return errmsg_fail(&q->c->em, -ENOENT, "the run %s has no task %s%s%s%s", q->run, task_id,
                           near ? ": did you mean " : "", near ? near : "", near ? "?" : "");
}

/* One task: its last try or the one asked for. With follow, tries that come later too. */
static int show_one(const struct request *q, const char *task_id) {
        struct log_text l = {.dag = q->dag, .run = q->run, .task = task_id, .colour = q->c->colour};
        const struct json *instances, *task;
        int64_t current = 0;
        int r;

        for (;;) {
                r = get_instances(q, &instances);
                if (r < 0)
                        return r;
                task = find_task(q->c, instances, task_id);
                if (!task)
                        return no_such_task(q, instances, task_id);
                (void) json_i64(json_get(task, "try_number"), &current);
                if (q->words->try_number)
                        current = (int64_t) q->words->try_number;
                if (current != l.try_number) {
                        l.token = NULL;
                        l.try_number = current;
                }
                r = current > 0 ? drain(q->c, &l) : 0;
                if (r < 0 && !(r == -ENOENT && q->words->follow))
                        return r;
                if (!q->words->follow || is_over(task))
                        return 0;
                (void) nanosleep(&(struct timespec){.tv_nsec = POLL_MSEC * 1000000L}, NULL);
        }
}

/* The first task that is not over comes last when following, so that the eye stays on it. */
static int show_all(const struct request *q) {
        const struct json *instances, *task;
        int r = get_instances(q, &instances);

        if (r < 0)
                return r;
        json_each (task, instances) {
                int64_t tries = 0;

                (void) json_i64(json_get(task, "try_number"), &tries);
                if (tries == 0 && (!q->words->follow || is_over(task)))
                        continue;
                printf("%s--- %s · %s ---%s\n", q->c->colour ? "\x1b[1m" : "",
                       show_task(&q->c->arena, task), show_text(task, "state"),
                       q->c->colour ? "\x1b[0m" : "");
                r = show_one(q, show_task(&q->c->arena, task));
                if (r < 0)
                        return r;
        }
        return 0;
}

/* For scripts: the answer of the API as it is. */
static int print_json(const struct request *q, const char *task_id) {
        const struct json *instances, *task, *answer;
        const char *path, *number, *map_index;
        int64_t current = 1;
        int r = get_instances(q, &instances);

        if (r < 0)
                return r;
        if (!task_id)
                return errmsg_fail(&q->c->em, -EINVAL, "--json needs a task");
        task = find_task(q->c, instances, task_id);
        if (!task)
                return no_such_task(q, instances, task_id);
        (void) json_i64(json_get(task, "try_number"), &current);
        if (q->words->try_number)
                current = (int64_t) q->words->try_number;
        number = arena_printf(&q->c->arena, "%lld", (long long) current);
        task_id = show_task_split(&q->c->arena, task_id, &map_index);
        path = task_id ? cli_call_path(q->c, "api", "v2", "dags", q->dag, "dagRuns", q->run,
                                       "taskInstances", task_id, "logs", number ? number : "", NULL)
                       : NULL;
        path = path ? cli_call_query(q->c, path, "map_index", map_index) : NULL;
        if (!path)
                return cli_oom(q->c);
        r = cli_call_get(q->c, "scheduler", path, &answer);
        return r < 0 ? r : cli_call_print(q->c, answer);
}

int logs_cmd(struct cli *c, int argc, char **argv) {
        static struct logs_words w;
        struct request q = {.c = c, .words = &w};
        const char *task;
        int r = cli_start(c, &spec, argc, argv, &w);

        if (r != 0)
                return r;
        q.dag = cli_arg(c, 0);
        task = cli_arg(c, 2);
        r = latest_run(c, q.dag, cli_arg(c, 1), &q.run);
        if (r < 0)
                return r;
        if (c->json)
                return print_json(&q, task);
        return task ? show_one(&q, task) : show_all(&q);
}
