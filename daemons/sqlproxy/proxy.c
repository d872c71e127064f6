/* Owns the way up: instances of the arguments, listeners in their order, the connection test. */
#include "daemons/sqlproxy/proxy.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemons/sqlproxy/proxy_log.h"
#include "daemons/sqlproxy/resolver.h"
#include "daemons/sqlproxy/saved.h"
#include "lib/base/entropy.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/net/listen_fds.h"
#include "lib/net/loop_notify.h"

/* Sent as Google's proxy does, because its service tells versions apart by it; then who we are. */
#define USER_AGENT \
        "cloud-sql-go-connector/1.26.0 cloud-sql-proxy/2.27.0 onebox-sqlproxy/" PACKAGE_VERSION

#define TO(x) STATE_TABLE_BIT(PROXY_##x)
static const struct state_table_row rows[] = {
#define STATE(name, text, next) {text, next},
#include "daemons/sqlproxy/proxy_phases.def"
#undef STATE
};
#undef TO
const struct state_table proxy_phases = {"run", rows, PROXY_N_PHASES};

void proxy_move(struct proxy *p, enum proxy_phase to) {
        assert(state_table_allows(&proxy_phases, p->phase, to));
        p->phase = to;
}

void proxy_fail(struct proxy *p, const struct errmsg *em) {
        proxy_log_error("The proxy has encountered a terminal error: %s", em->text);
        (void) loop_notify_stopping();
        p->exit_code = EXIT_FAILURE;
        proxy_move(p, PROXY_CLOSED);
        loop_quit(p->loop, EXIT_FAILURE);
}

/* --- instances ------------------------------------------------------------------------------- */

static struct instance *find_instance(struct proxy *p, const char *name, bool iam) {
        for (size_t i = 0; i < p->n_instances; i++)
                if (str_eq(p->instances[i]->name, name) && p->instances[i]->is_iam == iam)
                        return p->instances[i];
        return NULL;
}

static void on_changed(struct instance *i, void *ctx);
static void on_turned(struct instance *i, void *ctx);

int proxy_add_instance(struct proxy *p, struct proxy_place *place) {
        bool iam = place->arg.iam == INSTANCE_ARG_TRUE ||
                   (place->arg.iam == INSTANCE_ARG_UNSET && p->flags.auto_iam_authn);
        struct instance *i = find_instance(p, place->arg.name, iam);
        int r;

        if (!i) {
                if (mem_grow((void **) &p->instances, &p->cap_instances, p->n_instances + 1,
                             sizeof(struct instance *)) < 0)
                        return -ENOMEM;
                r = instance_new(p->loop, place->arg.name, iam, p->flags.lazy_refresh, &i);
                if (r < 0)
                        return r;
                i->fetcher = p->fetcher;
                i->dataplane = p->dataplane;
                i->changed = on_changed;
                i->turned = on_turned;
                i->changed_ctx = p;
                p->instances[p->n_instances++] = i;
                r = domain_watch_new(p->resolver, i, &place->watch);
                if (r < 0)
                        return r;
        }
        place->instance = i;
        place->proxy = p;
        return 0;
}

static int make_places(struct proxy *p, struct errmsg *em) {
        size_t n = *p->flags.fuse ? 0 : str_count(p->flags.instances);
        int r = 0;

        p->places = mem_zalloc_array(n + 1, sizeof *p->places);
        if (!p->places)
                return errmsg_errno(em, -ENOMEM, "cannot start");
        for (; p->n_places < n && r >= 0; p->n_places++)
                r = instance_arg_parse(p->flags.instances[p->n_places], p->flags.auto_ip,
                                       &p->places[p->n_places].arg, em);
        return r;
}

/* What is wrong with a name no API can mend. */
static int check_name(const struct proxy_place *place, struct errmsg *em) {
        if (place->instance->is_resolved || conn_name_is_domain(place->arg.name))
                return 0;
        return errmsg_fail(
                em, -EINVAL,
                "config error: invalid connection name, expected PROJECT:REGION:INSTANCE "
                "format or valid DNS domain name (connection name = \"%s\")",
                place->arg.name);
}

