/* The tables of the scheduler, written from a world and read into another: what comes back is what
 * was. */
#include "tests/unit/core_fixture.h"

#include <errno.h>

#include "daemons/scheduler/dag_runs_sql.h"
#include "daemons/scheduler/dags_sql.h"
#include "daemons/scheduler/event_logs_sql.h"
#include "daemons/scheduler/import_errors_sql.h"
#include "daemons/scheduler/scheduler_db.h"
#include "daemons/scheduler/task_instances_sql.h"
#include "daemons/scheduler/tracked_sql.h"
#include "daemons/scheduler/tries_sql.h"
#include "lib/base/arena.h"
#include "lib/base/entropy.h"
#include "lib/base/fault.h"
#include "lib/base/str.h"

#define NOW CORE_FIXTURE_NOW
#define BODY "{\"onebox_dag\":1,\"dag_id\":\"d\",\"tasks\":[{\"id\":\"a\",\"cmd\":\"true\"}]}"

struct fixture {
        struct db *db;
        struct world w;
        struct world_dag *wd;
        struct arena a;
};

static int setup(void **state) {
        static const char *const tasks[] = {"a", "b<a{\"retries\":2}", "c<b", NULL};
        struct fixture *f = mem_new(struct fixture);
        struct errmsg em = {};

        if (scheduler_db_open("sqlite://", NOW, &em, &f->db) < 0)
                fail_msg("%s", em.text);
        arena_init(&f->a, 0);
        world_init(&f->w, 8);
        f->wd = core_fixture_put(&f->w, core_fixture_tasks("d", "", tasks));
        *state = f;
        return 0;
}

static int teardown(void **state) {
        struct fixture *f = *state;

        world_done(&f->w);
        arena_done(&f->a);
        db_free(f->db);
        mem_free(f);
        return 0;
}

static void dags_and_versions(void **state) {
        struct fixture *f = *state;
        const struct timetable_run last = {NOW, NOW - 2, NOW - 1, NOW};
        struct dags_sql_row *rows;
        const char *body;
        int64_t latest;
        size_t n;

        assert_int_equal(dags_sql_version_latest(f->db, "d", &latest), 0);
        assert_int_equal(latest, 0);
        assert_int_equal(dags_sql_put(f->db, "d", 1, BODY, true, NOW), 0);
        assert_int_equal(dags_sql_put(f->db, "a", 1, "{}", false, NOW), 0);
        assert_int_equal(dags_sql_put(f->db, "d", 1, BODY, true, NOW), -EEXIST);
        assert_int_equal(dags_sql_put(f->db, "d", 2, "two", false, NOW + 5), 0);
        assert_int_equal(dags_sql_version_latest(f->db, "d", &latest), 0);
        assert_int_equal(latest, 2);
        assert_int_equal(dags_sql_set_last(f->db, "d", &last), 0);
        assert_int_equal(dags_sql_set_gone(f->db, "a"), 0);
        assert_int_equal(dags_sql_list(f->db, &f->a, &rows, &n), 0);
        assert_int_equal(n, 2);
        assert_string_equal(rows[0].dag_id, "a");
        assert_true(rows[0].is_gone && !rows[0].has_last && !rows[0].is_paused);
        assert_int_equal(rows[1].version, 2);
        assert_string_equal(rows[1].body, "two");
        assert_true(rows[1].is_paused && !rows[1].is_gone); /* paused is not the file's matter */
        assert_true(rows[1].has_last);
        assert_memory_equal(&rows[1].last, &last, sizeof(last));
        assert_int_equal(dags_sql_version_get(f->db, "d", 1, &f->a, &body), 0);
        assert_string_equal(body, BODY);
        assert_int_equal(dags_sql_version_get(f->db, "d", 3, &f->a, &body), 1);
        assert_int_equal(dags_sql_set_paused(f->db, "d", false), 0);
        assert_int_equal(dags_sql_list(f->db, &f->a, &rows, &n), 0);
        assert_false(rows[1].is_paused);
}

static int64_t write_run(struct fixture *f, struct world_run *run) {
        int64_t id;

        assert_int_equal(dag_runs_sql_insert(f->db, run, 7, "anna", "a note", &id), 0);
        assert_int_equal(task_instances_sql_insert(f->db, id, run), 0);
        return id;
}

static int note_past(void *ctx, const struct dag_runs_sql_row *row) {
        strcat(strcat(ctx, row->run_id), " ");
        return 0;
}

static const char *past(struct fixture *f) {
        static char ids[256];

        ids[0] = 0;
        assert_true(dag_runs_sql_past(f->db, "d", &f->a, note_past, ids) >= 0);
        return ids;
}

