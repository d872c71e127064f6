#include "cli/next_schedule.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/table.h"
#include "daemons/scheduler/core/timetable.h"
#include "lib/base/clock.h"
#include "lib/base/json_write.h"
#include "lib/base/str.h"
#include "lib/base/timestamp.h"
#include "lib/base/zone_file.h"

#define COUNT_MAX 100000u

/* The schedule as a DAG has it: one reader for both. */
static int make_dag(struct cli *c, const struct next_schedule *ask, struct dag **ret) {
        _cleanup_buf_ struct buf text = {};
        struct json_write w;

        json_write_init(&w, &text, 0);
        json_write_object(&w);
        json_write_kv_i64(&w, "onebox_dag", DAG_VERSION);
        json_write_kv_str(&w, "dag_id", "next");
        if (ask->schedule && !ask->interval) {
                json_write_kv_str(&w, "schedule", ask->schedule);
        } else {
                json_write_kv_object(&w, "schedule");
                if (ask->schedule)
                        json_write_kv_str(&w, "cron", ask->schedule);
                else
                        json_write_kv_f64(&w, "every", (double) ask->delta_for / 1e6);
                json_write_kv_bool(&w, "data_interval", ask->interval);
                json_write_end(&w);
        }
        if (ask->zone)
                json_write_kv_str(&w, "timezone", ask->zone);
        if (ask->start)
                json_write_kv_str(&w, "start_date", ask->start);
        if (ask->end)
                json_write_kv_str(&w, "end_date", ask->end);
        json_write_kv_str(&w, "missed", "last");
        json_write_kv_array(&w, "tasks");
        json_write_end(&w);
        json_write_end(&w);
        if (json_write_finish(&w) < 0)
                return cli_oom(c);
        return dag_parse(text.data, text.len, ret, &c->em);
}

/* "2026-01-02 03:00", with the seconds where there are any: four of them fit a terminal. */
static const char *short_time(struct arena *a, const char *text) {
        char *copy = arena_strndup(a, text, strlen("2026-01-02T03:00:00"));

        if (!copy)
                return NULL;
        copy[strlen("2026-01-02")] = ' ';
        if (str_eq(copy + strlen("2026-01-02T03:00"), ":00"))
                copy[strlen("2026-01-02T03:00")] = 0;
        return copy;
}

static void add_run(struct json_write *w, struct table *t, struct arena *a,
                    const struct timetable_run *run) {
        const usec_t times[] = {run->logical_at, run->interval_start_at, run->interval_end_at,
                                run->run_after_at};
        const char *cells[ARRAY_SIZE(times)];
        char text[TIMESTAMP_SIZE];

        json_write_array(w);
        for (size_t i = 0; i < ARRAY_SIZE(times); i++) {
                timestamp_print(times[i], TIMESTAMP_AUTO | TIMESTAMP_OFFSET, text);
                json_write_str(w, text);
                cells[i] = short_time(a, text);
        }
        json_write_end(w);
        table_row(t, cells[0], cells[1], cells[2], cells[3]);
}

static int show(struct cli *c, const struct timetable *tt, usec_t now, uint64_t count) {
        _cleanup_buf_ struct buf b = {};
        struct timetable_run last, run;
        struct json_write w;
        struct table t;

        table_init(&t, &c->arena, c->colour);
        table_column(&t, "LOGICAL DATE (UTC)", TABLE_LEFT);
        table_column(&t, "INTERVAL FROM", TABLE_LEFT);
        table_column(&t, "INTERVAL TO", TABLE_LEFT);
        table_column(&t, "RUN AT", TABLE_LEFT);
        json_write_init(&w, &b, 0);
        json_write_array(&w);
        for (uint64_t i = 0; i < count; i++) {
                if (timetable_next(tt, i > 0 ? &last : NULL, now, &run) != 0)
                        break;
                add_run(&w, &t, &c->arena, &run);
                last = run;
        }
        json_write_end(&w);
        if (json_write_finish(&w) < 0)
                return cli_oom(c);
        if (c->json)
                return puts(buf_cstr(&b)) < 0 ? -EIO : 0;
        return table_print(&t, "it never runs", stdout) < 0 ? cli_oom(c) : 0;
}

int next_schedule_show(struct cli *c, const struct next_schedule *ask) {
        _cleanup_(dag_unrefp) struct dag *dag = NULL;
        usec_t now = clock_now(clock_system());
        struct timetable tt;
        struct zone *zone;
        int r;

        if (ask->count > COUNT_MAX)
                return errmsg_fail(&c->em, -EINVAL, "--count: at most %u", COUNT_MAX);
        if (ask->now && timestamp_parse(ask->now, &now) < 0)
                return errmsg_fail(
                        &c->em, -EINVAL,
                        "--now: 2026-01-02 or 2026-01-02T03:04Z is a time, \"%s\" is not",
                        ask->now);
        r = make_dag(c, ask, &dag);
        if (r < 0)
                return r;
        if (ask->catchup) /* here, for a chain without beginning is no mistake of a question */
                dag->missed = DAG_MISSED_ALL;
        r = zone_file_load(dag->timezone, &zone, &c->em);
        if (r < 0)
                return r;
        r = timetable_init(&tt, dag, zone, &c->em);
        if (r >= 0)
                r = show(c, &tt, now, ask->count);
        zone_free(zone);
        return r;
}
