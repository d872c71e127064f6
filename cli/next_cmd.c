/* onebox next: when pipelines run next, soonest first; or the next runs of a schedule by itself. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli_call.h"
#include "cli/next_schedule.h"
#include "cli/show.h"
#include "cli/table.h"
#include "lib/base/clock.h"

struct next_words {
        struct cli_words words;
        uint64_t limit, delta;
        char *tz, *start, *end, *now;
        bool interval, catchup;
};

/* clang-format off */
static const struct options_row rows[] = {
        OPTIONS_ROW(struct next_words, limit, 'n', UINT, "N", "show the next N (10)")
        {"count", 0, CONF_UINT, offsetof(struct next_words, limit), "N", "the same"},
        OPTIONS_ROW(struct next_words, delta, 0, UINT, "SECONDS", "the schedule: every so many seconds")
        OPTIONS_ROW(struct next_words, tz, 0, STRING, "ZONE", "time zone of a schedule (UTC)")
        OPTIONS_ROW(struct next_words, start, 0, STRING, "TIME", "start date of a schedule")
        OPTIONS_ROW(struct next_words, end, 0, STRING, "TIME", "end date of a schedule")
        OPTIONS_ROW(struct next_words, now, 0, STRING, "TIME", "as seen at that time")
        OPTIONS_ROW(struct next_words, interval, 0, BOOL, NULL, "runs cover the interval that has ended")
        OPTIONS_ROW(struct next_words, catchup, 0, BOOL, NULL, "runs that were missed count")
        CLI_ROWS(struct next_words)};
/* clang-format on */
static const struct options_spec spec = {
        .program = "onebox next",
        .args = "[PIPELINE | SCHEDULE]",
        .summary =
                "Show when pipelines run next, or the next runs of a schedule like '0 3 * * 1-5'",
        .rows = rows,
        .n_rows = ARRAY_SIZE(rows),
        .n_args_max = 1,
};

static int by_run_after(const void *a, const void *b) {
        return strcmp(show_text(*(const struct json *const *) a, "next_dagrun_run_after"),
                      show_text(*(const struct json *const *) b, "next_dagrun_run_after"));
}

static void add_columns(struct table *t) {
        table_column(t, "WHEN", TABLE_LEFT);
        table_column(t, "TIME", TABLE_LEFT);
        table_column(t, "PIPELINE", TABLE_LEFT);
}

static void add_row(struct cli *c, struct table *t, const struct json *item, const char *key,
                    const char *dag) {
        table_row(t, show_relative(&c->arena, item, key, clock_now(clock_system())),
                  show_time(&c->arena, item, key), dag);
}

/* The next run of every pipeline that has one, by time. */
static int show_all(struct cli *c, size_t limit) {
        const struct json *answer, *dags, *dag, **sorted;
        size_t n = 0;
        struct table t;
        int r = cli_call_get(c, "scheduler", "/api/v2/dags?limit=1000", &answer);

        if (r < 0)
                return r;
        if (c->json)
                return cli_call_print(c, answer);
        dags = json_get(answer, "dags");
        sorted = arena_zalloc_array(&c->arena, dags ? dags->len + 1 : 1, sizeof(*sorted));
        if (!sorted)
                return cli_oom(c);
        json_each (dag, dags) {
                if (json_is(json_get(dag, "next_dagrun_run_after"), JSON_STRING) &&
                    !json_is(json_get(dag, "is_paused"), JSON_TRUE))
                        sorted[n++] = dag;
        }
        qsort(sorted, n, sizeof(*sorted), by_run_after);
        table_init(&t, &c->arena, c->colour);
        add_columns(&t);
        for (size_t i = 0; i < n && i < limit; i++)
                add_row(c, &t, sorted[i], "next_dagrun_run_after", show_text(sorted[i], "dag_id"));
        return table_print(&t, "nothing is scheduled", stdout) < 0 ? cli_oom(c) : 0;
}

static int show_one(struct cli *c, const char *dag, uint64_t limit) {
        const char *path = cli_call_query(c, "/api/onebox/v1/next", "dag_id", dag);
        const struct json *answer, *run;
        struct table t;
        int r;

        path = cli_call_query(c, path, "count",
                              arena_printf(&c->arena, "%llu", (unsigned long long) limit));
        r = path ? cli_call_get(c, "scheduler", path, &answer) : cli_oom(c);
        if (r < 0)
                return r;
        if (c->json)
                return cli_call_print(c, answer);
        table_init(&t, &c->arena, c->colour);
        add_columns(&t);
        json_each (run, json_get(answer, "runs"))
                add_row(c, &t, run, "run_after", dag);
        return table_print(&t, "it has no schedule", stdout) < 0 ? cli_oom(c) : 0;
}

/* "@daily", "0 3 * * *": no pipeline is called so. */
static bool is_schedule(const char *word) {
        return word[0] == '@' || strchr(word, ' ') != NULL;
}

static int show_schedule(struct cli *c, const struct next_words *w) {
        if (c->n_args && w->delta)
                return errmsg_fail(&c->em, -EINVAL, "--delta is a schedule: drop \"%s\"",
                                   cli_arg(c, 0));
        return next_schedule_show(c, &(struct next_schedule){
                                             .schedule = cli_arg(c, 0),
                                             .delta_for = w->delta * USEC_PER_SEC,
                                             .zone = w->tz,
                                             .start = w->start,
                                             .end = w->end,
                                             .now = w->now,
                                             .count = w->limit,
                                             .interval = w->interval,
                                             .catchup = w->catchup,
                                     });
}

int next_cmd(struct cli *c, int argc, char **argv) {
        static struct next_words w = {.limit = 10};
        int r = cli_start(c, &spec, argc, argv, &w);

        if (r != 0)
                return r;
        if (w.delta || (c->n_args && is_schedule(cli_arg(c, 0))))
                return show_schedule(c, &w);
        if (w.tz || w.start || w.end || w.now || w.interval || w.catchup)
                return errmsg_fail(
                        &c->em, -EINVAL,
                        "--tz, --start, --end, --now, --interval and --catchup are for a "
                        "schedule: give one like '0 3 * * *'");
        return c->n_args ? show_one(c, cli_arg(c, 0), w.limit) : show_all(c, w.limit);
}
