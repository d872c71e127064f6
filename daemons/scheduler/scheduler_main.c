/* onebox-scheduler: decides what runs when, has it started, records what became of it.
 *
 * Owns scheduler.db (alone), scheduler.sock, the spool and services/. One loop changes state;
 * worker threads only read the database. It can be killed at any moment: on start the world is read
 * from the database and compared with the spool. Told to stop (SIGTERM), it starts nothing more and
 * ends; tasks go on and are adopted on its return. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <malloc.h>
#include <poll.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemons/scheduler/callbacks.h"
#include "daemons/scheduler/connection_trials.h"
#include "daemons/scheduler/expire.h"
#include "daemons/scheduler/feed.h"
#include "daemons/scheduler/inhibit.h"
#include "daemons/scheduler/launch.h"
#include "daemons/scheduler/lease.h"
#include "daemons/scheduler/live.h"
#include "daemons/scheduler/night_watch.h"
#include "daemons/scheduler/notices.h"
#include "daemons/scheduler/remote_logs.h"
#include "daemons/scheduler/restore.h"
#include "daemons/scheduler/scheduler_api.h"
#include "daemons/scheduler/scheduler_db.h"
#include "daemons/scheduler/scheduler_uri.h"
#include "daemons/scheduler/secrets.h"
#include "daemons/scheduler/sources.h"
#include "daemons/scheduler/thrift.h"
#include "daemons/scheduler/tidy.h"
#include "lib/auth/auth_files.h"
#include "lib/auth/auth_http.h"
#include "lib/base/fileio.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/options.h"
#include "lib/base/str.h"
#include "lib/base/zone.h"
#include "lib/db/db_readers.h"
#include "lib/net/http_server.h"
#include "lib/net/loop.h"
#include "lib/net/loop_notify.h"

static const struct conf_key keys[] = {
#define CONF_KEY(...) CONF_ROW(struct scheduler_conf, __VA_ARGS__)
#include "config/scheduler.def"
#undef CONF_KEY
#define CONF_KEY(section, key, type, def, help) \
        {#section, #key, CONF_##type, offsetof(struct scheduler_conf, section.key), def, help},
#include "config/logging.def"
#include "config/night.def"
#undef CONF_KEY
};

static const struct options_daemon daemon_options = {
        .program = "onebox-scheduler",
        .summary = "decide what runs when, have it started, record what became of it",
        .conf = {keys, ARRAY_SIZE(keys)},
};

/* What lives beside struct scheduler for the whole life. */
#define THRIFT_AFTER (5 * USEC_PER_SEC)

enum { STANDBY_ALIVE_S = 5, LISTEN_TRIES_MAX = 200, LISTEN_PAUSE_MS = 100 };

struct parts {
        struct scheduler s;
        struct auth_files auth_files;
        struct tidy *tidy;
        char *db_uri;
        int lock_fd;
        bool stood_by;
};

static int before(struct http_request *req) {
        return auth_http_check(scheduler_api_of(req)->auth, req);
}

/* --- opening ------------------------------------------------------------------------------------
 */

static int read_boot_id(char ret[ENTROPY_UUID_SIZE], struct errmsg *em) {
        static const char path[] = "/proc/sys/kernel/random/boot_id";
        _cleanup_free_ char *text = NULL;
        int r = fileio_read(path, 256, &text, NULL);

        if (r >= 0)
                r = str_copy(ret, ENTROPY_UUID_SIZE, str_strip(text));
        return r < 0 ? errmsg_errno(em, r, "cannot read %s, which tells one boot from another",
                                    path)
                     : 0;
}

static void on_alarm(int signo) {
}

/* Until the one that works is gone, however it went: the kernel gives its lock back. An alarm wakes
 * us now and then, for the watchdog. */
static int stand_by(struct parts *p, const char *path, struct errmsg *em) {
        struct sigaction wake = {.sa_handler = on_alarm};
        int r;

        log_info("standing by: another onebox-scheduler works on %s", p->s.paths->state_dir);
        loop_notify_status("standing by");
        loop_notify_ready();
        (void) sigaction(SIGALRM, &wake, NULL);
        do {
                (void) loop_notify_alive();
                (void) alarm(STANDBY_ALIVE_S);
                r = fileio_lock_wait(p->lock_fd);
        } while (r == -EINTR);
        (void) alarm(0);
        if (r < 0)
                return errmsg_errno(em, r, "cannot lock %s", path);
        log_notice("taking over: the scheduler that worked on %s is gone", p->s.paths->state_dir);
        p->s.started_at = clock_now(p->s.clock);
        return 0;
}

