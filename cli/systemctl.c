/* systemctl: see systemctl.h. */
#include "cli/systemctl.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/fileio.h"
#include "lib/base/mem.h"
#include "lib/base/process.h"
#include "lib/base/str.h"

#define OUTPUT_MAX ((size_t) 1024 * 1024)

static int wait_for(pid_t pid) {
        int status;

        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return -errno;
        return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EREMOTEIO;
}

/* Its output in *ret. */
static int capture(const char *const *argv, char **ret, struct errmsg *em) {
        _cleanup_close_ int in = -1, out = -1;
        _cleanup_free_ char *text = NULL;
        struct process_spec s = {.path = "/bin/systemctl", .argv = argv, .fd_in = -1, .fd_err = 2};
        int fds[2], r, ended;
        pid_t pid;

        if (pipe2(fds, O_CLOEXEC) < 0)
                return errmsg_errno(em, -errno, "pipe");
        in = fds[0];
        out = fds[1];
        s.fd_out = out;
        r = process_spawn(&s, &pid, NULL, em);
        if (r < 0)
                return r;
        out = fileio_close(out);
        r = fileio_read_fd(in, OUTPUT_MAX, &text, NULL);
        ended = wait_for(pid);
        if (r >= 0)
                r = ended;
        if (r < 0)
                return errmsg_fail(em, r, "systemctl %s failed", argv[1]);
        *ret = TAKE_PTR(text);
        return 0;
}

bool systemctl_is_there(void) {
        return access("/run/systemd/system", F_OK) == 0;
}

int systemctl_run(const char *verb, const char *unit, struct errmsg *em) {
        const char *argv[] = {"systemctl", verb, "--no-block", "--", unit, NULL};
        _cleanup_free_ char *text = NULL;

        return capture(argv, &text, em);
}

static int list(const char *which, const char *pattern, char ***ret_units, struct errmsg *em) {
        const char *argv[] = {"systemctl", "list-units", which, "--plain", "--no-legend",
                              "--full",    "--no-pager", "--",  pattern,   NULL};
        _cleanup_(str_free_listp) char **units = NULL;
        _cleanup_free_ char *text = NULL;
        const char *p, *word;
        size_t len;
        int r = capture(argv, &text, em);

        if (r < 0)
                return r;
        for (p = text; *p;) {
                _cleanup_free_ char *unit = NULL;

                if (str_word(&p, " \n", &word, &len)) {
                        unit = mem_strndup(word, len);
                        if (!unit || str_list_add(&units, unit) < 0)
                                return errmsg_fail(em, -ENOMEM, "out of memory");
                }
                p += strcspn(p, "\n");
                p += *p == '\n';
        }
        *ret_units = TAKE_PTR(units);
        return 0;
}

int systemctl_list(const char *pattern, char ***ret_units, struct errmsg *em) {
        return list("--all", pattern, ret_units, em);
}

int systemctl_failed(const char *pattern, char ***ret_units, struct errmsg *em) {
        return list("--state=failed", pattern, ret_units, em);
}

int systemctl_property(const char *unit, const char *name, char **ret_value, struct errmsg *em) {
        _cleanup_free_ char *property = str_printf("--property=%s", name), *text = NULL;
        const char *argv[] = {"systemctl", "show", "--timestamp=unix", property, "--value", "--",
                              unit,        NULL};
        char *value;
        int r;

        if (!property)
                return errmsg_fail(em, -ENOMEM, "out of memory");
        r = capture(argv, &text, em);
        if (r < 0)
                return r;
        value = mem_strdup(str_strip(text));
        if (!value)
                return errmsg_fail(em, -ENOMEM, "out of memory");
        *ret_value = value;
        return 0;
}

int systemctl_started_at(const char *unit, usec_t *ret_at, struct errmsg *em) {
        _cleanup_free_ char *s = NULL;
        uint64_t seconds = 0;
        int r = systemctl_property(unit, "ActiveEnterTimestamp", &s, em);

        if (r < 0)
                return r;
        if (*s == '@' && str_to_u64(s + 1, &seconds) < 0)
                return errmsg_fail(em, -EPROTO, "systemctl says \"%s\" of %s", s, unit);
        *ret_at = seconds * USEC_PER_SEC;
        return 0;
}

int systemctl_main_pid(const char *unit, pid_t *ret_pid, struct errmsg *em) {
        _cleanup_free_ char *text = NULL;
        uint64_t pid = 0;
        int r = systemctl_property(unit, "MainPID", &text, em);

        if (r < 0)
                return r;
        if (str_to_u64(text, &pid) < 0 || pid > INT32_MAX)
                return errmsg_fail(em, -EPROTO, "systemctl says \"%s\" of %s", text, unit);
        *ret_pid = (pid_t) pid;
        return 0;
}
