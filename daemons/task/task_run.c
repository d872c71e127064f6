#include "daemons/task/task_run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemons/task/task_secrets.h"
#include "daemons/task/task_tree.h"
#include "lib/base/fileio.h"
#include "lib/base/process.h"
#include "lib/base/procfs.h"
#include "lib/base/timestamp.h"

enum { KILL_EVERY_MS = 100, KILL_TIMES = 100 };

#define DRAIN_FOR (2 * USEC_PER_SEC)
#define BEAT_FOR (10 * USEC_PER_SEC)

enum phase { RUNNING, TERMED, KILLED, DRAINING };

struct run {
        const struct task_spec *spec;
        struct task_spool *spool;
        struct task_log *log;
        struct task_secrets *secrets;
        const struct clock *clock;
        struct task_end *end;
        int signal_fd;
        int pipes[TASK_LOG_STREAMS]; /* -1: at its end */
        pid_t child;                 /* 0: has ended */
        bool has_children;           /* the command, or what it left behind */
        enum phase phase;
        usec_t phase_ends; /* monotonic */
        usec_t beat_next;
        unsigned n_kills;
};

int task_run_signals(void) {
        sigset_t set;
        int fd;

        sigemptyset(&set);
        sigaddset(&set, SIGTERM);
        sigaddset(&set, SIGINT);
        sigaddset(&set, SIGHUP);
        sigaddset(&set, SIGCHLD);
        signal(SIGPIPE, SIG_IGN);
        if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
                return -errno;
        fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
        return fd < 0 ? -errno : fd;
}

static void run_phase(struct run *r, enum phase phase, usec_t for_usec) {
        r->phase = phase;
        r->phase_ends = for_usec == USEC_INFINITY ? USEC_INFINITY : clock_mono(r->clock) + for_usec;
}

static void run_kill(struct run *r) {
        task_tree_signal(SIGKILL);
        r->n_kills++;
        run_phase(r, KILLED, KILL_EVERY_MS * USEC_PER_MSEC);
}

/* The command is told to end, for `how`. */
static void run_term(struct run *r, enum task_end_how how) {
        char span[TIMESTAMP_SIZE];

        r->end->how = how;
        if (how == TASK_END_TIMEOUT)
                task_log_say(r->log, clock_now(r->clock),
                             "the time limit of %s is over: SIGTERM to all its processes",
                             timestamp_span_print(r->spec->timeout_for, span));
        else
                task_log_say(r->log, clock_now(r->clock),
                             "told to stop: SIGTERM to all its processes");
        task_tree_signal(SIGTERM);
        run_phase(r, TERMED, r->spec->grace_for);
}

static void run_phase_over(struct run *r) {
        char span[TIMESTAMP_SIZE];

        switch (r->phase) {
        case RUNNING:
                run_term(r, TASK_END_TIMEOUT);
                return;
        case TERMED:
                task_log_say(r->log, clock_now(r->clock), "still there %s after SIGTERM: SIGKILL",
                             timestamp_span_print(r->spec->grace_for, span));
                run_kill(r);
                return;
        case DRAINING:
                if (r->has_children)
                        task_log_say(r->log, clock_now(r->clock),
                                     "the command has ended; what it left behind is killed");
                run_kill(r);
                return;
        case KILLED:
                run_kill(r);
                return;
        }
}

static void run_reap(struct run *r) {
        for (;;) {
                int status;
                pid_t pid = waitpid(-1, &status, WNOHANG);

                if (pid < 0 && errno == EINTR)
                        continue;
                r->has_children = pid >= 0;
                if (pid <= 0)
                        return;
                if (pid != r->child)
                        continue;
                r->child = 0;
                r->end->has_status = true;
                r->end->wait_status = status;
                if (r->phase == RUNNING) {
                        r->end->how = WIFEXITED(status) ? TASK_END_EXIT : TASK_END_SIGNAL;
                        run_phase(r, DRAINING, DRAIN_FOR);
                }
        }
}

static void run_signal(struct run *r) {
        struct signalfd_siginfo si;

        while (read(r->signal_fd, &si, sizeof(si)) == sizeof(si)) {
                if (si.ssi_signo == SIGCHLD)
                        run_reap(r);
                else if (si.ssi_signo != SIGHUP && r->phase == RUNNING)
                        run_term(r, TASK_END_STOPPED);
        }
}

static void run_read(struct run *r, size_t stream) {
        size_t room;
        char *to = task_log_room(r->log, stream, &room);
        ssize_t n = read(r->pipes[stream], to, room);

        /* after the read: the scheduler told of a secret before the task had it */
        task_secrets_drain(r->secrets);
        if (n > 0)
                task_log_feed(r->log, stream, (size_t) n, clock_now(r->clock));
        else if (n == 0 || (errno != EAGAIN && errno != EINTR))
                r->pipes[stream] = fileio_close(r->pipes[stream]);
}

