#include "tests/unit/base_test.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "daemons/scheduler/spool.h"
#include "lib/base/arena.h"
#include "lib/base/str.h"

#define ID "01890a5d-ac96-774b-bcce-b302099a8057"
#define OTHER "01890a5d-ac96-774b-bcce-b302099a8058"
#define SPEC "{\"dag_id\":\"d\",\"run_id\":\"r\",\"task_id\":\"t\",\"map_index\":2}"
#define END "{\"version\":1,\"try_id\":\"" ID "\",\"how\":\"exit\",\"exit_code\":0}"

static void put(const char *dir, const char *name, const char *text) {
        char path[256];

        snprintf(path, sizeof(path), "%s/" ID "/%s", dir, name);
        assert_int_equal(fileio_write_atomic(path, text, strlen(text), 0600), 0);
}

static int look(const char *dir, struct replay_fact *fact, struct spool_end *end) {
        struct arena a;
        int r;

        *fact = (struct replay_fact){};
        arena_init(&a, 0);
        r = spool_look(dir, ID, &a, fact, end);
        if (fact->dag_id) {
                assert_string_equal(fact->dag_id, "d");
                assert_string_equal(fact->run_id, "r");
                assert_string_equal(fact->task_id, "t");
                assert_int_equal(fact->map_index, 2);
                fact->dag_id = "d";
        }
        arena_done(&a);
        return r;
}

static void from_nothing_to_acknowledged(void **state) {
        struct replay_fact f;
        struct spool_end end;

        assert_int_equal(look(*state, &f, &end), 1);
        assert_int_equal(spool_prepare(*state, ID, SPEC, strlen(SPEC)), 0);
        assert_int_equal(spool_prepare(*state, ID, SPEC, strlen(SPEC)), 0); /* asked again */
        assert_int_equal(look(*state, &f, &end), 0);
        assert_non_null(f.dag_id);
        assert_false(f.is_started || f.is_locked || f.has_end || f.is_acked);
        put(*state, "started", "");
        put(*state, "end.json", END);
        assert_int_equal(look(*state, &f, &end), 0);
        assert_true(f.is_started && f.has_end);
        assert_int_equal(f.result, WORLD_RESULT_SUCCESS);
        assert_false(spool_is_acked(*state, ID));
        assert_int_equal(spool_acknowledge(*state, ID), 0);
        assert_int_equal(spool_acknowledge(*state, ID), 0);
        assert_true(spool_is_acked(*state, ID));
        assert_int_equal(spool_acknowledge(*state, OTHER), 0); /* no directory: nothing to say */
}

static void an_end_that_is_none(void **state) {
        static const char *const texts[] = {
                "", "{", "[]", "{\"version\":1,\"try_id\":\"" OTHER "\",\"how\":\"exit\"}"};
        struct replay_fact f;
        struct spool_end end;

        assert_int_equal(spool_prepare(*state, ID, "{torn", 5), 0);
        for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
                put(*state, "end.json", texts[i]);
                assert_int_equal(look(*state, &f, &end), 0);
                assert_false(f.has_end);
                assert_null(f.dag_id);
        }
}

static void a_cancelled_try_cannot_start(void **state) {
        assert_int_equal(spool_cancel(*state, ID), -ENOENT);
        assert_int_equal(spool_prepare(*state, ID, SPEC, strlen(SPEC)), 0);
        assert_int_equal(spool_cancel(*state, ID), 0);
        assert_int_equal(spool_cancel(*state, ID), -EEXIST);
}