/* What an unfinished run looks back on is there again after a start, and no more than that. */
static void past_of_runs(void **state) {
        static const char *const ids[] = {"r0", "r1", "r2", "r3", "r4"};
        struct fixture *f = *state;

        for (unsigned i = 0; i < ARRAY_SIZE(ids); i++) {
                struct world_run *run = core_fixture_run(&f->w, f->wd, ids[i], NOW + i);

                run->state = i == 2 || i == 4 ? RUN_QUEUED : RUN_SUCCESS;
                write_run(f, run);
                run->state = RUN_QUEUED;
        }
        assert_string_equal(past(f), "r1 r3 ");
}

/* The latest of each DAG stays, and what has not ended; the others in the order of their ends. */
static void old_runs(void **state) {
        static const char *const ids[] = {"r0", "r1", "r2", "r3"};
        static const usec_t ends[] = {NOW + 9, NOW + 3, USEC_INFINITY, NOW + 1};
        struct fixture *f = *state;
        struct dag_runs_sql_old *old;
        size_t n;

        for (unsigned i = 0; i < ARRAY_SIZE(ids); i++) {
                struct world_run *run = core_fixture_run(&f->w, f->wd, ids[i], NOW + i);

                run->state = ends[i] == USEC_INFINITY ? RUN_QUEUED : RUN_SUCCESS;
                run->ended_at = ends[i];
                write_run(f, run);
                run->state = RUN_QUEUED;
        }
        assert_int_equal(dag_runs_sql_old(f->db, NOW + 10, 8, &f->a, &old, &n), 0);
        assert_int_equal(n, 2);
        assert_string_equal(old[0].run_id, "r1");
        assert_string_equal(old[1].run_id, "r0");
        assert_int_equal(dag_runs_sql_old(f->db, NOW + 9, 8, &f->a, &old, &n), 0);
        assert_int_equal(n, 1);
        assert_int_equal(dag_runs_sql_old(f->db, NOW + 10, 1, &f->a, &old, &n), 0);
        assert_int_equal(n, 1);
}

static int64_t count_events(struct fixture *f) {
        DB_USE struct db_stmt *s = NULL;

        assert_int_equal(db_prepare_dynamic(f->db, "SELECT COUNT(*) FROM event_logs", &s), 0);
        assert_int_equal(db_step(s), DB_ROW);
        return db_col_i64(s, 0);
}

/* Those before the first that stays; one that a clock set back has made younger waits for it. */
static void old_events(void **state) {
        static const usec_t at[] = {NOW, NOW + 1, NOW + 5, NOW + 2, NOW + 6};
        struct fixture *f = *state;

        for (size_t i = 0; i < ARRAY_SIZE(at); i++)
                assert_int_equal(
                        event_logs_sql_insert(
                                f->db, &(struct event_logs_sql_row){.at = at[i], .event = "e"}),
                        0);
        assert_int_equal(event_logs_sql_expire(f->db, NOW), 0);
        assert_int_equal(count_events(f), 5);
        assert_int_equal(event_logs_sql_expire(f->db, NOW + 3), 0);
        assert_int_equal(count_events(f), 3);
        assert_int_equal(event_logs_sql_expire(f->db, NOW + 6), 0);
        assert_int_equal(count_events(f), 1);
        assert_int_equal(event_logs_sql_expire(f->db, NOW + 7), 0);
        assert_int_equal(count_events(f), 0);
}

static void runs_round_trip(void **state) {
        struct fixture *f = *state;
        struct world_run *run = core_fixture_run(&f->w, f->wd, "r1", NOW);
        struct dag_runs_sql_row row;
        int64_t id = write_run(f, run), other;

        assert_int_equal(dag_runs_sql_insert(f->db, run, 7, NULL, NULL, &other), -EEXIST);
        assert_int_equal(dag_runs_sql_get(f->db, "d", "none", &f->a, &row), 1);
        assert_int_equal(dag_runs_sql_get(f->db, "d", "r1", &f->a, &row), 0);
        assert_int_equal(row.id, id);
        assert_int_equal(row.version, 7);
        assert_int_equal(row.state, RUN_QUEUED);
        assert_int_equal(row.type, RUN_TYPE_MANUAL);
        assert_memory_equal(&row.when, &run->when, sizeof(row.when));
        assert_int_equal(row.started_at, USEC_INFINITY);
        assert_string_equal(row.triggered_by, "anna");
        assert_string_equal(row.note, "a note");
        assert_null(row.conf);
        core_fixture_decide(&f->w, NOW);
        assert_int_equal(dag_runs_sql_update(f->db, id, run), 0);
        assert_int_equal(dag_runs_sql_set_note(f->db, id, "other"), 0);
        assert_int_equal(dag_runs_sql_get(f->db, "d", "r1", &f->a, &row), 0);
        assert_int_equal(row.state, RUN_RUNNING);
        assert_int_equal(row.started_at, NOW);
        assert_string_equal(row.note, "other");
        assert_string_equal(past(f), "");
        assert_int_equal(dag_runs_sql_delete(f->db, id), 0);
        assert_int_equal(dag_runs_sql_get(f->db, "d", "r1", &f->a, &row), 1);
}