static bool run_is_over(const struct run *r) {
        if (r->n_kills > KILL_TIMES)
                return true;
        if (r->child > 0 || r->has_children)
                return false;
        /* nothing of ours can write any more; a pipe passed to a stranger is not waited for */
        return r->n_kills > 1 || (r->pipes[0] < 0 && r->pipes[1] < 0);
}

static void run_timers(struct run *r) {
        usec_t now = clock_mono(r->clock);

        if (now >= r->phase_ends)
                run_phase_over(r);
        if (now >= r->beat_next) {
                task_spool_beat(r->spool, r->child);
                task_log_sync(r->log);
                r->beat_next = now + BEAT_FOR;
        }
        task_log_flush(r->log, clock_now(r->clock), false);
}

static int run_wait_ms(const struct run *r) {
        usec_t mono = clock_mono(r->clock), wall = clock_now(r->clock);
        usec_t next = MIN(r->phase_ends, r->beat_next), held = task_log_next(r->log);
        usec_t wait = next > mono ? next - mono : 0;

        if (held != USEC_INFINITY) {
                usec_t hold_for = held > wall ? held - wall : 0;

                if (hold_for > TASK_LOG_HOLD_FOR) /* the wall clock has jumped back */
                        hold_for = TASK_LOG_HOLD_FOR;
                wait = MIN(wait, hold_for);
        }
        wait = (wait + 999) / 1000;
        return (int) MIN(wait, (usec_t) 60000);
}

static void run_loop(struct run *r) {
        while (!run_is_over(r)) {
                struct pollfd p[4] = {{r->signal_fd, POLLIN, 0},
                                      {r->pipes[0], POLLIN, 0},
                                      {r->pipes[1], POLLIN, 0},
                                      {r->secrets->fd, POLLIN, 0}};

                if (poll(p, ARRAY_SIZE(p), run_wait_ms(r)) > 0) {
                        /* output first: what was written before the end belongs before it */
                        for (size_t i = 0; i < TASK_LOG_STREAMS; i++)
                                if (p[i + 1].revents)
                                        run_read(r, i);
                        if (p[3].revents)
                                task_secrets_drain(r->secrets);
                        if (p[0].revents)
                                run_signal(r);
                }
                run_timers(r);
        }
        if (r->has_children)
                r->end->left_behind = (unsigned) MAX(task_tree_signal(0), 1);
}

/* When memory runs out, the task goes before any daemon. */
static void run_oom_adjust(pid_t pid) {
        /* a sandbox may forbid it; nothing depends on it */
        (void) procfs_write(pid, "oom_score_adj", "300");
}

static int run_pipes(int read_ends[], int write_ends[]) {
        for (size_t i = 0; i < TASK_LOG_STREAMS; i++) {
                int p[2];

                if (pipe2(p, O_CLOEXEC) < 0)
                        return -errno;
                read_ends[i] = p[0];
                write_ends[i] = p[1];
                if (fcntl(p[0], F_SETFL, O_NONBLOCK) < 0)
                        return -errno;
        }
        return 0;
}

static int run_spawn(struct run *r, const char *program, struct errmsg *em) {
        int ends[TASK_LOG_STREAMS] = {-1, -1}, q, pidfd = -1;

        q = run_pipes(r->pipes, ends);
        if (q < 0)
                errmsg_errno(em, q, "cannot make a pipe");
        if (q >= 0)
                q = process_spawn(&(struct process_spec){.path = program,
                                                         .argv = r->spec->argv,
                                                         .envp = r->spec->envp,
                                                         .cwd = r->spec->cwd,
                                                         .fd_in = -1,
                                                         .fd_out = ends[0],
                                                         .fd_err = ends[1],
                                                         .death_signal = SIGKILL,
                                                         .new_session = true},
                                  &r->child, &pidfd, em);
        fileio_close(pidfd);
        for (size_t i = 0; i < TASK_LOG_STREAMS; i++)
                fileio_close(ends[i]);
        return q;
}

void task_run(const struct task_spec *spec, const char *program, struct task_spool *spool,
              struct task_log *log, struct task_secrets *secrets, const struct clock *clock,
              int signal_fd, struct task_end *end) {
        struct run r = {.spec = spec,
                        .spool = spool,
                        .log = log,
                        .secrets = secrets,
                        .clock = clock,
                        .end = end,
                        .signal_fd = signal_fd,
                        .pipes = {-1, -1},
                        .has_children = true};
        usec_t began = clock_mono(clock);

        end->started_at = clock_now(clock);
        task_tree_adopt();
        if (run_spawn(&r, program, &end->message) < 0) {
                end->how = TASK_END_ERROR;
                task_log_say(log, clock_now(clock), "%s", end->message.text);
        } else {
                run_oom_adjust(r.child);
                r.beat_next = began;
                run_phase(&r, RUNNING, spec->timeout_for ? spec->timeout_for : USEC_INFINITY);
                run_loop(&r);
        }
        for (size_t i = 0; i < TASK_LOG_STREAMS; i++)
                fileio_close(r.pipes[i]);
        end->ended_at = clock_now(clock);
        end->ran_for = clock_mono(clock) - began;
}
