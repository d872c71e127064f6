/* onebox-web: the front door: pages, login, and one way to the scheduler and to tracking.
 *
 * Owns its listeners, the pages in memory and logins; everything else is passed on to the daemons
 * behind, with the caller's identity. One loop, one worker for passwords. It keeps no state: killed
 * at any moment, it comes back as it was. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "daemons/web/web_api.h"
#include "lib/auth/auth_files.h"
#include "lib/base/arena.h"
#include "lib/base/clock.h"
#include "lib/base/entropy.h"
#include "lib/base/log.h"
#include "lib/base/options.h"
#include "lib/net/listeners.h"
#include "lib/net/loop_notify.h"

struct web_conf {
#define CONF_KEY CONF_FIELD
#include "config/web.def"
#undef CONF_KEY
};
static const struct conf_key web_keys[] = {
#define CONF_KEY(...) CONF_ROW(struct web_conf, __VA_ARGS__)
#include "config/web.def"
#undef CONF_KEY
};

struct web {
        struct web_conf conf;
        struct paths paths;
        struct arena arena; /* for the daemon's life */
        struct loop *loop;
        struct loop_source *term, *interrupt;
        struct auth_files auth_files;
        struct web_api api;
};

/* --- identity -------------------------------------------------------------------------------- */

static int start_auth(struct web *w, struct errmsg *em) {
        struct auth_check_options o = {.clock = clock_system(), .entropy = entropy_system()};
        int r;

        r = auth_files_open(&w->paths, "web", o.clock, o.entropy, em, &w->auth_files);
        if (r < 0)
                return r;
        w->api.store = o.store = w->auth_files.store;
        w->api.audit = w->auth_files.audit;
        o.key = w->auth_files.key;
        r = auth_check_new(&o, &w->api.auth);
        return r < 0 ? errmsg_errno(em, r, "cannot start") : 0;
}

/* --- the daemons behind ---------------------------------------------------------------------- */

static int start_forward(struct web *w, const char *name, const char *socket,
                         struct http_forward_target *target, struct errmsg *em) {
        const struct http_forward_options o = {
                .loop = w->loop,
                .socket_path = socket,
                .name = arena_printf(&w->arena, "onebox-%s", name),
                .remedy = arena_printf(&w->arena, "systemctl start onebox-%s, or onebox up", name),
                .identify = web_api_identify,
        };
        int r = o.name && o.remedy ? http_forward_new(&o, &target->forward) : -ENOMEM;

        return r < 0 ? errmsg_errno(em, r, "cannot forward to onebox-%s", name) : 0;
}

static int start_forwards(struct web *w, struct errmsg *em) {
        int r;

        w->api.scheduler_socket =
                arena_printf(&w->arena, "%s/scheduler.sock", w->paths.runtime_dir);
        w->api.tracking_socket = arena_printf(&w->arena, "%s/tracking.sock", w->paths.runtime_dir);
        if (!w->api.scheduler_socket || !w->api.tracking_socket)
                return errmsg_errno(em, -ENOMEM, "cannot start");
        r = start_forward(w, "scheduler", w->api.scheduler_socket, &web_api_scheduler, em);
        if (r >= 0)
                r = start_forward(w, "tracking", w->api.tracking_socket, &web_api_tracking, em);
        if (r < 0)
                return r;
        r = http_client_new(w->loop, NULL, &w->api.client);
        return r < 0 ? errmsg_errno(em, r, "cannot make the HTTP client") : 0;
}

/* --- listeners ------------------------------------------------------------------------------- */

static int listen_on_all(struct web *w, struct errmsg *em) {
        const struct listeners l = {.server = w->api.server,
                                    .options = {.name = "web",
                                                .unix_mode = 0666,
                                                .trust_peer = true,
                                                .allow_remote = w->conf.allow_remote,
                                                .allow_cidrs = w->conf.allow_cidrs}};
        int r = listeners_open_handed(&l, em);

        if (r != 0)
                return r;
        r = listeners_open_socket(&l, w->conf.socket, w->paths.runtime_dir, em);
        return r < 0 ? r : listeners_open_addresses(&l, w->conf.listen, em);
}

