/* The audit log: whole lines from many writers, rotation, failures told. */
#include "tests/unit/db_test_dir.h"

#include <errno.h>
#include <pthread.h>
#include <sys/stat.h>

#include "lib/auth/auth_audit.h"
#include "lib/base/arena.h"
#include "lib/base/clock.h"
#include "lib/base/fault.h"
#include "lib/base/json.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

#define T0 (1800000000 * USEC_PER_SEC)

static struct auth_audit *open_audit(const struct test_dir *t, uint64_t max_bytes,
                                     struct clock_fake *clock) {
        struct auth_audit *a = NULL;
        struct errmsg em = {};

        clock_fake_init(clock, T0);
        assert_ok(em, auth_audit_open(t->file, max_bytes, &clock->clock, &em, &a));
        return a;
}

/* Checks that each line is an object with the keys all have; gives their number. */
static size_t count_lines(const char *path) {
        char *text = NULL, *line, *end;
        struct json *j;
        struct arena a;
        size_t n = 0;

        assert_int_equal(fileio_read(path, 64 << 20, &text, NULL), 0);
        arena_init(&a, 0);
        for (line = text; (end = strchr(line, '\n')); line = end + 1, n++) {
                assert_int_equal(json_parse_copy(&a, line, (size_t) (end - line), &j, NULL), 0);
                assert_true(json_is(json_get(j, "at"), JSON_STRING));
                assert_true(json_is(json_get(j, "action"), JSON_STRING));
                assert_true(json_is(json_get(j, "result"), JSON_STRING));
        }
        assert_string_equal(line, "");
        arena_done(&a);
        mem_freep(&text);
        return n;
}

static void test_a_line(void **state) {
        struct test_dir *t = *state;
        struct auth_identity who = {
                .name = "bob \"x\"\n", .uid = 7, .how = AUTH_BY_TASK, .try_id = "t1"};
        struct clock_fake clock;
        struct auth_audit *a = open_audit(t, 0, &clock);
        char *text = NULL;
        struct stat st;

        assert_int_equal(auth_audit_write(a, &(struct auth_audit_entry){.identity = &who,
                                                                        .action = "user add",
                                                                        .object = "alice",
                                                                        .result = "ok"}),
                         0);
        assert_int_equal(auth_audit_sync(a), 0);
        assert_int_equal(fileio_read(t->file, 4096, &text, NULL), 0);
        assert_string_equal(text,
                            "{\"at\":\"2027-01-15T08:00:00.000000Z\",\"user\":\"bob \\\"x\\\"\\n\","
                            "\"uid\":7,\"how\":\"task\",\"try_id\":\"t1\",\"action\":\"user add\","
                            "\"object\":\"alice\",\"result\":\"ok\"}\n");
        mem_freep(&text);
        assert_int_equal(stat(t->file, &st), 0);
        assert_int_equal(st.st_mode & 07, 0);
        assert_null(auth_audit_free(a));
        assert_null(auth_audit_free(NULL));
}

static void *write_many(void *audit) {
        for (int i = 0; i < 500; i++)
                if (auth_audit_write(audit, &(struct auth_audit_entry){.action = "a",
                                                                       .object = "object",
                                                                       .result = "ok"}) < 0)
                        return audit;
        return NULL;
}

static void test_many_writers_and_rotation(void **state) {
        struct test_dir *t = *state;
        struct clock_fake clock;
        struct auth_audit *a = open_audit(t, 20000, &clock), *b = open_audit(t, 20000, &clock);
        pthread_t threads[4];
        size_t n = 0;
        void *failed;
        char path[160];

        for (int i = 0; i < 4; i++)
                assert_int_equal(pthread_create(&threads[i], NULL, write_many, i % 2 ? a : b), 0);
        for (int i = 0; i < 4; i++) {
                assert_int_equal(pthread_join(threads[i], &failed), 0);
                assert_null(failed);
        }
        auth_audit_free(a);
        auth_audit_free(b);
        n = count_lines(t->file);
        for (int i = 1; i <= 9; i++) {
                (void) snprintf(path, sizeof(path), "%s.%d", t->file, i);
                if (access(path, F_OK) == 0)
                        n += count_lines(path);
        }
        assert_int_equal(n, 2000);
}

static void test_a_failing_disk_is_told(void **state) {
        struct test_dir *t = *state;
        struct clock_fake clock;
        struct auth_audit *a = open_audit(t, 0, &clock);

        fault_arm(FAULT_FSYNC, 1, EIO, 1);
        assert_int_equal(
                auth_audit_write(a, &(struct auth_audit_entry){.action = "a", .result = "ok"}), 0);
        assert_int_equal(auth_audit_sync(a), -EIO);
        fault_reset();
        assert_int_equal(
                auth_audit_write(a, &(struct auth_audit_entry){.action = "a", .result = "ok"}), 0);
        assert_int_equal(auth_audit_sync(a), 0);
        auth_audit_free(a);
}

static void test_open_refuses(void **state) {
        struct test_dir *t = *state;
        struct auth_audit *a = NULL;
        struct clock_fake clock;
        struct errmsg em = {};

        clock_fake_init(&clock, T0);
        assert_true(auth_audit_open(t->path, 0, &clock.clock, &em, &a) < 0);
        assert_non_null(strstr(em.text, "audit log"));
        assert_null(a);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                IN_DIR(test_a_line),
                IN_DIR(test_many_writers_and_rotation),
                IN_DIR(test_a_failing_disk_is_told),
                IN_DIR(test_open_refuses),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
