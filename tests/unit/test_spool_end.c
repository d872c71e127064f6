#include "tests/unit/base_test.h"

#include "daemons/scheduler/spool_end.h"

#define ID "01890a5d-ac96-774b-bcce-b302099a8057"
#define END(rest) "{\"version\":1,\"try_id\":\"" ID "\"," rest "}"

/* A torn file, as a power cut leaves it, is no end: whatever was cut off. */
static void every_torn_end_is_none(void **state) {
        static const char text[] = END("\"how\":\"exit\",\"exit_code\":0,\"started_at\":"
                                       "\"2026-01-02T03:04:05.678901Z\"");
        struct spool_end end;

        (void) state;
        assert_int_equal(spool_end_parse(text, sizeof(text) - 1, &end, NULL), 0);
        for (size_t n = 0; n < sizeof(text) - 1; n++)
                assert_int_equal(spool_end_parse(text, n, &end, NULL), -EINVAL);
        assert_int_equal(spool_end_parse("\0\0\0\0", 4, &end, NULL), -EINVAL);
}

static void what_is_wrong_is_named(void **state) {
        static const struct {
                const char *text, *says;
        } rows[] = {
                {"[]", "object"},
                {"{}", "version"},
                {END("\"how\":\"left\""), "how"},
                {END("\"how\":1"), "how"},
                {END("\"how\":\"exit\",\"exit_code\":\"0\""), "exit_code"},
                {END("\"how\":\"exit\",\"exit_code\":256"), "exit code"},
                {END("\"how\":\"signal\",\"signal\":-1"), "signal"},
                {END("\"how\":\"exit\",\"started_at\":\"noon\""), "started_at"},
                {END("\"how\":\"exit\",\"oom\":1"), "oom"},
                {"{\"version\":2,\"try_id\":\"" ID "\",\"how\":\"exit\"}", "version"},
                {"{\"version\":1,\"try_id\":\"x\",\"how\":\"exit\"}", "version"},
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct spool_end end = {.exit_code = 77};
                struct errmsg em = {};

                assert_int_equal(spool_end_parse(rows[i].text, strlen(rows[i].text), &end, &em),
                                 -EINVAL);
                assert_says(em, rows[i].says);
                assert_int_equal(end.exit_code, 77);
        }
}

static void results_and_words(void **state) {
        static const struct {
                const char *text;
                enum world_result result;
                const char *words;
        } rows[] = {
                {END("\"how\":\"exit\",\"exit_code\":0"), WORLD_RESULT_SUCCESS, "exit code 0"},
                {END("\"how\":\"exit\",\"exit_code\":1"), WORLD_RESULT_FAILED, "exit code 1"},
                {END("\"how\":\"exit\",\"exit_code\":99"), WORLD_RESULT_SKIPPED, "exit code 99"},
                {END("\"how\":\"timeout\",\"signal\":15"), WORLD_RESULT_TIMED_OUT, "time limit"},
                {END("\"how\":\"stopped\",\"exit_code\":0"), WORLD_RESULT_STOPPED, "stop"},
                {END("\"how\":\"signal\",\"signal\":9,\"oom\":true"), WORLD_RESULT_FAILED,
                 "signal 9 (Killed), out of memory"},
                {END("\"how\":\"exit\",\"exit_code\":1,\"oom\":true,\"forks_refused\":17"),
                 WORLD_RESULT_FAILED,
                 "exit code 1, out of memory, 17 processes refused at its limit (tasks_max)"},
                {END("\"how\":\"timeout\",\"forks_refused\":9"), WORLD_RESULT_TIMED_OUT,
                 "its time limit was over, 9 processes refused at its limit (tasks_max)"},
                {END("\"how\":\"exit\",\"exit_code\":0,\"forks_refused\":3"), WORLD_RESULT_SUCCESS,
                 "exit code 0"},
                {END("\"how\":\"error\",\"message\":\"no bash\""), WORLD_RESULT_FAILED, "no bash"},
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct spool_end end;
                char text[128];

                assert_int_equal(spool_end_parse(rows[i].text, strlen(rows[i].text), &end, NULL),
                                 0);
                assert_int_equal(spool_end_result(&end), rows[i].result);
                spool_end_text(&end, text, sizeof(text));
                assert_non_null(strstr(text, rows[i].words));
        }
}

static void without_memory(void **state) {
        static const char text[] = END("\"how\":\"exit\",\"exit_code\":0");

        (void) state;
        for (unsigned n = 1; n < 5; n++) {
                struct spool_end end;
                int r;

                fault_arm(FAULT_ALLOC, n, ENOMEM, 0);
                r = spool_end_parse(text, sizeof(text) - 1, &end, NULL);
                fault_reset();
                assert_true(r == 0 || r == -ENOMEM);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_torn_end_is_none),
                cmocka_unit_test(what_is_wrong_is_named),
                cmocka_unit_test(results_and_words),
                cmocka_unit_test(without_memory),
        };

        return cmocka_run_group_tests_name("spool_end", tests, NULL, NULL);
}
