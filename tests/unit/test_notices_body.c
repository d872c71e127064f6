/* What tracking is told when a try has ended. */
#include "tests/unit/core_fixture.h"

#include "daemons/scheduler/notices_body.h"
#include "lib/base/json.h"
#include "lib/base/json_write.h"

static const struct tries_sql_untold bare = {.try_id = "t1",
                                             .task_id = "a",
                                             .dag_id = "d",
                                             .run_id = "r",
                                             .result = "success",
                                             .try_number = 1,
                                             .started_at = USEC_INFINITY,
                                             .ended_at = USEC_INFINITY,
                                             .cpu_s = -1,
                                             .peak_memory_bytes = -1,
                                             .read_bytes = -1,
                                             .written_bytes = -1};

static const struct json *print(struct arena *a, const struct tries_sql_untold *row) {
        _cleanup_buf_ struct buf text = {};
        struct errmsg em = {};
        struct json *j;

        assert_int_equal(notices_body_print(row, &text), 0);
        if (json_parse_copy(a, text.data, text.len, &j, &em) < 0)
                fail_msg("%s", em.text);
        return j;
}

static void statuses(void **state) {
        static const struct {
                const char *result, *status;
        } rows[] = {
                {"success", "FINISHED"},     {"skipped", "FINISHED"},
                {"rescheduled", "FINISHED"}, {"deferred", "FINISHED"},
                {"failed", "FAILED"},        {"failed_final", "FAILED"},
                {"timed_out", "FAILED"},     {"interrupted", "KILLED"},
                {"stopped", "KILLED"},       {"of another version", "FAILED"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct tries_sql_untold row = bare;
                const struct json *j;
                const char *text;
                struct arena a;

                arena_init(&a, 0);
                row.result = rows[i].result;
                j = print(&a, &row);
                assert_int_equal(json_str(json_get(j, "status"), &text), 0);
                assert_string_equal(text, rows[i].status);
                assert_int_equal(json_str(json_get(j, "state"), &text), 0);
                assert_string_equal(text, rows[i].result);
                arena_done(&a);
        }
}

static double metric(const struct json *j, const char *name) {
        const struct json *item;
        const char *key;
        double value;

        json_each (item, json_get(j, "metrics")) {
                assert_int_equal(json_str(json_get(item, "key"), &key), 0);
                assert_int_equal(json_f64(json_get(item, "value"), &value), 0);
                if (strcmp(key, name) == 0)
                        return value;
        }
        return -1;
}

static void what_it_used(void **state) {
        struct tries_sql_untold row = bare;
        const struct json *j;
        struct arena a;
        int64_t at;

        arena_init(&a, 0);
        j = print(&a, &row);
        assert_int_equal(json_get(j, "metrics")->len, 0); /* nobody knows */
        assert_null(json_get(j, "start_time"));
        assert_null(json_get(j, "end_time"));
        row.started_at = CORE_FIXTURE_NOW;
        row.ended_at = CORE_FIXTURE_NOW + 2500 * USEC_PER_MSEC;
        row.cpu_s = 0.25;
        row.peak_memory_bytes = 4096;
        row.read_bytes = 0;
        j = print(&a, &row);
        assert_true(metric(j, "duration_seconds") == 2.5);
        assert_true(metric(j, "system/cpu_time_seconds") == 0.25);
        assert_true(metric(j, "system/memory_peak_bytes") == 4096);
        assert_true(metric(j, "system/disk_read_bytes") == 0);
        assert_true(metric(j, "system/disk_written_bytes") == -1);
        assert_int_equal(json_i64(json_get(j, "end_time"), &at), 0);
        assert_int_equal(at, row.ended_at / USEC_PER_MSEC);
        /* a clock that was put back in between: no duration rather than a wrong one */
        row.ended_at = row.started_at - 1;
        assert_true(metric(print(&a, &row), "duration_seconds") == -1);
        arena_done(&a);
}

/* Items of a list say whose they are. */
static void many(void **state) {
        _cleanup_buf_ struct buf text = {};
        struct json_write w;
        const char *try_id;
        struct json *list;
        struct arena a;

        arena_init(&a, 0);
        json_write_init(&w, &text, 0);
        json_write_array(&w);
        notices_body_write(&w, &bare);
        notices_body_write(&w, &bare);
        json_write_end(&w);
        assert_int_equal(json_write_finish(&w), 0);
        assert_int_equal(json_parse_copy(&a, text.data, text.len, &list, NULL), 0);
        assert_int_equal(list->len, 2);
        assert_int_equal(json_str(json_get(json_first(list), "try_id"), &try_id), 0);
        assert_string_equal(try_id, "t1");
        arena_done(&a);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(statuses),
                cmocka_unit_test(what_it_used),
                cmocka_unit_test(many),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
