#include "tests/unit/base_test.h"

#include <sys/stat.h>

#include "daemons/logship/ship.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/store/store.h"

#define TRY "01890a5d-ac96-774b-bcce-b302099a8057"
#define TRY_2 "01890a5d-ac97-774b-bcce-b302099a8057"
#define KEY "dag_id=d/run_id=manual__2026-01-01T00:00:00+00:00/task_id=t/attempt=1.log"

struct place {
        char *tasks, *queue, *bucket;
        struct ship ship;
};

static struct place *make(const char *root) {
        struct place *p = calloc(1, sizeof(*p));
        struct errmsg em = {};

        p->tasks = str_printf("%s/tasks", root);
        p->queue = str_printf("%s/queue", root);
        p->bucket = str_printf("%s/bucket", root);
        assert_int_equal(fileio_mkdir_p(p->tasks, 0700), 0);
        assert_int_equal(fileio_mkdir_p(p->queue, 0700), 0);
        if (ship_open_store(p->bucket, NULL, &p->ship.store, &em) < 0)
                fail_msg("%s", em.text);
        p->ship.tasks_dir = p->tasks;
        p->ship.queue_dir = p->queue;
        return p;
}

static void done(struct place *p) {
        store_free(p->ship.store);
        mem_free(p->tasks);
        mem_free(p->queue);
        mem_free(p->bucket);
        free(p);
}

static void put(const char *dir, const char *name, const char *text) {
        _cleanup_free_ char *path = str_printf("%s/%s", dir, name);

        assert_int_equal(fileio_mkdir_parents(path, 0700), 0);
        assert_int_equal(fileio_write_atomic(path, text, strlen(text), 0600), 0);
}

static bool is_there(const char *dir, const char *name) {
        _cleanup_free_ char *path = str_printf("%s/%s", dir, name);

        return access(path, F_OK) == 0;
}

static void a_log_goes_and_comes_back(void **state) {
        struct place *p = make(*state);
        struct errmsg em = {};
        uint64_t bytes = 0;
        struct buf b = {};

        put(p->tasks, TRY "/log", "first\nsecond\n");
        put(p->queue, TRY, KEY "\n");
        assert_int_equal(ship_one(&p->ship, TRY, &bytes, &em), SHIP_DONE);
        assert_int_equal(bytes, 13);
        assert_true(is_there(p->tasks, TRY "/shipped"));
        assert_false(is_there(p->queue, TRY));
        assert_int_equal(ship_read(p->ship.store, KEY, 0, 1 << 20, &b, &em), 0);
        assert_string_equal(b.data, "first\nsecond\n");
        buf_reset(&b);
        assert_int_equal(ship_read(p->ship.store, KEY, 6, 3, &b, &em), 0);
        assert_string_equal(b.data, "sec");
        buf_reset(&b);
        assert_int_equal(ship_read(p->ship.store, KEY, 13, 3, &b, &em), 0);
        assert_int_equal(b.len, 0);
        assert_int_equal(ship_read(p->ship.store, "no/such.log", 0, 3, &b, &em), -ENOENT);
        buf_done(&b);
        done(p);
}

static void what_cannot_be_uploaded_is_dropped(void **state) {
        static const struct {
                const char *key;
                bool has_log;
        } rows[] = {{KEY, false}, {"../escape", true}, {"", true}, {"a//b", true}};
        struct place *p = make(*state);

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct errmsg em = {};
                uint64_t bytes = 0;

                if (rows[i].has_log)
                        put(p->tasks, TRY "/log", "x");
                put(p->queue, TRY, rows[i].key);
                assert_int_equal(ship_one(&p->ship, TRY, &bytes, &em), SHIP_DROPPED);
                assert_true(em.text[0]);
                assert_false(is_there(p->queue, TRY));
        }
        done(p);
}

static void a_link_in_place_of_the_log_is_not_followed(void **state) {
        _cleanup_free_ char *secret = str_printf("%s/secret", (char *) *state);
        struct place *p = make(*state);
        _cleanup_free_ char *log = str_printf("%s/" TRY "/log", p->tasks);
        struct errmsg em = {};
        uint64_t bytes = 0;
        struct buf b = {};

        assert_int_equal(fileio_write_atomic(secret, "secret", 6, 0600), 0);
        assert_int_equal(fileio_mkdir_parents(log, 0700), 0);
        assert_int_equal(symlink(secret, log), 0);
        put(p->queue, TRY, KEY);
        assert_int_equal(ship_one(&p->ship, TRY, &bytes, &em), SHIP_DROPPED);
        assert_int_equal(ship_read(p->ship.store, KEY, 0, 10, &b, &em), -ENOENT);
        assert_int_equal(unlink(log), 0);
        assert_int_equal(mkfifo(log, 0600), 0); /* nor waited for */
        put(p->queue, TRY, KEY);
        assert_int_equal(ship_one(&p->ship, TRY, &bytes, &em), SHIP_DROPPED);
        buf_done(&b);
        done(p);
}

static void the_queue_has_tries_in_their_order(void **state) {
        struct place *p = make(*state);
        _cleanup_(str_free_listp) char **list = NULL;

        put(p->queue, TRY_2, KEY);
        put(p->queue, TRY, KEY);
        put(p->queue, ".being-written", KEY);
        assert_int_equal(ship_list(&p->ship, &list), 0);
        assert_int_equal(str_count(list), 2);
        assert_string_equal(list[0], TRY);
        assert_string_equal(list[1], TRY_2);
        done(p);
}

static void a_failing_store_keeps_the_entry(void **state) {
        struct place *p = make(*state);
        struct errmsg em = {};
        uint64_t bytes = 0;

        put(p->tasks, TRY "/log", "x");
        put(p->queue, TRY, KEY);
        fault_arm(FAULT_FSYNC, 1, EIO, 1);
        assert_true(ship_one(&p->ship, TRY, &bytes, &em) < 0);
        fault_reset();
        assert_true(is_there(p->queue, TRY));
        assert_false(is_there(p->tasks, TRY "/shipped"));
        assert_int_equal(ship_one(&p->ship, TRY, &bytes, &em), SHIP_DONE);
        done(p);
}

static void folders(void **state) {
        static const char *const bad[] = {NULL, "", "relative/dir", "ftp://x/y"};
        struct store *store = NULL;

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
                struct errmsg em = {};

                assert_int_equal(ship_open_store(bad[i], NULL, &store, &em), -EINVAL);
                assert_says(em, "remote_base_log_folder");
                assert_null(store);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                dir_test(a_log_goes_and_comes_back),
                dir_test(what_cannot_be_uploaded_is_dropped),
                dir_test(a_link_in_place_of_the_log_is_not_followed),
                dir_test(the_queue_has_tries_in_their_order),
                dir_test(a_failing_store_keeps_the_entry),
                cmocka_unit_test(folders),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
