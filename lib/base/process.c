/* process: see process.h. The child of a vfork() runs in our memory until it executes, so that none
 * is copied for it and why an exec failed is simply there. It makes only async-signal-safe calls,
 * and writes nothing of ours but `sources` and the verdict; no signal is handled meanwhile. */
#include "lib/base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/fault.h"
#include "lib/base/fileio.h"
#include "lib/base/mem.h"

extern char **environ;

#define FIRST_KEPT 3

static void reset_signals(void) {
        struct sigaction sa = {.sa_handler = SIG_DFL};
        sigset_t none;

        for (int sig = 1; sig < NSIG; sig++)
                (void) sigaction(sig, &sa, NULL);
        sigemptyset(&none);
        (void) sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Every source is first moved above all targets, so that no dup2 overwrites a later source. */
static int arrange_fds(int *sources, size_t n) {
        int first_free = (int) n, null_fd = -1;

        for (size_t i = 0; i < n; i++) {
                if (sources[i] < 0 && null_fd < 0)
                        null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
                if (sources[i] < 0)
                        sources[i] = null_fd;
                sources[i] = fcntl(sources[i], F_DUPFD_CLOEXEC, first_free);
                if (sources[i] < 0)
                        return -errno;
        }
        for (size_t i = 0; i < n; i++)
                if (dup2(sources[i], (int) i) < 0)
                        return -errno;
        return 0;
}

/* At once, not at the exec, which may wait for the disk: a socket of a parent that is killed
 * meanwhile must not go on listening. By hand where the kernel or a sandbox has no close_range. */
static void close_rest(unsigned first) {
        struct rlimit limit = {.rlim_cur = 1024};

        if (syscall(SYS_close_range, first, ~0u, 0) == 0)
                return;
        (void) getrlimit(RLIMIT_NOFILE, &limit);
        for (unsigned fd = first; fd < MIN(limit.rlim_cur, (rlim_t) 65536); fd++)
                (void) close((int) fd);
}

/* In the child. Returns only on failure. */
static int become(const struct process_spec *s, pid_t parent, int *sources, size_t n) {
        int r = arrange_fds(sources, n);

        if (r < 0)
                return r;
        close_rest((unsigned) n);
        reset_signals();
        if (s->new_session && setsid() < 0)
                return -errno;
        if (s->new_group && !s->new_session && setpgid(0, 0) < 0)
                return -errno;
        if (s->death_signal) {
                if (prctl(PR_SET_PDEATHSIG, s->death_signal) < 0)
                        return -errno;
                if (getppid() != parent)
                        return -ECHILD;
        }
        if (s->cwd && chdir(s->cwd) < 0)
                return -errno;
        execve(s->path, (char *const *) s->argv, s->envp ? (char *const *) s->envp : environ);
        return -errno;
}

/* Its own function, so that nothing of it lives in a register across the vfork(). */
static _Noreturn void run_child(const struct process_spec *s, pid_t parent, int *sources, size_t n,
                                volatile int *verdict) {
        *verdict = become(s, parent, sources, n);
        _exit(127);
}

static pid_t start_child(const struct process_spec *s, int *sources, size_t n,
                         volatile int *verdict) {
        pid_t parent = getpid(), pid = vfork();

        if (pid == 0)
                run_child(s, parent, sources, n, verdict);
        return pid < 0 ? -errno : pid;
}

static int spawn(const struct process_spec *s, int *sources, size_t n, pid_t *ret_pid) {
        volatile int verdict = 0;
        sigset_t all, old;
        pid_t pid;

        sigfillset(&all);
        (void) pthread_sigmask(SIG_SETMASK, &all, &old);
        pid = start_child(s, sources, n, &verdict);
        (void) pthread_sigmask(SIG_SETMASK, &old, NULL);
        if (pid < 0)
                return pid;
        if (verdict < 0) {
                while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
                        ;
                return verdict;
        }
        *ret_pid = pid;
        return 0;
}

int process_spawn(const struct process_spec *s, pid_t *ret_pid, int *ret_pidfd, struct errmsg *em) {
        size_t n = FIRST_KEPT + s->n_keep_fds;
        _cleanup_free_ int *sources = mem_alloc_array(n, sizeof(int));
        pid_t pid;
        int r = fault_at(FAULT_SPAWN);

        if (!sources)
                return errmsg_fail(em, -ENOMEM, "%s: out of memory", s->path);
        sources[0] = s->fd_in;
        sources[1] = s->fd_out;
        sources[2] = s->fd_err;
        for (size_t i = 0; i < s->n_keep_fds; i++)
                sources[FIRST_KEPT + i] = s->keep_fds[i];
        if (r >= 0)
                r = spawn(s, sources, n, &pid);
        if (r < 0)
                return errmsg_errno(em, r, "cannot start %s", s->path);
        if (ret_pidfd) {
                *ret_pidfd = (int) syscall(SYS_pidfd_open, pid, 0);
                if (*ret_pidfd < 0) {
                        r = -errno;
                        (void) kill(pid, SIGKILL);
                        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
                                ;
                        return errmsg_errno(em, r, "cannot watch %s", s->path);
                }
        }
        *ret_pid = pid;
        return 0;
}