/* One scheduler a state directory: two would both decide. */
static int lock_state(struct parts *p, struct errmsg *em) {
        _cleanup_free_ char *path = paths_state(p->s.paths, "scheduler/lock");
        int r;

        if (!path)
                return errmsg_fail(em, -ENOMEM, "no memory");
        r = fileio_mkdir_parents(path, 0750);
        if (r < 0)
                return errmsg_errno(em, r, "cannot make the directory of %s", path);
        p->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
        if (p->lock_fd < 0)
                return errmsg_errno(em, -errno, "cannot open %s", path);
        r = fileio_lock(p->lock_fd);
        if (r == -EAGAIN && p->s.conf->standby)
                return stand_by(p, path, em);
        if (r == -EAGAIN)
                return errmsg_fail(
                        em, -EBUSY,
                        "another onebox-scheduler runs on %s: stop it first, or let this "
                        "one stand by ([scheduler] standby = yes)",
                        p->s.paths->state_dir);
        return r < 0 ? errmsg_errno(em, r, "cannot lock %s", path) : 0;
}

static void on_waiting(void *ctx, bool first) {
        struct parts *p = ctx;

        p->stood_by = true;
        (void) loop_notify_alive();
        if (!first)
                return;
        log_info("standing by: another onebox-scheduler works on the database");
        loop_notify_status("standing by");
        loop_notify_ready();
}

/* A database of a server is whose lock it is: lease.h. */
static int open_shared_db(struct parts *p, struct errmsg *em) {
        struct scheduler *s = &p->s;
        _cleanup_free_ char *dir = paths_state(s->paths, "scheduler");
        int r = dir ? fileio_mkdir_p(dir, 0750) : -ENOMEM;

        if (r < 0)
                return errmsg_errno(em, r, "cannot make the scheduler's directory");
        r = db_open(p->db_uri, 0, em, &s->db);
        if (r >= 0)
                r = lease_wait(s->db, on_waiting, p, em);
        if (r < 0)
                return r;
        if (p->stood_by)
                log_notice("taking over: the scheduler that worked on the database is gone");
        p->s.started_at = clock_now(s->clock);
        r = scheduler_db_prepare(s->db, s->started_at, em);
        return r < 0 ? r : lease_take(s, &s->lease, em);
}

static int open_db(struct parts *p, struct errmsg *em) {
        struct scheduler *s = &p->s;
        int r;

        s->tasks_dir = paths_state(s->paths, "tasks");
        if (!s->tasks_dir)
                return errmsg_fail(em, -ENOMEM, "no memory");
        r = fileio_mkdir_p(s->tasks_dir, 0711);
        if (r < 0)
                return errmsg_errno(em, r, "cannot make %s", s->tasks_dir);
        r = scheduler_uri_make(s->conf, s->paths, &p->db_uri, em);
        if (r >= 0)
                r = s->conf->database
                            ? open_shared_db(p, em)
                            : scheduler_db_open(p->db_uri, clock_now(s->clock), em, &s->db);
        if (r < 0)
                return r;
        return db_readers_new(&(struct db_config){.uri = p->db_uri,
                                                  .flags = DB_READ_ONLY | DB_FEW_PAGES,
                                                  .sets = scheduler_db_sets,
                                                  .n_sets = scheduler_db_n_sets},
                              em, &s->readers);
}

/* The web forwards for its users; under one user (onebox up) it is our own uid. */
static size_t find_forwarders(uid_t *uids) {
        const struct passwd *pw = getpwnam("onebox-web");

        if (!pw)
                return 0;
        uids[0] = pw->pw_uid;
        return 1;
}

