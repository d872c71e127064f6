/* onebox-task: the supervisor of one try of one task (as conmon is to containers).
 *
 * Owns the try's directory in the spool: see task_spool.h for the protocol. Starts the command,
 * keeps its log, ends it in time, writes its end and reports until the scheduler has recorded it;
 * the end is on the disk, there or here, before this ends. One thread, one poll loop, no memory
 * that grows with the task. It outlives every daemon; when it is killed itself, the command dies
 * with it (PDEATHSIG) and the try counts as interrupted. Exit status: 0 the end is in the spool, 1
 * nothing was started, 2 wrong usage. */
#include "config.h"

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemons/task/task_end.h"
#include "daemons/task/task_expect.h"
#include "daemons/task/task_log.h"
#include "daemons/task/task_report.h"
#include "daemons/task/task_run.h"
#include "daemons/task/task_secrets.h"
#include "daemons/task/task_server.h"
#include "daemons/task/task_spec.h"
#include "daemons/task/task_spool.h"
#include "daemons/task/task_tree.h"
#include "daemons/task/task_usage.h"
#include "daemons/task/task_xcom.h"
#include "lib/base/entropy.h"
#include "lib/base/fileio.h"
#include "lib/base/mem.h"
#include "lib/base/paths.h"
#include "lib/base/str.h"

static const char usage[] = "Usage: onebox-task [OPTION]... TRY_ID\n"
                            "Supervise one try of one task; the launcher starts it.\n\n"
                            "      --state-dir DIR    the spool is DIR/tasks/TRY_ID\n"
                            "      --runtime-dir DIR  scheduler.sock is there\n"
                            "      --serve            start a shim for each try id that comes over "
                            "descriptor 3 (the launcher's)\n"
                            "      --expect DEV:INO:PATH  what must be mounted at PATH\n"
                            "      --sweep            kill what a try left behind whose "
                            "onebox-task was killed, and end\n"
                            "      --help             show this and end\n"
                            "      --version          show the version and end\n";

enum { EXPECT_MAX = 32 };

struct task_options {
        const char *state_dir, *runtime_dir, *try_id;
        const char *expect[EXPECT_MAX];
        size_t n_expect;
        bool sweep, serve;
};

/* The journal has stderr; lib/base/log.h would bring a library the shim does not need. */
static int say(int r, const char *try_id, const char *text) {
        fprintf(stderr, "onebox-task: try %s: %s\n", try_id, text);
        return r;
}

/* What a shim has open for its life; the log is too large for the stack. */
static struct task_log task_log;

static int write_once(struct task_spool *spool, const struct task_end *end, bool durably) {
        _cleanup_buf_ struct buf text = {};
        int r = task_end_print(end, &text);

        if (r >= 0)
                r = task_spool_end(spool, text.data, text.len);
        return r >= 0 && durably ? task_spool_sync(spool) : r;
}

/* The end reaches the spool, however long the disk takes to have room for it. */
static void write_end(struct task_spool *spool, const struct task_end *end, bool durably) {
        int pause = 100;

        while (write_once(spool, end, durably) < 0) {
                say(-EIO, end->try_id, "the end cannot be written yet, trying on");
                poll(NULL, 0, pause);
                pause = MIN(pause * 2, 5000);
        }
}

/* The scheduler records it durably before it answers, many ends in one write: only when it does not
 * answer soon does the end go to the disk from here. Who was told to stop waits for nobody then:
 * the machine may be on its way down, and the end will be found. */
static void hand_over(struct task_spool *spool, const struct task_end *end, const char *socket_path,
                      int signal_fd) {
        write_end(spool, end, false);
        if (task_report_now(spool, socket_path, end->try_id))
                return;
        if (task_spool_sync(spool) < 0)
                write_end(spool, end, true);
        if (end->how != TASK_END_STOPPED)
                task_report(spool, socket_path, end->try_id, signal_fd);
}

/* Reads the spec; one that cannot be used is the try's end, not the shim's. */
static bool read_spec(struct arena *a, struct task_spool *spool, const char *try_id,
                      struct task_spec *spec, const char **ret_program, struct errmsg *em) {
        _cleanup_free_ char *text = NULL;
        size_t len;
        char *copy;
        int r;

        r = fileio_read_at(spool->dir_fd, "spec.json", TASK_SPEC_SIZE_MAX, &text, &len);
        if (r < 0)
                return errmsg_errno(em, r, "cannot read spec.json"), false;
        copy = arena_memdup(a, text, len);
        if (!copy)
                return errmsg_set(em, "no memory"), false;
        r = task_spec_parse(a, copy, len, environ, spec, em);
        if (r < 0)
                errmsg_prefix(em, "spec.json");
        if (r >= 0 && !str_eq(spec->try_id, try_id))
                r = errmsg_fail(em, -EINVAL, "spec.json is of try %s", spec->try_id);
        if (r >= 0)
                r = task_spec_program(a, spec, ret_program, em);
        return r >= 0;
}