/* Whatever a task may be, it comes back so. */
static void tasks_round_trip(void **state) {
        struct fixture *f = *state;
        struct world_run *run = core_fixture_run(&f->w, f->wd, "r1", NOW), *back;
        struct world_task *a = core_fixture_task(run, "a"), *got;
        int64_t id = write_run(f, run);
        struct world other;
        struct world_dag *wd;

        core_fixture_decide(&f->w, NOW);
        assert_int_equal(a->state, TASK_QUEUED);
        a->stop = WORLD_STOP_MARKED;
        a->marked_state = TASK_SKIPPED;
        assert_int_equal(task_instances_sql_update(f->db, id, a), 0);
        assert_int_equal(world_init(&other, 8), 0);
        assert_int_equal(world_put_dag(&other, f->wd->spec, zone_utc(), &wd, NULL), 0);
        assert_int_equal(world_restore_run(&other, wd, f->wd->spec, "r1", &back), 0);
        assert_int_equal(task_instances_sql_load(f->db, id, back), 0);
        got = core_fixture_task(back, "a");
        assert_int_equal(got->state, TASK_QUEUED);
        assert_int_equal(got->try_number, 1);
        assert_string_equal(got->try_id, a->try_id);
        assert_int_equal(got->queued_at, NOW);
        assert_int_equal(got->started_at, USEC_INFINITY);
        assert_int_equal(got->stop, WORLD_STOP_MARKED);
        assert_int_equal(got->marked_state, TASK_SKIPPED);
        assert_int_equal(core_fixture_task(back, "b")->max_tries, 2);
        assert_int_equal(core_fixture_task(back, "c")->state, TASK_NONE);
        back->state = RUN_RUNNING;
        back->seq = 1;
        assert_int_equal(world_restore_run_done(&other, back), 0);
        world_done(&other);
}

static void tries_and_who_was_told(void **state) {
        struct fixture *f = *state;
        struct world_run *run = core_fixture_run(&f->w, f->wd, "r1", NOW);
        struct world_task *a = core_fixture_task(run, "a");
        const struct spool_end end = {.how = SPOOL_END_EXIT,
                                      .exit_code = 0,
                                      .started_at = NOW + 1,
                                      .ended_at = NOW + 2,
                                      .cpu_user_s = 0.5};
        struct tries_sql_untold *untold;
        int64_t id = write_run(f, run);
        char boot[ENTROPY_UUID_SIZE];
        size_t n;

        core_fixture_decide(&f->w, NOW);
        assert_int_equal(tries_sql_insert(f->db, id, a, "boot-1", NULL), 0);
        assert_int_equal(tries_sql_insert(f->db, id, a, "boot-1", NULL), -EEXIST);
        assert_int_equal(tries_sql_get_boot(f->db, a->try_id, boot, sizeof(boot)), 0);
        assert_string_equal(boot, "boot-1");
        assert_int_equal(tries_sql_get_boot(f->db, "none", boot, sizeof(boot)), 1);
        assert_int_equal(tries_sql_untold(f->db, 10, &f->a, &untold, &n), 0);
        assert_int_equal(n, 0); /* it has not ended */
        assert_int_equal(tracked_sql_insert(f->db, a->try_id, "{}"), 0);
        assert_int_equal(tracked_sql_insert(f->db, a->try_id, "[]"), 0); /* the first one stays */
        assert_int_equal(tries_sql_untold(f->db, 10, &f->a, &untold, &n), 0);
        assert_int_equal(n, 1);
        assert_string_equal(untold[0].begun, "{}");
        assert_null(untold[0].result);
        assert_int_equal(tracked_sql_delete(f->db, a->try_id), 0);
        assert_int_equal(tries_sql_set_started(f->db, a->try_id, NOW), 0);
        assert_int_equal(tries_sql_set_ended(f->db, a->try_id, WORLD_RESULT_SUCCESS, NOW + 3, &end,
                                             "exit code 0"),
                         0);
        assert_int_equal(tries_sql_untold(f->db, 10, &f->a, &untold, &n), 0);
        assert_int_equal(n, 1);
        assert_string_equal(untold[0].try_id, a->try_id);
        assert_string_equal(untold[0].result, "success");
        assert_null(untold[0].begun);
        assert_int_equal(untold[0].started_at, NOW + 1);
        assert_true(untold[0].cpu_s == 0.5);
        assert_string_equal(untold[0].dag_id, "d");
        assert_string_equal(untold[0].run_id, "r1");
        assert_int_equal(untold[0].try_number, 1);
        assert_int_equal(tries_sql_set_told(f->db, a->try_id), 0);
        assert_int_equal(tries_sql_untold(f->db, 10, &f->a, &untold, &n), 0);
        assert_int_equal(n, 0);
        assert_int_equal(tracked_sql_insert(f->db, a->try_id, "{}"), 0);
        assert_int_equal(tries_sql_untold(f->db, 10, &f->a, &untold, &n), 0);
        assert_int_equal(n, 1);
        assert_null(untold[0].result); /* that it has ended is told */
        assert_int_equal(dag_runs_sql_delete(f->db, id), 0);
        assert_int_equal(tries_sql_untold(f->db, 1, &f->a, &untold, &n), 0);
        assert_int_equal(n, 0);
}