/* --- listeners ------------------------------------------------------------------------------- */

/* From the API, else from the disk. */
static void find_engine(struct proxy *p, struct proxy_place *place) {
        struct instance_settings saved = {};

        if (*place->engine)
                return;
        if (*place->instance->settings.engine) {
                memcpy(place->engine, place->instance->settings.engine, sizeof place->engine);
                return;
        }
        if (!p->state_dir || saved_read(p->state_dir, place->arg.name, &saved, NULL) < 0)
                return;
        memcpy(place->engine, saved.engine, sizeof place->engine);
        mem_free(saved.ca_pem);
}

/* Is the refusal final, or may the API think better of it? */
static bool is_final(int r) {
        return r == -EACCES || r == -ENOENT || r == -EINVAL || r == -EPERM;
}

/* The start fails, or goes on without it. */
static int place_failed(struct proxy *p, struct proxy_place *place, int r, const struct errmsg *why,
                        struct errmsg *em) {
        if (p->flags.skip_failed_instance_config) {
                proxy_log_error("[%s] Unable to mount socket: %s (skipped due to "
                                "skip-failed-instance-config flag)",
                                place->arg.name, why->text);
                place->is_skipped = true;
                return 0;
        }
        return errmsg_fail(em, r, "unable to start: [%s] Unable to mount socket: %s",
                           place->arg.name, why->text);
}

/* The engine is not known: 1 = wait, 0 = skipped, negative = the start fails. */
static int await_engine(struct proxy *p, struct proxy_place *place, struct errmsg *em) {
        struct instance *i = place->instance;
        struct errmsg why;
        int error;

        pthread_mutex_lock(&i->lock);
        error = i->error;
        why = i->why;
        pthread_mutex_unlock(&i->lock);
        i->is_engine_wanted = true;
        if (i->fetch || error == 0)
                return 1;
        if (is_final(error)) {
                proxy_log_error("[%s] could not resolve instance version: %s", i->name, why.text);
                return place_failed(p, place, error, &why, em);
        }
        if (!place->wait_is_told)
                proxy_log_error("[%s] waiting for the Admin API to say which engine, and so which "
                                "port it is (--port would not have to wait): %s",
                                i->name, why.text);
        place->wait_is_told = true;
        return 1;
}

/* 0 = open or skipped, 1 = must wait. */
static int open_place(struct proxy *p, struct proxy_place *place, struct errmsg *em) {
        struct errmsg why = {};
        int r = check_name(place, &why);

        if (r >= 0 && mounts_needs_engine(&p->flags, &place->arg)) {
                find_engine(p, place);
                if (!*place->engine)
                        return await_engine(p, place, em);
        }
        if (r >= 0)
                r = mounts_open(&p->flags, &place->arg, place->engine, &p->ports, &place->mount,
                                &why);
        if (r < 0) {
                proxy_log_error("[%s] could not listen: %s", place->arg.name, why.text);
                return place_failed(p, place, r, &why, em);
        }
        place->mount->instance = place->instance;
        proxy_log_info("[%s] Listening on %s", place->arg.name, place->mount->address);
        if (listen_fds_keep(place->mount->fd, place->mount->address) > 0)
                place->mount->is_kept = true;
        return 0;
}

static int serve(struct proxy *p) {
        int r = 0;

        for (size_t i = 0; i < p->n_places && r >= 0; i++)
                if (p->places[i].mount)
                        r = dataplane_serve(p->dataplane, p->places[i].mount);
        proxy_move(p, PROXY_SERVING);
        proxy_status_tell(p);
        return r;
}

/* --- the connection test --------------------------------------------------------------------- */

struct test_result {
        struct loop_task task;
        struct proxy *proxy;
        int r;
        struct errmsg why;
};

static void on_test_result(struct loop_task *t) {
        struct test_result *result = container_of(t, struct test_result, task);
        struct proxy *p = result->proxy;
        struct errmsg em = {};
        int r;

        if (result->r < 0 && !p->test_failed) {
                p->test_failed = true;
                p->test_why = result->why;
        }
        mem_free(result);
        if (--p->n_tests_left > 0 || p->phase != PROXY_TESTING)
                return;
        if (p->test_failed) {
                proxy_log_error("Connection test failed");
                proxy_fail(p, &p->test_why);
                return;
        }
        proxy_log_info("Connection test passed");
        r = serve(p);
        if (r < 0) {
                errmsg_errno(&em, r, "cannot serve");
                proxy_fail(p, &em);
        }
}