static int open_auth(struct parts *p, struct errmsg *em) {
        struct scheduler *s = &p->s;
        uid_t forwarders[1];
        size_t n = find_forwarders(forwarders);
        int r = auth_files_open(s->paths, NULL, s->clock, s->entropy, em, &p->auth_files);

        if (r < 0)
                return r;
        s->token_key = p->auth_files.key;
        r = auth_check_new(&(struct auth_check_options){.store = p->auth_files.store,
                                                        .key = s->token_key,
                                                        .clock = s->clock,
                                                        .entropy = s->entropy,
                                                        .forwarder_uids = forwarders,
                                                        .n_forwarder_uids = n},
                           &s->auth);
        return r < 0 ? errmsg_errno(em, r, "cannot set up authentication") : 0;
}

/* What is asked of the launcher. */
static int open_launch(struct scheduler *s) {
        int r = launch_new(s, &s->launch);

        return r < 0 ? r : inhibit_new(s, &s->inhibit);
}

static int open_parts(struct parts *p, struct errmsg *em) {
        struct scheduler *s = &p->s;
        int r;

        r = feed_new(s, &s->feed);
        if (r >= 0)
                r = engine_new(s, &s->engine);
        if (r >= 0)
                r = open_launch(s);
        if (r >= 0)
                r = live_new(s, &s->live);
        if (r >= 0)
                r = notices_new(s, &s->notices);
        if (r >= 0)
                r = callbacks_new(s, &s->callbacks);
        if (r >= 0)
                r = connection_trials_new(s, &s->connection_trials);
        if (r >= 0)
                r = secrets_new(s, &s->secrets, em);
        if (r >= 0)
                r = sources_new(s, &s->sources);
        if (r >= 0)
                r = tidy_new(s, &p->tidy);
        if (r >= 0)
                r = expire_new(s, &s->expire);
        if (r >= 0)
                r = thrift_new(s->loop, s->db, s->readers, THRIFT_AFTER, &s->thrift);
        if (r >= 0) {
                r = night_watch_new(s, &s->night, em);
                if (r == -EINVAL)
                        return r;
        }
        return r < 0 ? errmsg_errno(em, r, "cannot set up the scheduler") : 0;
}

/* The socket of a scheduler that has lost the database is free as soon as it has noticed. */
static int listen_at(struct scheduler *s, const char *address,
                     const struct http_listen_options *options, struct http_listen **ret,
                     struct errmsg *em) {
        for (int tries = 0;; tries++) {
                int r = http_listen_open(address, options, ret, em);

                if (r != -EADDRINUSE || !s->lease || tries >= LISTEN_TRIES_MAX)
                        return r;
                (void) loop_notify_alive();
                (void) poll(NULL, 0, LISTEN_PAUSE_MS);
        }
}

static void give_back(void *ctx) {
        http_server_trim(((struct scheduler *) ctx)->server);
}

static void rest(void *ctx) {
        thrift_rest(((struct scheduler *) ctx)->thrift);
}

static int open_server(struct parts *p, struct errmsg *em) {
        const struct http_listen_options options = {.unix_mode = 0666, .trust_peer = true};
        struct scheduler *s = &p->s;
        _cleanup_free_ char *address = NULL;
        struct http_listen *listener;
        int r;

        address = s->conf->listen ? mem_strdup(s->conf->listen)
                                  : str_printf("unix:%s/scheduler.sock", s->paths->runtime_dir);
        if (!address)
                return errmsg_fail(em, -ENOMEM, "no memory");
        r = http_server_new(&(struct http_server_options){.loop = s->loop,
                                                          .ctx = s,
                                                          .before = before,
                                                          .has_slow_before = true,
                                                          .rest = rest,
                                                          .n_workers = (unsigned) s->conf->workers},
                            scheduler_api_routes, scheduler_api_n_routes, &s->server, em);
        if (r < 0)
                return r;
        r = http_listen_open("fd:scheduler", &options, &listener, em);
        if (r == -ENOENT)
                r = listen_at(s, address, &options, &listener, em);
        if (r < 0)
                return r;
        log_info("listening on %s", http_listen_address(listener));
        thrift_set_also(s->thrift, give_back, s);
        r = http_server_listen(s->server, listener);
        return r < 0 ? errmsg_errno(em, r, "cannot listen on %s", address) : 0;
}

/* --- life ---------------------------------------------------------------------------------------
 */

static void free_zone(void *z) {
        zone_free(z);
}