/* An error that stays keeps its id and its time; one that goes is gone. */
static void import_errors_keep_their_ids(void **state) {
        struct import_errors_sql_row first[] = {{.filename = "/a", .message = "x"},
                                                {.filename = "/b", .message = "y"}};
        struct import_errors_sql_row second[] = {{.filename = "/b", .message = "y"},
                                                 {.filename = "/c", .message = "z"}};
        struct fixture *f = *state;
        struct import_errors_sql_row *rows, one;
        int64_t total, id_b;
        size_t n;

        assert_int_equal(import_errors_sql_replace(f->db, first, 2, NOW), 0);
        assert_int_equal(import_errors_sql_list(f->db, 10, 0, &f->a, &rows, &n, &total), 0);
        assert_int_equal(n, 2);
        id_b = rows[1].id;
        assert_int_equal(import_errors_sql_replace(f->db, second, 2, NOW + 9), 0);
        assert_int_equal(import_errors_sql_list(f->db, 10, 0, &f->a, &rows, &n, &total), 0);
        assert_int_equal(total, 2);
        assert_int_equal(rows[0].id, id_b);
        assert_int_equal(rows[0].at, NOW);
        assert_int_equal(rows[1].at, NOW + 9);
        assert_int_equal(import_errors_sql_list(f->db, 1, 1, &f->a, &rows, &n, &total), 0);
        assert_int_equal(n, 1);
        assert_string_equal(rows[0].filename, "/c");
        assert_int_equal(import_errors_sql_get(f->db, id_b, &f->a, &one), 0);
        assert_string_equal(one.message, "y");
        assert_int_equal(import_errors_sql_replace(f->db, NULL, 0, NOW), 0);
        assert_int_equal(import_errors_sql_get(f->db, id_b, &f->a, &one), 1);
}

static void the_event_log_takes_what_is_known(void **state) {
        const struct event_logs_sql_row row = {.at = NOW, .event = "pause", .map_index = -1};
        struct fixture *f = *state;

        assert_int_equal(event_logs_sql_insert(f->db, &row), 0);
}

static void without_memory(void **state) {
        struct fixture *f = *state;
        struct dags_sql_row *rows;
        size_t n;

        assert_int_equal(dags_sql_put(f->db, "d", 1, BODY, false, NOW), 0);
        for (unsigned i = 1; i < 6; i++) {
                struct arena a;
                int r;

                arena_init(&a, 0);
                fault_arm(FAULT_ALLOC, i, ENOMEM, 0);
                r = dags_sql_list(f->db, &a, &rows, &n);
                fault_reset();
                arena_done(&a);
                assert_true(r == 0 || r == -ENOMEM);
        }
}

#define db_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                db_test(dags_and_versions),
                db_test(runs_round_trip),
                db_test(old_runs),
                db_test(old_events),
                db_test(past_of_runs),
                db_test(tasks_round_trip),
                db_test(tries_and_who_was_told),
                db_test(import_errors_keep_their_ids),
                db_test(the_event_log_takes_what_is_known),
                db_test(without_memory),
        };

        return cmocka_run_group_tests_name("scheduler_db", tests, NULL, NULL);
}
