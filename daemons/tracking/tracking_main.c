/* onebox-tracking: experiments, runs, artifacts and the model registry, as MLflow's server has
 * them.
 *
 * Owns the MLflow database and the directory of artifacts. One loop for the sockets; one thread
 * that writes, whose commit is shared by all requests that wait for it (an answer goes out when it
 * is durable); a few workers that read, each with its own connection. It can be killed at any
 * moment: what was acknowledged is on the disk. */
#include <errno.h>
#include <malloc.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemons/tracking/artifact_flow.h"
#include "daemons/tracking/artifact_stores.h"
#include "daemons/tracking/basic_auth.h"
#include "daemons/tracking/gateway_keys.h"
#include "daemons/tracking/gateway_proxy_api.h"
#include "daemons/tracking/run_resume.h"
#include "daemons/tracking/signup_api.h"
#include "daemons/tracking/tracking.h"
#include "daemons/tracking/tracking_conf.h"
#include "daemons/tracking/tracking_db.h"
#include "daemons/tracking/tracking_flags.h"
#include "daemons/tracking/tracking_hooks.h"
#include "daemons/tracking/tracking_routes.h"
#include "daemons/tracking/tracking_schema.h"
#include "daemons/tracking/tracking_uri.h"
#include "daemons/tracking/webhook_sender.h"
#include "lib/auth/auth_check.h"
#include "lib/auth/auth_envelope.h"
#include "lib/auth/auth_files.h"
#include "lib/base/arena.h"
#include "lib/base/clock.h"
#include "lib/base/entropy.h"
#include "lib/base/log.h"
#include "lib/base/str.h"
#include "lib/db/db_readers.h"
#include "lib/db/db_writer.h"
#include "lib/net/listeners.h"
#include "lib/net/loop.h"
#include "lib/net/loop_notify.h"
#include "lib/store/store_parts.h"

#define DRAIN_FOR (5 * USEC_PER_SEC) /* how long a stop waits for answers under way */

struct daemon {
        struct tracking_conf conf;
        struct basic_auth basic_auth;
        struct paths paths;
        struct arena arena; /* for the daemon's life */
        struct loop_source *term, *interrupt;
        struct auth_files auth_files;
        struct tracking tracking;
        bool draining;
};

/* --- what it keeps -------------------------------------------------------------------------------
 */

static int open_db(struct daemon *d, struct errmsg *em) {
        struct tracking *t = &d->tracking;
        const char *uri = d->conf.backend_store_uri;
        struct db *schema _cleanup_(db_freep) = NULL;
        int r = tracking_schema_open(uri, t->artifact_root, tracking_now_ms(t), em, &schema);

        t->resume = run_resume_new();
        if (r == 0 && !t->resume)
                r = -ENOMEM;

        if (r == 0)
                r = tracking_db_open(uri, schema, em, &t->writer, &t->readers, &t->has_traces);
        return r;
}

/* Webhooks, and the keys of what is sealed: their secrets and the gateway's. */
/* Whom we call, and with which keys. */
static int open_outside(struct daemon *d, struct errmsg *em) {
        const char *key = arena_printf(&d->arena, "%s/tracking/webhook.key", d->paths.state_dir);
        int r = key ? gateway_keys_load(&d->tracking.envelope, em) : -ENOMEM;

        if (r >= 0)
                r = webhook_sender_new(&d->tracking, key, em, &d->tracking.webhooks);
        return r < 0 ? r : gateway_proxy_api_new(d->tracking.loop, em, &d->tracking.gateway_proxy);
}

static int open_artifacts(struct daemon *d, struct errmsg *em) {
        int r = artifact_stores_new(d->conf.default_artifact_root, &d->tracking.stores);

        if (r < 0 || !d->conf.serve_artifacts)
                return r;
        r = artifact_stores_open(d->conf.artifacts_destination, em, &d->tracking.store);
        if (r >= 0)
                d->tracking.proxy_multipart =
                        d->conf.proxy_multipart && store_parts_can_put(d->tracking.store);
        return r;
}

/* The uid of a user that may not exist, e.g. without the system's units. */
static size_t add_uid(uid_t *uids, size_t n, const char *name) {
        const struct passwd *pw = getpwnam(name);

        if (pw)
                uids[n++] = pw->pw_uid;
        return n;
}