static int start_server(struct web *w, struct errmsg *em) {
        const struct http_server_options o = {
                .loop = w->loop,
                .ctx = &w->api,
                .before = web_api_before,
                .has_slow_before = true,
                .allowed_hosts = w->conf.allowed_hosts,
                .n_workers = 1,
                .max_body = 65536,
        };
        int r = http_server_new(&o, web_api_routes, web_api_n_routes, &w->api.server, em);

        return r < 0 ? r : listen_on_all(w, em);
}

/* --- life ------------------------------------------------------------------------------------ */

static void on_drained(void *ctx) {
        struct web *w = ctx;

        loop_quit(w->loop, 0);
}

static int on_signal(struct loop_source *s, int signo, void *ctx) {
        struct web *w = ctx;

        if (w->api.draining) {
                loop_quit(w->loop, 0);
                return 0;
        }
        w->api.draining = true;
        loop_notify_stopping();
        return http_server_drain(w->api.server, on_drained, w);
}

static int open_pages(struct web *w, struct errmsg *em) {
        const char *dir = arena_printf(&w->arena, "%s/ui", w->paths.data_dir);
        const struct asset *shell;
        int r = dir ? asset_dir_new(dir, &w->api.assets) : -ENOMEM;

        if (r >= 0)
                r = asset_get(w->api.assets, "shell.html", &shell);
        if (r == -ENOENT)
                return errmsg_fail(em, r,
                                   "%s/shell.html does not exist: install onebox again, or "
                                   "set ONEBOX_DATA_DIR to where its ui/ is",
                                   dir);
        return r < 0 ? errmsg_errno(em, r, "cannot read the pages in %s", dir ? dir : "ui") : 0;
}

static int start(struct web *w, struct errmsg *em) {
        int r;

        r = loop_new(&w->loop);
        if (r >= 0)
                r = loop_signal(w->loop, SIGTERM, on_signal, w, &w->term);
        if (r >= 0)
                r = loop_signal(w->loop, SIGINT, on_signal, w, &w->interrupt);
        if (r < 0)
                return errmsg_errno(em, r, "cannot start");
        w->api.session_for = w->conf.session;
        w->api.state_dir = w->paths.state_dir;
        r = open_pages(w, em);
        if (r >= 0)
                r = start_auth(w, em);
        if (r >= 0)
                r = start_forwards(w, em);
        if (r >= 0)
                r = start_server(w, em);
        if (r < 0)
                return r;
        loop_notify_ready();
        return loop_notify_watchdog(w->loop);
}

static void stop(struct web *w) {
        http_server_free(w->api.server);
        http_forward_free(web_api_scheduler.forward);
        http_forward_free(web_api_tracking.forward);
        http_client_free(w->api.client);
        auth_check_free(w->api.auth);
        auth_files_done(&w->auth_files);
        asset_dir_free(w->api.assets);
        loop_source_free(w->term);
        loop_source_free(w->interrupt);
        loop_free(w->loop);
        arena_done(&w->arena);
        paths_done(&w->paths);
}

int main(int argc, char **argv) {
        static const struct options_daemon options = {
                .program = "onebox-web",
                .summary = "The front door: pages, login, and the way to scheduler and tracking",
                .conf = {web_keys, ARRAY_SIZE(web_keys)},
        };
        struct web w = {};
        struct errmsg em = {};
        int n_args, r;

        log_init("onebox-web");
        umask(0007);
        arena_init(&w.arena, 0);
        r = options_daemon_start(&options, argc, argv, &w.conf, &w.paths, &n_args, &em);
        if (r == OPTIONS_HELP || r == OPTIONS_VERSION)
                return EXIT_SUCCESS;
        if (r >= 0)
                r = start(&w, &em);
        if (r >= 0)
                r = loop_run_main(w.loop, &em);
        if (r < 0)
                log_error("%s", em.text[0] ? em.text : errmsg_strerror(r));
        stop(&w);
        conf_done(&options.conf, &w.conf);
        return options_exit_status(r);
}