static int on_stop(struct loop_source *source, int signo, void *ctx) {
        struct scheduler *s = ctx;

        log_info("told to stop: nothing new is started, tasks go on");
        engine_stop(s);
        loop_notify_stopping();
        loop_quit(s->loop, 0);
        return 0;
}

static int open_all(struct parts *p, struct errmsg *em) {
        struct scheduler *s = &p->s;
        int r;

        strmap_init(&s->zones, free_zone);
        r = read_boot_id(s->boot_id, em);
        if (r >= 0 && !s->conf->database)
                r = lock_state(p, em);
        if (r >= 0)
                r = open_db(p, em);
        if (r >= 0)
                r = open_auth(p, em);
        if (r < 0)
                return r;
        r = loop_new(&s->loop);
        if (r >= 0)
                r = loop_signal(s->loop, SIGTERM, on_stop, s, NULL);
        if (r >= 0)
                r = loop_signal(s->loop, SIGINT, on_stop, s, NULL);
        if (r < 0)
                return errmsg_errno(em, r, "cannot make the event loop");
        r = open_parts(p, em);
        if (r >= 0)
                r = restore_world(s, em);
        if (r < 0)
                return r;
        remote_logs_requeue(s);
        sources_read(s);
        engine_kick(s);
        r = s->lease ? lease_watch(s) : 0;
        return r < 0 ? errmsg_errno(em, r, "cannot set up the scheduler") : open_server(p, em);
}

static void close_all(struct parts *p) {
        struct scheduler *s = &p->s;

        tidy_free(p->tidy);
        s->expire = expire_free(s->expire);
        s->inhibit = inhibit_free(s->inhibit);
        night_watch_free(s->night);
        s->night = NULL;
        s->lease = lease_free(s->lease);
        engine_free(s->engine); /* answers those who still wait, while they are there */
        connection_trials_free(s->connection_trials);
        http_server_free(s->server);
        s->thrift = thrift_free(s->thrift); /* after the threads that rest */
        sources_free(s->sources);
        notices_free(s->notices);
        callbacks_free(s->callbacks);
        secrets_free(s->secrets);
        live_free(s->live);
        launch_free(s->launch);
        feed_free(s->feed);
        loop_free(s->loop);
        if (s->has_world)
                world_done(&s->world);
        strmap_done(&s->zones);
        auth_check_free(s->auth);
        auth_files_done(&p->auth_files);
        db_readers_free(s->readers);
        db_free(s->db);
        mem_free(s->tasks_dir);
        if (p->db_uri)
                mem_free_secret(p->db_uri, strlen(p->db_uri));
        fileio_close(p->lock_fd);
}

static int serve(const struct scheduler_conf *conf, const struct paths *paths, struct errmsg *em) {
        struct parts p = {.s = {.conf = conf,
                                .paths = paths,
                                .clock = clock_system(),
                                .entropy = entropy_system()},
                          .lock_fd = -1};
        int r;

        p.s.started_at = clock_now(p.s.clock);
        r = open_all(&p, em);
        if (r >= 0) {
                loop_notify_watchdog(p.s.loop);
                loop_notify_ready();
                r = loop_run_main(p.s.loop, em);
                if (r > 0)
                        r = errmsg_fail(em, -ESTALE, "the database is another scheduler's now");
        }
        close_all(&p);
        return r;
}

int main(int argc, char **argv) {
        _cleanup_(paths_done) struct paths paths = {};
        struct scheduler_conf conf = {};
        struct errmsg em;
        int r, n_args;

        log_init("onebox-scheduler");
        (void) mallopt(M_ARENA_MAX, 1); /* what few readers free, all use again */
        /* said, so that it stays: what is large goes back when it is freed, and of the last chunk
         * of a large DAG's arena only what is used is there */
        (void) mallopt(M_MMAP_THRESHOLD, 128 * 1024);
        umask(0022); /* a task's user reads its spec.json; directories keep others out */
        r = options_daemon_start(&daemon_options, argc, argv, &conf, &paths, &n_args, &em);
        if (r == 0)
                r = serve(&conf, &paths, &em);
        conf_done(&daemon_options.conf, &conf);
        if (r == OPTIONS_HELP || r == OPTIONS_VERSION)
                return 0;
        if (r < 0)
                log_error("%s", em.text);
        return options_exit_status(r);
}