static int open_auth(struct daemon *d, bool on, struct errmsg *em) {
        struct auth_check_options o = {.clock = clock_system(), .entropy = entropy_system()};
        uid_t services[2], forwarders[1];
        int r = 0;

        /* Without access control a task's token still says which task it is. */
        if (on)
                r = auth_files_open(&d->paths, "tracking", o.clock, o.entropy, em, &d->auth_files);
        else
                auth_files_open_existing(&d->paths, o.clock, o.entropy, &d->auth_files);
        if (r < 0)
                return r;
        d->tracking.audit = d->auth_files.audit;
        if (d->conf.app_name)
                r = basic_auth_make_admin(&d->basic_auth, d->auth_files.store, d->auth_files.audit,
                                          em);
        if (r < 0)
                return r;
        o.store = d->auth_files.store;
        o.key = d->auth_files.key;
        o.is_off = !on;
        o.service_uids = services;
        o.n_service_uids = add_uid(services, 0, "onebox-scheduler");
        o.forwarder_uids = forwarders;
        o.n_forwarder_uids = add_uid(forwarders, 0, "onebox-web");
        d->tracking.users = on ? d->auth_files.store : NULL;
        d->tracking.tracking_auth = on ? "basic-auth" : "";
        r = auth_check_new(&o, &d->tracking.auth);
        return r < 0 ? errmsg_errno(em, r, "cannot start") : 0;
}

/* --- listeners -----------------------------------------------------------------------------------
 */

/* As mlflow's flags say it, when [tracking] listen= does not. */
static int listen_on_host(struct daemon *d, struct listeners *l, struct errmsg *em) {
        const char *host = d->conf.host,
                   *address = arena_printf(&d->arena, "%s:%s", host, d->conf.port);

        l->options.allow_remote = host && !str_starts(host, "127.") && !str_eq(host, "localhost");
        return address ? listeners_open_addresses(l, address, em)
                       : errmsg_errno(em, -ENOMEM, "cannot listen");
}

static int listen_on_all(struct daemon *d, struct errmsg *em) {
        struct listeners l = {
                .server = d->tracking.http,
                .options = {.name = "tracking",
                            .unix_mode = 0666,
                            .trust_peer = true,
                            .allow_remote = true,
                            .allow_cidrs = d->conf.allow_cidrs},
        };
        int r = listeners_open_handed(&l, em);

        if (r != 0)
                return r;
        r = d->conf.listen ? listeners_open_addresses(&l, d->conf.listen, em)
                           : listen_on_host(d, &l, em);
        return r < 0 ? r : listeners_open_socket(&l, d->conf.socket, d->paths.runtime_dir, em);
}

/* Paths that are nobody's are not told to whom nothing is told, as with MLflow's basic-auth app. */
static const struct http_route unrouted = {.path = "", .min_role = AUTH_VIEWER};

static int start_server(struct daemon *d, struct errmsg *em) {
        struct tracking *t = &d->tracking;
        const struct http_server_options o = {
                .loop = t->loop,
                .ctx = t,
                .before = tracking_hooks_before,
                .has_slow_before = true,
                .like_flask = true,
                .unrouted = &unrouted,
                .error_format = server_info_api_error,
                .done = tracking_hooks_done,
                .allowed_hosts = d->conf.allowed_hosts,
                .n_workers = (unsigned) MIN(d->conf.workers, (uint64_t) 64),
        };
        struct http_route *routes;
        size_t n;
        int r;

        t->ai_gateway = d->conf.ai_gateway;
        t->static_prefix = d->conf.static_prefix ? d->conf.static_prefix : "";
        routes = tracking_routes_new(&d->arena, t->static_prefix, &n);
        if (!routes)
                return errmsg_errno(em, -ENOMEM, "cannot start");
        r = http_server_new(&o, routes, n, &t->http, em);
        return r < 0 ? r : listen_on_all(d, em);
}

/* --- life ----------------------------------------------------------------------------------------
 */

static void on_drained(void *ctx) {
        struct daemon *d = ctx;

        loop_quit(d->tracking.loop, 0);
}

/* A client that does not read or send to the end is not waited for. */
static int on_impatient(struct loop_source *s, usec_t now, void *ctx) {
        on_drained(ctx);
        return 0;
}

static int on_signal(struct loop_source *s, int signo, void *ctx) {
        struct daemon *d = ctx;

        if (d->draining) {
                loop_quit(d->tracking.loop, 0);
                return 0;
        }
        d->draining = true;
        loop_notify_stopping();
        if (loop_timer_in(d->tracking.loop, DRAIN_FOR, 0, on_impatient, d, NULL) < 0)
                loop_quit(d->tracking.loop, 0);
        return http_server_drain(d->tracking.http, on_drained, d);
}