/* On a worker's thread. */
static void on_tested(void *ctx, int r, const struct errmsg *em) {
        struct proxy *p = ctx;
        struct test_result *result = mem_new(struct test_result);

        if (!result)
                return;
        result->task.run = on_test_result;
        result->proxy = p;
        result->r = r;
        if (em)
                result->why = *em;
        loop_post_task(p->loop, &result->task);
}

static int test_connections(struct proxy *p) {
        int r = 0;

        proxy_log_info("Connection test started");
        proxy_move(p, PROXY_TESTING);
        for (size_t i = 0; i < p->n_places; i++)
                p->n_tests_left += p->places[i].mount != NULL;
        for (size_t i = 0; i < p->n_places && r >= 0; i++)
                if (p->places[i].mount)
                        r = dataplane_probe(p->dataplane, p->places[i].mount, on_tested, p);
        return p->n_tests_left > 0 ? r : serve(p);
}

/* --- the way up ------------------------------------------------------------------------------ */

/* Opens what can be opened, in order. 0 = all is done, 1 = one must wait. */
static int open_places(struct proxy *p, struct errmsg *em) {
        int r;

        for (size_t i = 0; i < p->n_places; i++) {
                if (p->places[i].mount || p->places[i].is_skipped)
                        continue;
                r = open_place(p, p->places + i, em);
                if (r != 0)
                        return r;
        }
        return 0;
}

static int go_up(struct proxy *p, struct errmsg *em) {
        int r = open_places(p, em);

        if (r == 1)
                proxy_status_tell(p);
        if (r != 0)
                return r < 0 ? r : 0;
        listen_fds_close_rest();
        proxy_log_info("The proxy has started successfully and is ready for new connections!");
        r = p->flags.run_connection_test ? test_connections(p) : serve(p);
        if (r < 0)
                return errmsg_errno(em, r, "cannot serve");
        (void) loop_notify_ready();
        return 0;
}

static void on_changed(struct instance *i, void *ctx) {
        struct proxy *p = ctx;
        struct errmsg em = {};

        if (p->state_dir && i->facts.state == REFRESH_FRESH &&
            saved_write(p->state_dir, i->name, &i->settings) < 0)
                proxy_log_debug("[%s] cannot keep its settings in %s", i->name, p->state_dir);
        if (p->phase == PROXY_STARTING && go_up(p, &em) < 0)
                proxy_fail(p, &em);
        proxy_fuse_changed(p, i);
        proxy_status_tell(p);
}

static void on_turned(struct instance *i, void *ctx) {
        proxy_status_tell(ctx);
}

static void on_clock_set(void *ctx) {
        struct proxy *p = ctx;

        for (size_t i = 0; i < p->n_instances; i++)
                instance_turn(p->instances[i]);
}

/* Workers tell so; who waits for the last connection wants to know. */
static void on_closed(void *ctx) {
        struct proxy *p = ctx;

        if (atomic_load(&p->is_draining) && !atomic_exchange(&p->is_closed_posted, true))
                loop_post_task(p->loop, &p->closed_task);
}

static int make_api(struct proxy *p, struct errmsg *em) {
        const char *endpoint = p->flags.sqladmin_api_endpoint;
        _cleanup_free_ char *agent = str_printf(
                "%s%s%s", USER_AGENT, *p->flags.user_agent ? " " : "", p->flags.user_agent);
        struct sqladmin_options o = {
                .endpoint = *endpoint ? endpoint : NULL,
                .user_agent = agent,
                .quota_project = *p->flags.quota_project ? p->flags.quota_project : NULL,
                .ca_file = getenv("SSL_CERT_FILE"),
        };
        struct resolver_options ro = {.loop = p->loop};
        struct fetcher_options fo = {.loop = p->loop, .is_key_lazy = p->flags.lazy_refresh};
        int r = agent ? sqladmin_new(p->loop, &o, &p->api) : -ENOMEM;

        ro.api = p->api;
        ro.token = p->token;
        if (r >= 0)
                r = resolver_new(&ro, &p->resolver);
        fo.api = p->api;
        fo.token = p->token;
        fo.login_token = p->login_token;
        fo.resolver = p->resolver;
        fo.keeps_names = p->dataplane->has_socks;
        if (r >= 0)
                r = fetch_fetcher_new(&fo, &p->fetcher);
        return r < 0 ? errmsg_errno(em, r, "cannot reach the Admin API") : 0;
}