/* What the try was given besides its spec: secrets, and directories that must be the right ones. */
static bool read_gifts(struct arena *a, struct task_spool *spool, const struct task_options *o,
                       struct task_spec *spec, struct task_secrets *secrets, const char *own_dir,
                       struct errmsg *em) {
        const char *token, *dir = getenv("CREDENTIALS_DIRECTORY");
        char *const *env = NULL;
        int r = task_secrets_init(secrets, spool->dir_fd);

        if (r < 0)
                return errmsg_errno(em, r, "cannot make the socket for its secrets"), false;
        for (size_t i = 0; i < o->n_expect && r >= 0; i++)
                r = task_expect_check(o->expect[i], em);
        if (!dir && access(own_dir, F_OK) == 0)
                dir = own_dir;
        if (r >= 0)
                r = task_secrets_load(secrets, dir, a, &env, em);
        if (r >= 0)
                r = task_spec_env_over(a, spec, env);
        token = r >= 0 ? task_spec_env(spec, "MLFLOW_TRACKING_TOKEN") : NULL;
        if (token)
                task_secrets_add(secrets, token, strlen(token));
        return r >= 0;
}

/* What was left counts for a good end alone; if it cannot be kept, the end is not good. */
static void keep_values(const struct task_spec *spec, struct task_spool *spool,
                        struct task_end *end) {
        bool good = end->how == TASK_END_EXIT && WIFEXITED(end->wait_status) &&
                    WEXITSTATUS(end->wait_status) == 0;

        struct errmsg em;

        if (task_xcom_end(spool->dir_fd, good && spec->xcom ? &task_log.last : NULL, &em) < 0 &&
            good) {
                end->how = TASK_END_ERROR;
                end->message = em;
        }
}

/* Where a launcher without systemd puts the secrets of a try; they go with it. */
static char *secrets_dir(const struct paths *paths, const char *try_id) {
        return paths_runtime(paths, "launcher-secrets/%s", try_id);
}

static int supervise(const struct paths *paths, const struct task_options *o,
                     struct task_spool *spool, int signal_fd) {
        _cleanup_(task_secrets_done) struct task_secrets secrets = TASK_SECRETS_NONE;
        _cleanup_free_ char *own_dir = secrets_dir(paths, o->try_id);
        const char *try_id = o->try_id;
        struct task_end end = {.try_id = try_id, .how = TASK_END_ERROR};
        struct task_spec spec = {.log_limit = TASK_SPEC_LOG_LIMIT};
        const struct clock *clock = clock_system();
        _cleanup_free_ char *socket_path = paths_runtime(paths, "scheduler.sock");
        const char *program = NULL;
        _cleanup_(arena_done) struct arena arena = {};
        struct errmsg em;
        int r;

        if (!socket_path || !own_dir)
                return say(-ENOMEM, try_id, "no memory");
        arena_init(&arena, 0);
        bool usable = read_spec(&arena, spool, try_id, &spec, &program, &end.message) &&
                      read_gifts(&arena, spool, o, &spec, &secrets, own_dir, &end.message);
        r = task_spool_start(spool, &em);
        if (r < 0)
                return say(r, try_id, em.text);
        task_log_init(&task_log, spool->dir_fd, spec.log_limit);
        task_log.mask = &secrets.mask;
        if (usable) {
                task_log.last.wanted = spec.xcom;
                task_xcom_begin(spool->dir_fd);
                task_run(&spec, program, spool, &task_log, &secrets, clock, signal_fd, &end);
                task_usage_get(try_id, &end.usage);
        } else {
                end.started_at = end.ended_at = clock_now(clock);
                task_log_say(&task_log, end.ended_at, "%s", end.message.text);
        }
        if (secrets.error)
                task_log_say(&task_log, clock_now(clock),
                             "its secrets were too many to be masked: this log may show some");
        task_log_end(&task_log, clock_now(clock));
        fileio_rm_rf(own_dir);
        if (usable)
                keep_values(&spec, spool, &end);
        end.log_bytes = task_log.size;
        end.log_lost_bytes = task_log.n_lost_total + task_log.n_cut;
        task_log_done(&task_log);
        hand_over(spool, &end, socket_path, signal_fd);
        return 0;
}

