/* onebox-logship: logs of ended tries into the bucket of [logging], and back (see logship.h).
 *
 * It has the network and the bucket's credentials that the scheduler has not; the scheduler tells
 * it what to upload by files and asks it for what is only there. Killed at any moment nothing is
 * lost: the queue is on the disk, an upload that was not finished is done again. */
#include "config.h"

#include <errno.h>
#include <pwd.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemons/logship/logship.h"
#include "lib/base/fileio.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/options.h"
#include "lib/base/str.h"
#include "lib/net/http_server.h"
#include "lib/net/loop.h"
#include "lib/net/loop_notify.h"
#include "lib/store/store.h"

static const struct conf_key keys[] = {
#define CONF_KEY(...) CONF_ROW(struct logship_conf, __VA_ARGS__)
#include "config/logging.def"
#undef CONF_KEY
};

static const struct options_daemon daemon_options = {
        .program = "onebox-logship",
        .summary = "upload the logs of ended tries to the bucket of [logging], and read them back",
        .conf = {keys, ARRAY_SIZE(keys)},
        .args = "[enabled]",
        .n_args_max = 1,
};

/* Of the scheduler and of root; where there is no such user (onebox up), our own uid. */
static int before(struct http_request *req) {
        const struct passwd *pw = getpwnam("onebox-scheduler");
        uid_t uid = req->peer->uid;

        if (req->peer->kind == HTTP_PEER_UNIX &&
            (uid == 0 || uid == geteuid() || (pw && uid == pw->pw_uid)))
                return 0;
        return http_request_reply_error(req, 403, "logs are asked for by the scheduler only")
                       ?: HTTP_LATER;
}

static int on_queue(struct loop_source *s, const struct inotify_event *e, void *ctx) {
        logship_kick(ctx);
        return 0;
}

static int listen_on(struct http_server *server, const struct paths *paths, struct errmsg *em) {
        const struct http_listen_options options = {.unix_mode = 0666};
        _cleanup_free_ char *address = str_printf("unix:%s/logship.sock", paths->runtime_dir);
        struct http_listen *listener;
        int r;

        if (!address)
                return errmsg_fail(em, -ENOMEM, "no memory");
        r = http_listen_open("fd:logship", &options, &listener, em);
        if (r == -ENOENT)
                r = http_listen_open(address, &options, &listener, em);
        if (r < 0)
                return r;
        r = http_server_listen(server, listener);
        return r < 0 ? errmsg_errno(em, r, "cannot listen on %s", address) : 0;
}

static int run(struct logship *l, const struct paths *paths, struct errmsg *em) {
        _cleanup_(loop_freep) struct loop *loop = NULL;
        _cleanup_(http_server_freep) struct http_server *server = NULL;
        pthread_t shipper;
        int r = loop_new(&loop);

        if (r >= 0)
                r = loop_signals_quit(loop);
        if (r >= 0)
                r = loop_inotify(loop, l->ship.queue_dir, IN_MOVED_TO | IN_ONLYDIR, on_queue, l,
                                 NULL);
        if (r < 0)
                return errmsg_errno(em, r, "cannot watch %s", l->ship.queue_dir);
        r = http_server_new(
                &(struct http_server_options){
                        .loop = loop, .ctx = l, .before = before, .n_workers = 2},
                logship_api_routes, logship_api_n_routes, &server, em);
        if (r >= 0)
                r = listen_on(server, paths, em);
        if (r < 0)
                return r;
        r = -pthread_create(&shipper, NULL, logship_run, l);
        if (r < 0)
                return errmsg_errno(em, r, "cannot start a thread");
        loop_notify_watchdog(loop);
        loop_notify_ready();
        r = loop_run(loop);
        loop_notify_stopping();
        pthread_mutex_lock(&l->lock);
        l->stopping = true;
        pthread_cond_signal(&l->wake);
        pthread_mutex_unlock(&l->lock);
        pthread_join(shipper, NULL);
        return r < 0 ? errmsg_errno(em, r, "the event loop broke") : 0;
}

/* A folder that is wrong ends the start; the scheduler, who has the connection, may come later. */
static int open_now(struct logship *l, struct errmsg *em) {
        struct ship_store_one *store;
        int r;

        if (ship_store_has_connection(&l->stores))
                return 0;
        r = ship_store_get(&l->stores, &store, em);
        if (r < 0)
                return r;
        ship_store_put(&l->stores, store);
        return 0;
}

static int serve(const struct logship_conf *conf, const struct paths *paths, struct errmsg *em) {
        _cleanup_free_ char *tasks = paths_state(paths, "tasks");
        _cleanup_free_ char *queue = paths_state(paths, "logship/queue");
        _cleanup_free_ char *scheduler = NULL;
        struct logship l = {.conf = conf, .ship = {.tasks_dir = tasks, .queue_dir = queue}};
        pthread_condattr_t monotonic;
        int r = tasks && queue ? fileio_mkdir_p(queue, 02770) : -ENOMEM;

        if (r < 0)
                return errmsg_errno(em, r, "%s cannot be made (uid %u needs to write there)", queue,
                                    (unsigned) geteuid());
        scheduler = str_printf("unix:%s/scheduler.sock", paths->runtime_dir);
        if (!scheduler)
                return errmsg_fail(em, -ENOMEM, "no memory");
        l.stores = (struct ship_store){.folder = conf->remote_base_log_folder,
                                       .conn_id = conf->remote_log_conn_id,
                                       .scheduler = scheduler};
        ship_store_init(&l.stores);
        r = open_now(&l, em);
        if (r < 0)
                return r;
        pthread_mutex_init(&l.lock, NULL);
        pthread_condattr_init(&monotonic);
        pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
        pthread_cond_init(&l.wake, &monotonic);
        pthread_condattr_destroy(&monotonic);
        log_info("logs go to %s", conf->remote_base_log_folder);
        r = run(&l, paths, em);
        pthread_cond_destroy(&l.wake);
        pthread_mutex_destroy(&l.lock);
        ship_store_done(&l.stores);
        return r;
}

static int act(const struct logship_conf *conf, const struct paths *paths, const char *what,
               struct errmsg *em) {
        if (str_eq(what, "enabled"))
                return conf->remote_logging ? 0 : 1;
        if (what)
                return errmsg_fail(em, -EINVAL, "\"%s\" is not enabled", what);
        if (!conf->remote_logging)
                return errmsg_fail(em, -EINVAL,
                                   "it is switched off: set remote_logging = yes and "
                                   "remote_base_log_folder in section [logging]");
        return serve(conf, paths, em);
}

int main(int argc, char **argv) {
        _cleanup_(paths_done) struct paths paths = {};
        struct logship_conf conf = {};
        struct errmsg em = {};
        int r, n_args = 0;

        log_init("onebox-logship");
        umask(0007);
        r = options_daemon_start(&daemon_options, argc, argv, &conf, &paths, &n_args, &em);
        if (r == OPTIONS_HELP || r == OPTIONS_VERSION)
                return 0;
        if (r == 0)
                r = act(&conf, &paths, n_args > 0 ? argv[1] : NULL, &em);
        conf_done(&daemon_options.conf, &conf);
        if (r < 0)
                log_error("%s", em.text);
        return r < 0 ? options_exit_status(r) : r;
}
