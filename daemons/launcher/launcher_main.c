/* onebox-launcher: starts and stops onebox-task for the scheduler, the one privileged piece.
 *
 * Owns launcher.sock and nothing else; it remembers nothing and can be killed at any moment. One
 * thread, one loop. It answers the scheduler's uid only, takes a try id, a listed user and listed
 * limits, and what it starts is onebox-task, never a command of the caller's. */
#include "config.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemons/launcher/launcher_api.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/options.h"
#include "lib/base/str.h"
#include "lib/net/http_server.h"
#include "lib/net/loop.h"
#include "lib/net/loop_notify.h"

static const struct conf_key keys[] = {
#define CONF_KEY(...) CONF_ROW(struct launcher_conf, __VA_ARGS__)
#include "config/launcher.def"
#undef CONF_KEY
};

static const struct options_daemon daemon_options = {
        .program = "onebox-launcher",
        .summary = "start and stop tasks for the scheduler",
        .conf = {keys, ARRAY_SIZE(keys)},
};

static void exec_freep(struct launcher_exec **x) {
        if (*x)
                (*x)->free(*x);
}

/* Whose uid may ask, by mode. */
static int find_client(struct launcher_api *api, char **ret_own_user, struct errmsg *em) {
        bool systemd = str_eq(api->conf->mode, "systemd");
        const struct passwd *pw;

        if (!systemd && !str_eq(api->conf->mode, "fork"))
                return errmsg_fail(em, -EINVAL, "mode must be systemd or fork, not \"%s\"",
                                   api->conf->mode);
        errno = 0;
        pw = systemd ? getpwnam(api->conf->scheduler_user) : getpwuid(getuid());
        if (!pw && systemd)
                return errmsg_fail(em, -ESRCH, "scheduler_user \"%s\" does not exist",
                                   api->conf->scheduler_user);
        api->client_uid = pw ? pw->pw_uid : getuid();
        if (systemd)
                return 0;
        *ret_own_user = pw ? mem_strdup(pw->pw_name) : str_printf("%u", (unsigned) getuid());
        api->own_user = *ret_own_user;
        return *ret_own_user ? 0 : errmsg_fail(em, -ENOMEM, "no memory");
}

static int listen_on(struct http_server *server, const struct launcher_conf *conf,
                     const struct paths *paths, struct errmsg *em) {
        _cleanup_free_ char *address = NULL;
        struct http_listen *listener;
        int r;

        address = conf->listen ? mem_strdup(conf->listen)
                               : str_printf("unix:%s/launcher.sock", paths->runtime_dir);
        if (!address)
                return errmsg_fail(em, -ENOMEM, "no memory");
        r = http_listen_open("fd:launcher", &(struct http_listen_options){.unix_mode = 0600},
                             &listener, em);
        if (r == -ENOENT)
                r = http_listen_open(address, &(struct http_listen_options){.unix_mode = 0600},
                                     &listener, em);
        if (r < 0)
                return r;
        log_info("listening on %s", http_listen_address(listener));
        r = http_server_listen(server, listener);
        return r < 0 ? errmsg_errno(em, r, "cannot listen on %s", address) : 0;
}

static int serve(const struct launcher_conf *conf, const struct paths *paths, struct errmsg *em) {
        struct launcher_api api = {.conf = conf};
        _cleanup_free_ char *own_user = NULL;
        _cleanup_(loop_freep) struct loop *loop = NULL;
        _cleanup_(exec_freep) struct launcher_exec *exec = NULL;
        _cleanup_(http_server_freep) struct http_server *server = NULL;
        int r;

        r = find_client(&api, &own_user, em);
        if (r < 0)
                return r;
        r = loop_new(&loop);
        if (r >= 0)
                r = loop_signals_quit(loop);
        if (r < 0)
                return errmsg_errno(em, r, "cannot make the event loop");
        r = api.own_user ? launcher_fork_new(loop, conf, paths, &exec, em)
                         : launcher_systemd_new(loop, conf, paths, &exec, em);
        if (r < 0)
                return r;
        api.exec = exec;
        r = http_server_new(
                &(struct http_server_options){
                        .loop = loop, .ctx = &api, .before = launcher_api_before, .n_workers = 1},
                launcher_api_routes, launcher_api_n_routes, &server, em);
        if (r >= 0)
                r = listen_on(server, conf, paths, em);
        if (r < 0)
                return r;
        loop_notify_watchdog(loop);
        loop_notify_ready();
        r = loop_run(loop);
        loop_notify_stopping();
        return r != 0 ? errmsg_fail(em, -EIO, "the event loop ended: onebox-launcher starts anew")
                      : 0;
}

int main(int argc, char **argv) {
        _cleanup_(paths_done) struct paths paths = {};
        struct launcher_conf conf = {};
        struct errmsg em;
        int r, n_args;

        log_init("onebox-launcher");
        umask(0027);
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