static int run(const struct paths *paths, const struct task_options *o) {
        const char *try_id = o->try_id;
        _cleanup_(task_spool_done) struct task_spool spool = TASK_SPOOL_NONE;
        _cleanup_free_ char *dir = paths_state(paths, "tasks/%s", try_id);
        struct errmsg em;
        int r, signal_fd;

        if (!dir)
                return say(-ENOMEM, try_id, "no memory");
        signal_fd = task_run_signals();
        if (signal_fd < 0)
                return say(signal_fd, try_id, "cannot take signals");
        r = task_spool_init(&spool, dir, &em);
        if (r < 0)
                return say(r, try_id, em.text);
        task_spool_beat(&spool, 0);
        return supervise(paths, o, &spool, signal_fd);
}

static int sweep(const char *try_id) {
        int r = task_tree_sweep(try_id);

        if (r < 0)
                return say(r, try_id, "what it left behind cannot be ended");
        if (r > 0)
                say(r, try_id, "what it left behind was killed");
        return 0;
}

/* 0; 1: all is said, end well; -EINVAL with *em. By hand: lib/base/options.h would bring the
 * configuration and the journal, and this program is started for every task. */
static int parse(int argc, char **argv, struct task_options *o, struct errmsg *em) {
        static const struct option rows[] = {{"state-dir", required_argument, NULL, 's'},
                                             {"runtime-dir", required_argument, NULL, 'r'},
                                             {"expect", required_argument, NULL, 'e'},
                                             {"sweep", no_argument, NULL, 'w'},
                                             {"serve", no_argument, NULL, 'f'},
                                             {"help", no_argument, NULL, 'h'},
                                             {"version", no_argument, NULL, 'v'},
                                             {}};
        int c;

        while ((c = getopt_long(argc, argv, "", rows, NULL)) != -1) {
                if (c == 's')
                        o->state_dir = optarg;
                else if (c == 'r')
                        o->runtime_dir = optarg;
                else if (c == 'e' && o->n_expect < EXPECT_MAX)
                        o->expect[o->n_expect++] = optarg;
                else if (c == 'w')
                        o->sweep = true;
                else if (c == 'f')
                        o->serve = true;
                else if (c == 'h' || c == 'v')
                        return fputs(c == 'h' ? usage : PACKAGE_STRING "\n", stdout), 1;
                else
                        return errmsg_fail(em, -EINVAL, "see onebox-task --help");
        }
        o->try_id = argv[optind];
        if (argc - optind != 1)
                return errmsg_fail(em, -EINVAL, "one try id is needed: see onebox-task --help");
        if (!entropy_is_uuid(o->try_id))
                return errmsg_fail(em, -EINVAL, "\"%s\" is not a try id (a UUID)", o->try_id);
        return 0;
}

/* Returns in each shim as well as at the server's end. The place of "--serve" and of the try id
 * behind it on the command line is where a shim writes its own try. */
static int serve(const struct paths *paths, char *room, const char *last) {
        static struct task_server server;
        char try_id[ENTROPY_UUID_SIZE];
        int r;

        server.room = room;
        server.room_size = (size_t) (last + strlen(last) + 1 - room);
        r = task_server_run(&server, try_id);
        return r == TASK_SERVER_SHIM ? run(paths, &(struct task_options){.try_id = try_id}) : r;
}

/* Where `--serve TRY_ID` ends the command line, or NULL. */
static char *serve_room(int argc, char **argv) {
        return argc >= 3 && str_eq(argv[argc - 2], "--serve") ? argv[argc - 2] : NULL;
}

int main(int argc, char **argv) {
        _cleanup_(paths_done) struct paths paths = {};
        char *room = serve_room(argc, argv), *last = argv[argc - 1];
        struct task_options o = {};
        struct errmsg em;
        int r;

        umask(0022);
        r = parse(argc, argv, &o, &em);
        if (r > 0)
                return 0;
        if (r == 0)
                r = paths_init(&paths, o.state_dir, o.runtime_dir, NULL, &em);
        if (r < 0) {
                fprintf(stderr, "onebox-task: %s\n", em.text);
                return 2;
        }
        if (o.serve)
                r = room ? serve(&paths, room, last) : say(-EINVAL, o.try_id, "--serve goes last");
        else
                r = o.sweep ? sweep(o.try_id) : run(&paths, &o);
        return r < 0 ? 1 : 0;
}
