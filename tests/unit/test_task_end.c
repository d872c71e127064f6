#include "tests/unit/base_test.h"

#include <signal.h>

#include "daemons/scheduler/spool_end.h"
#include "daemons/task/task_end.h"

#define ID "01890a5d-ac96-774b-bcce-b302099a8057"
#define T0 (UINT64_C(1767323045) * USEC_PER_SEC + 678901)

/* What the shim writes is what the scheduler reads. */
static void read_back(const struct task_end *end, struct spool_end *ret) {
        _cleanup_buf_ struct buf b = {};
        struct errmsg em = {};

        assert_int_equal(task_end_print(end, &b), 0);
        if (spool_end_parse(b.data, b.len, ret, &em) < 0)
                fail_msg("%s: %s", b.data, em.text);
}

static void an_exit(void **state) {
        struct task_end end = {.try_id = ID,
                               .how = TASK_END_EXIT,
                               .has_status = true,
                               .wait_status = 3 << 8,
                               .started_at = T0,
                               .ended_at = T0 + 1500000,
                               .ran_for = 1500000,
                               .usage = {.cpu_user_usec = 250000,
                                         .cpu_system_usec = 10,
                                         .peak_memory_bytes = UINT64_C(1) << 40,
                                         .read_bytes = 7,
                                         .written_bytes = 8},
                               .log_bytes = 99};
        struct spool_end got;

        (void) state;
        read_back(&end, &got);
        assert_string_equal(got.try_id, ID);
        assert_int_equal(got.how, SPOOL_END_EXIT);
        assert_int_equal(got.exit_code, 3);
        assert_int_equal(got.signal, 0);
        assert_int_equal(got.started_at, T0);
        assert_int_equal(got.ended_at, T0 + 1500000);
        assert_true(got.cpu_user_s == 0.25);
        assert_true(got.peak_memory_bytes == INT64_C(1) << 40);
        assert_int_equal(got.log_bytes, 99);
        assert_int_equal(spool_end_result(&got), WORLD_RESULT_FAILED);
        end.wait_status = 0;
        read_back(&end, &got);
        assert_int_equal(spool_end_result(&got), WORLD_RESULT_SUCCESS);
        end.wait_status = 99 << 8;
        read_back(&end, &got);
        assert_int_equal(spool_end_result(&got), WORLD_RESULT_SKIPPED);
}

static void every_how_has_its_place(void **state) {
        struct task_end end = {.try_id = ID, .started_at = T0, .ended_at = T0};

        (void) state;
        for (int how = 0; how < _TASK_END_MAX; how++) {
                struct spool_end got;

                end.how = (enum task_end_how) how;
                end.has_status = how != TASK_END_ERROR;
                end.wait_status = how == TASK_END_SIGNAL ? SIGSEGV : 0;
                errmsg_set(&end.message, "%s", how == TASK_END_ERROR ? "why" : "");
                read_back(&end, &got);
                assert_int_equal(got.how, how);
                assert_int_equal(got.signal, how == TASK_END_SIGNAL ? SIGSEGV : 0);
                assert_int_equal(got.exit_code,
                                 how == TASK_END_SIGNAL || how == TASK_END_ERROR ? -1 : 0);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(an_exit),
                cmocka_unit_test(every_how_has_its_place),
        };

        return cmocka_run_group_tests_name("task_end", tests, NULL, NULL);
}
