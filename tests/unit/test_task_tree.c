#include "tests/unit/base_test.h"

#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "daemons/task/task_tree.h"

#define ID "01890a5d-ac96-774b-bcce-b302099a8057"
#define OTHER "01890a5d-ac96-774b-bcce-b302099a8058"

/* A shell that starts `cmd`; answers the pid it says. */
static pid_t start(const char *cmd, const char *mark, pid_t *ret_shell) {
        char line[32] = {};
        int fds[2];
        pid_t pid;
        ssize_t n;

        assert_int_equal(pipe(fds), 0);
        pid = fork();
        if (pid == 0) {
                char *envp[] = {(char *) "PATH=/usr/bin:/bin", (char *) mark, NULL};

                dup2(fds[1], STDOUT_FILENO);
                close(fds[0]);
                close(fds[1]);
                execle("/bin/sh", "sh", "-c", cmd, NULL, envp);
                _exit(127);
        }
        close(fds[1]);
        n = read(fds[0], line, sizeof(line) - 1);
        close(fds[0]);
        assert_true(n > 0);
        *ret_shell = pid;
        return (pid_t) strtol(line, NULL, 10);
}

static bool lives(pid_t pid) {
        char path[64], text[512] = {};
        FILE *f;

        snprintf(path, sizeof(path), "/proc/%d/stat", (int) pid);
        f = fopen(path, "re");
        if (!f)
                return false;
        if (!fgets(text, sizeof(text), f))
                text[0] = 0;
        fclose(f);
        return text[0] && !strstr(text, ") Z ");
}

static void reap_all(void) {
        while (waitpid(-1, NULL, 0) > 0)
                ;
}

/* What starts a session of its own and loses its parent is still found. */
static void the_whole_tree_is_reached(void **state) {
        pid_t shell, orphan;

        (void) state;
        assert_int_equal(task_tree_adopt(), 0);
        orphan = start("setsid sh -c 'echo $$; exec sleep 60' & exit 0", "X=1", &shell);
        waitpid(shell, NULL, 0);
        assert_true(lives(orphan));
        assert_true(task_tree_signal(SIGKILL) >= 1);
        reap_all();
        assert_false(lives(orphan));
        assert_int_equal(task_tree_signal(0), 0);
}

static void a_sweep_takes_only_its_own(void **state) {
        pid_t shell, mine, sh2, other;

        (void) state;
        mine = start("echo $$; exec sleep 60", "ONEBOX_TRY_ID=" ID, &shell);
        other = start("echo $$; exec sleep 60", "ONEBOX_TRY_ID=" OTHER, &sh2);
        assert_int_equal(task_tree_sweep(ID), 1);
        assert_false(lives(mine));
        assert_true(lives(other));
        assert_int_equal(task_tree_sweep(ID), 0);
        kill(other, SIGKILL);
        reap_all();
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_whole_tree_is_reached),
                cmocka_unit_test(a_sweep_takes_only_its_own),
        };

        return cmocka_run_group_tests_name("task_tree", tests, NULL, NULL);
}