static int start_loop(struct daemon *d, struct errmsg *em) {
        int r = signup_api_key(&d->tracking);

        if (r >= 0)
                r = loop_new(&d->tracking.loop);
        if (r >= 0)
                r = loop_signal(d->tracking.loop, SIGTERM, on_signal, d, &d->term);
        if (r >= 0)
                r = loop_signal(d->tracking.loop, SIGINT, on_signal, d, &d->interrupt);
        return r < 0 ? errmsg_errno(em, r, "cannot start") : 0;
}

static int start(struct daemon *d, struct errmsg *em) {
        bool managed = getenv("LISTEN_FDS") || getenv("NOTIFY_SOCKET"), auth_on;
        int r;

        d->tracking.clock = clock_system();
        d->tracking.entropy = entropy_system();
        r = tracking_conf_complete(&d->conf, &d->paths, &d->arena, em);
        if (r < 0)
                return r;
        d->tracking.artifact_root = d->conf.default_artifact_root;
        if (!str_eq_fold(d->conf.x_frame_options, "none"))
                d->tracking.frame_options = d->conf.x_frame_options;
        r = tracking_conf_access(&d->conf, managed, em, &auth_on);
        if (r >= 0 && d->conf.app_name)
                r = basic_auth_read(&d->basic_auth, em);
        if (!d->conf.default_permission)
                d->conf.default_permission = TAKE_PTR(d->basic_auth.default_permission);
        if (r >= 0)
                r = tracking_conf_default_level(&d->conf, em, &d->tracking.default_level);
        if (r >= 0)
                r = start_loop(d, em);
        if (r >= 0)
                r = open_auth(d, auth_on, em);
        if (r >= 0)
                r = open_artifacts(d, em);
        if (r >= 0)
                r = open_db(d, em);
        if (r >= 0)
                r = open_outside(d, em);
        if (r >= 0)
                r = start_server(d, em);
        if (r < 0)
                return r;
        loop_notify_ready();
        return loop_notify_watchdog(d->tracking.loop);
}

static void stop(struct daemon *d) {
        struct tracking *t = &d->tracking;

        /* The writer first: requests that wait for it are answered while the server still is. */
        db_writer_free(t->writer);
        run_resume_free(t->resume);
        webhook_sender_free(t->webhooks);
        gateway_proxy_api_free(t->gateway_proxy);
        http_server_free(t->http);
        db_readers_free(t->readers);
        /* A transfer that does not end is cut off by the end of the process. */
        if (artifact_flow_wait(DRAIN_FOR)) {
                store_free(t->store);
                artifact_stores_free(t->stores);
        }
        auth_envelope_free(t->envelope);
        auth_check_free(t->auth);
        auth_files_done(&d->auth_files);
        basic_auth_done(&d->basic_auth);
        loop_source_free(d->term);
        loop_source_free(d->interrupt);
        loop_free(t->loop);
        arena_done(&d->arena);
}

int main(int argc, char **argv) {
        struct daemon d = {};
        struct errmsg em = {};
        int r, n_args;

        /* What a large answer took goes back when it is out, and arenas of many threads hold memory
         * that none of them uses. */
        (void) mallopt(M_MMAP_THRESHOLD, 1 << 20);
        (void) mallopt(M_TRIM_THRESHOLD, 1 << 20);
        (void) mallopt(M_ARENA_MAX, 2);
        log_init("onebox-tracking");
        umask(0027);
        arena_init(&d.arena, 0);
        r = tracking_flags_read(argc, argv, &em);
        if (r >= 0)
                r = options_daemon_start(&tracking_conf_daemon, argc = r, argv, &d.conf, &d.paths,
                                         &n_args, &em);
        tracking_uri_hide(argc, argv);
        if (r == 0) {
                r = start(&d, &em);
                if (r >= 0)
                        r = loop_run_main(d.tracking.loop, &em);
                stop(&d);
                paths_done(&d.paths);
        }
        conf_done(&tracking_conf_daemon.conf, &d.conf);
        if (r == OPTIONS_HELP || r == OPTIONS_VERSION)
                return 0;
        if (r < 0)
                log_error("%s", *em.text ? em.text : errmsg_strerror(r));
        return options_exit_status(r);
}
