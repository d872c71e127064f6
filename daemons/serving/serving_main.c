/* onebox-serving NAME: one service of the YAML files, over HTTP.
 *
 * Owns the listener and the Python workers; keeps nothing on disk. One thread: the loop. SIGTERM:
 * no new connections, what is in flight is answered, then the workers end, then the daemon. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemons/serving/service_api.h"
#include "daemons/serving/service_env.h"
#include "lib/base/fileio.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/options.h"
#include "lib/base/str.h"
#include "lib/net/loop_notify.h"

#define SERVICE_FILE_MAX ((size_t) 1 << 20)
#define TOKEN_FILE_MAX 8192

struct serving_conf {
#define CONF_KEY CONF_FIELD
#include "config/serving.def"
#undef CONF_KEY
};
static const struct conf_key serving_keys[] = {
#define CONF_KEY(...) CONF_ROW(struct serving_conf, __VA_ARGS__)
#include "config/serving.def"
#undef CONF_KEY
};

struct serving {
        struct serving_conf conf;
        struct paths paths;
        struct arena arena; /* for the daemon's life */
        struct service_conf service;
        struct service_api api;
        struct loop *loop;
        struct loop_source *term, *interrupt;
};

static int read_service(struct serving *s, const char *name, struct errmsg *em) {
        _cleanup_free_ char *path = NULL, *text = NULL;
        size_t len;
        int r;

        if (!str_is_name(name, 63))
                return errmsg_fail(em, -EINVAL, "\"%s\" cannot be the name of a service", name);
        path = paths_state(&s->paths, "services/%s.json", name);
        if (!path)
                return errmsg_errno(em, -ENOMEM, "service %s", name);
        r = fileio_read(path, SERVICE_FILE_MAX, &text, &len);
        if (r == -ENOENT)
                return errmsg_fail(em, r,
                                   "%s does not exist: no pipeline file has a service \"%s\"", path,
                                   name);
        if (r < 0)
                return errmsg_errno(em, r, "%s", path);
        r = service_conf_parse(&s->arena, text, len, &s->service, em);
        if (r < 0)
                errmsg_prefix(em, "%s", path);
        else if (!str_eq(s->service.name, name))
                r = errmsg_fail(em, -EINVAL, "%s is for the service \"%s\"", path, s->service.name);
        return r;
}

/* What a function needs to ask tracking: where it is, and who we are (written by the scheduler). */
static int make_env(struct serving *s, const char *const **ret) {
        _cleanup_free_ char *path = paths_state(&s->paths, "services/%s.token", s->service.name);
        _cleanup_free_ char *token = NULL;
        const char *extra[3] = {};
        int r;

        if (!path)
                return -ENOMEM;
        r = fileio_read(path, TOKEN_FILE_MAX, &token, NULL);
        if (r < 0 && r != -ENOENT)
                log_errno(r, "%s: the functions cannot show tracking who they are", path);
        extra[0] = arena_printf(&s->arena, "MLFLOW_TRACKING_URI=%s", s->conf.tracking_url);
        if (token)
                extra[1] = arena_printf(&s->arena, "MLFLOW_TRACKING_TOKEN=%s", str_strip(token));
        if (!extra[0] || (token && !extra[1]))
                return -ENOMEM;
        return service_env_make(&s->arena, &s->service, (const char *const *) environ, extra, ret);
}

static void on_notice(void *ctx, const char *text) {
        struct serving *s = ctx;

        log_struct(LOG_WARNING, LOG_FIELDS({"ONEBOX_SERVICE", s->service.name}), "%s", text);
}

static int start_pool(struct serving *s, struct errmsg *em) {
        struct pyworker_pool_options o = {
                .loop = s->loop,
                .spec = {.python = s->service.python,
                         .script = arena_printf(&s->arena, "%s/python/serving_worker.py",
                                                s->paths.data_dir),
                         .cwd = s->service.cwd,
                         .max_body = s->conf.max_body,
                         .start_for = s->conf.start_timeout},
                .n_workers =
                        s->service.n_workers ? s->service.n_workers : (unsigned) s->conf.workers,
                .n_queue = (unsigned) MIN(s->conf.queue, (uint64_t) UINT32_MAX),
                .timeout_for = s->conf.timeout,
                .notice = on_notice,
                .ctx = s,
        };
        int r;

        if (o.n_workers < 1 || o.n_workers > SERVICE_CONF_WORKERS_MAX)
                return errmsg_fail(em, -EINVAL, "[serving] workers must be from 1 to %d",
                                   SERVICE_CONF_WORKERS_MAX);
        r = make_env(s, &o.spec.envp);
        if (r < 0 || !o.spec.script)
                return errmsg_errno(em, -ENOMEM, "cannot start the workers");
        r = pyworker_pool_new(&o, &s->api.pool);
        if (r < 0)
                return errmsg_errno(em, r, "cannot start the workers");
        return 0;
}