static const char *env_either(const char *upper, const char *lower) {
        const char *value = getenv(upper);

        return value && *value ? value : getenv(lower);
}

static int make_dataplane(struct proxy *p, struct errmsg *em) {
        struct dataplane_options o = {
                .n_workers = (unsigned) MIN(p->flags.threads, (uint64_t) 64),
                .n_max = p->flags.max_connections,
                .socks = env_either("ALL_PROXY", "all_proxy"),
                .no_proxy = env_either("NO_PROXY", "no_proxy"),
                .closed = on_closed,
                .ctx = p,
        };

        return dataplane_new(&o, &p->dataplane, em);
}

/* All that is there before the first instance. */
static int prepare(struct proxy *p, struct errmsg *em) {
        int r = make_places(p, em);

        if (r >= 0)
                r = proxy_stop_init(p);
        if (r >= 0)
                r = loop_clock_watch(p->loop, on_clock_set, p, &p->clock);
        if (r < 0)
                return em->text[0] ? r : errmsg_errno(em, r, "cannot make the event loop");
        if (entropy_uuid7(entropy_system(), loop_now(p->loop, CLOCK_REALTIME), p->dialer_id) < 0)
                p->dialer_id[0] = 0;
        r = proxy_credentials_init(p, em);
        if (r >= 0)
                r = make_dataplane(p, em);
        if (r >= 0)
                r = make_api(p, em);
        return r < 0 ? r : proxy_http_init(p, em);
}

int proxy_start(struct proxy *p, struct errmsg *em) {
        int r = prepare(p, em);

        if (r < 0)
                return r;
        mounts_ports_init(&p->ports, (uint16_t) p->flags.port);
        for (size_t i = 0; i < p->n_places && r >= 0; i++)
                r = proxy_add_instance(p, p->places + i);
        if (r < 0)
                return errmsg_errno(em, r, "cannot start");
        if (*p->flags.fuse)
                r = proxy_fuse_init(p, em);
        if (r >= 0)
                r = go_up(p, em);
        if (r < 0)
                return r;
        for (size_t i = 0; i < p->n_instances; i++)
                instance_turn(p->instances[i]);
        return loop_notify_watchdog(p->loop);
}

void proxy_done(struct proxy *p) {
        if (p->phase != PROXY_CLOSED)
                proxy_move(p, PROXY_CLOSED);
        for (size_t i = 0; i < p->n_places; i++)
                if (p->places[i].mount && p->dataplane)
                        dataplane_unserve(p->dataplane, p->places[i].mount);
        p->dataplane = dataplane_free(p->dataplane);
        if (p->loop)
                loop_post_flush(p->loop);
        proxy_http_done(p);
        for (size_t i = 0; i < p->n_places; i++)
                mounts_close(p->places[i].mount);
        for (size_t i = 0; i < p->n_places; i++)
                domain_watch_free(p->places[i].watch);
        proxy_fuse_done(p);
        for (size_t i = 0; i < p->n_instances; i++) {
                p->instances[i]->dataplane = NULL;
                instance_free(p->instances[i]);
        }
        mem_free(p->places);
        mem_free(p->instances);
        fetch_fetcher_free(p->fetcher);
        resolver_free(p->resolver);
        sqladmin_free(p->api);
        token_unref(p->token);
        token_unref(p->login_token);
        loop_clock_free(p->clock);
        proxy_stop_done(p);
        loop_free(p->loop);
        flags_done(&p->flags);
}