/* The task's user owns the directory: links, pipes and directories in it are nothing. */
static void traps_of_the_owner(void **state) {
        static const char *const names[] = {"end.json", "lock", "log", "spec.json"};
        char path[256];
        struct replay_fact f;
        struct spool_end end;

        assert_int_equal(spool_prepare(*state, ID, SPEC, strlen(SPEC)), 0);
        for (int kind = 0; kind < 3; kind++) {
                for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                        snprintf(path, sizeof(path), "%s/" ID "/%s", (char *) *state, names[i]);
                        fileio_rm_rf(path);
                        unlink(path);
                        assert_int_equal(kind == 0   ? symlink("/etc/passwd", path)
                                         : kind == 1 ? mkfifo(path, 0600)
                                                     : mkdir(path, 0700),
                                         0);
                }
                assert_int_equal(look(*state, &f, &end), 0);
                assert_false(f.has_end || f.is_locked);
                assert_true(spool_open_log(*state, ID) < 0);
        }
        snprintf(path, sizeof(path), "%s/" OTHER, (char *) *state);
        assert_int_equal(symlink("/etc", path), 0);
        assert_true(spool_open_log(*state, OTHER) < 0);
}

static void the_holder_of_the_lock(void **state) {
        struct replay_fact f;
        struct spool_end end;
        int ready[2], pidfd;
        pid_t pid;
        char c;

        assert_int_equal(spool_prepare(*state, ID, SPEC, strlen(SPEC)), 0);
        assert_int_equal(pipe(ready), 0);
        pid = fork();
        if (pid == 0) {
                char path[256], text[16];
                int fd;

                snprintf(path, sizeof(path), "%s/" ID "/lock", (char *) *state);
                fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
                snprintf(text, sizeof(text), "%d\n", (int) getpid());
                if (fd < 0 || fileio_lock(fd) < 0 || write(fd, text, strlen(text)) < 0 ||
                    write(ready[1], "x", 1) < 0)
                        _exit(1);
                pause();
        }
        assert_int_equal(read(ready[0], &c, 1), 1);
        assert_int_equal(look(*state, &f, &end), 0);
        assert_true(f.is_locked);
        assert_int_equal(spool_pidfd(*state, ID, &pidfd), 1);
        close(pidfd);
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        assert_int_equal(look(*state, &f, &end), 0);
        assert_false(f.is_locked);
        assert_int_equal(spool_pidfd(*state, ID, &pidfd), 0);
        close(ready[0]);
        close(ready[1]);
}

static int count(void *ctx, const char *try_id) {
        assert_string_equal(try_id, ID);
        (*(int *) ctx)++;
        return 0;
}

static void walking_losing_removing(void **state) {
        char path[256];
        int n = 0;

        assert_int_equal(spool_prepare(*state, ID, SPEC, strlen(SPEC)), 0);
        snprintf(path, sizeof(path), "%s/something else", (char *) *state);
        assert_int_equal(mkdir(path, 0700), 0);
        assert_int_equal(spool_each(*state, count, &n), 0);
        assert_int_equal(n, 1);
        assert_int_equal(spool_lose(*state, ID), 0);
        n = 0;
        assert_int_equal(spool_each(*state, count, &n), 0);
        assert_int_equal(n, 0);
        snprintf(path, sizeof(path), "%s/lost+found/" ID "/spec.json", (char *) *state);
        assert_int_equal(access(path, F_OK), 0);
        assert_int_equal(spool_prepare(*state, ID, SPEC, strlen(SPEC)), 0);
        assert_int_equal(spool_remove(*state, ID), 0);
        assert_int_equal(spool_each("/nonexistent", count, &n), -ENOENT);
}

static void a_full_disk(void **state) {
        fault_arm(FAULT_WRITE, 1, ENOSPC, 1);
        assert_int_equal(spool_prepare(*state, ID, SPEC, strlen(SPEC)), -ENOSPC);
        fault_reset();
        assert_int_equal(spool_prepare(*state, ID, SPEC, strlen(SPEC)), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                dir_test(from_nothing_to_acknowledged),
                dir_test(an_end_that_is_none),
                dir_test(a_cancelled_try_cannot_start),
                dir_test(traps_of_the_owner),
                dir_test(the_holder_of_the_lock),
                dir_test(walking_losing_removing),
                dir_test(a_full_disk),
        };

        return cmocka_run_group_tests_name("spool", tests, NULL, NULL);
}