static int start_server(struct serving *s, struct errmsg *em) {
        struct http_server_options o = {
                .loop = s->loop, .ctx = &s->api, .max_body = s->conf.max_body, .n_workers = 1};
        struct http_listen_options lo = {.name = "serving"};
        _cleanup_(http_listen_freep) struct http_listen *listener = NULL;
        const char *address = s->conf.listen;
        int r;

        if (!address)
                address = arena_printf(&s->arena, "127.0.0.1:%u", s->service.port);
        if (!address)
                return errmsg_errno(em, -ENOMEM, "cannot listen");
        r = http_listen_open(address, &lo, &listener, em);
        if (r < 0)
                return r;
        r = http_server_new(&o, service_api_routes, service_api_n_routes, &s->api.server, em);
        if (r < 0)
                return r;
        log_notice("service %s on %s", s->service.name, http_listen_address(listener));
        r = http_server_listen(s->api.server, TAKE_PTR(listener));
        return r < 0 ? errmsg_errno(em, r, "cannot listen on %s", address) : 0;
}

static void on_stopped(void *ctx) {
        struct serving *s = ctx;

        loop_quit(s->loop, 0);
}

static void on_drained(void *ctx) {
        struct serving *s = ctx;

        pyworker_pool_stop(s->api.pool, on_stopped, s);
}

static int on_signal(struct loop_source *source, int signo, void *ctx) {
        struct serving *s = ctx;

        if (s->api.draining) {
                loop_quit(s->loop, 0);
                return 0;
        }
        s->api.draining = true;
        loop_notify_stopping();
        log_info("stopping: what is in flight is answered first");
        return http_server_drain(s->api.server, on_drained, s);
}

static int start(struct serving *s, const char *name, struct errmsg *em) {
        int r;

        r = read_service(s, name, em);
        if (r < 0)
                return r;
        r = loop_new(&s->loop);
        if (r >= 0)
                r = loop_signal(s->loop, SIGTERM, on_signal, s, &s->term);
        if (r >= 0)
                r = loop_signal(s->loop, SIGINT, on_signal, s, &s->interrupt);
        if (r < 0)
                return errmsg_errno(em, r, "cannot make the event loop");
        s->api.conf = &s->service;
        s->api.started_at = loop_now(s->loop, CLOCK_BOOTTIME);
        r = start_server(s, em);
        if (r < 0)
                return r;
        r = start_pool(s, em);
        if (r < 0)
                return r;
        loop_notify_ready();
        return loop_notify_watchdog(s->loop);
}

static void stop(struct serving *s) {
        http_server_free(s->api.server);
        pyworker_pool_free(s->api.pool);
        loop_source_free(s->term);
        loop_source_free(s->interrupt);
        loop_free(s->loop);
        arena_done(&s->arena);
        paths_done(&s->paths);
}

int main(int argc, char **argv) {
        const struct options_daemon options = {
                .program = "onebox-serving",
                .summary = "Serves the functions of one service over HTTP",
                .conf = {serving_keys, ARRAY_SIZE(serving_keys)},
                .args = "NAME",
                .n_args_min = 1,
                .n_args_max = 1,
        };
        struct serving s = {};
        struct errmsg em = {};
        int n_args, r;

        log_init("onebox-serving");
        arena_init(&s.arena, 0);
        r = options_daemon_start(&options, argc, argv, &s.conf, &s.paths, &n_args, &em);
        if (r == OPTIONS_HELP || r == OPTIONS_VERSION)
                return EXIT_SUCCESS;
        if (r >= 0)
                r = start(&s, argv[1], &em);
        if (r >= 0)
                r = loop_run(s.loop);
        if (r < 0)
                log_error("%s", em.text[0] ? em.text : errmsg_strerror(r));
        stop(&s);
        conf_done(&options.conf, &s.conf);
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
