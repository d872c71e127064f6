/* onebox-gitsync: pipelines from a git repository (see gitsync.h).
 *
 * Under systemd a timer runs it for one look; `onebox up` keeps it running with --watch. One
 * thread. It has a network and the key of the repository, and writes to STATE/gitsync alone; the
 * scheduler, which reads what it lays out, has neither. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "daemons/gitsync/gitsync.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/options.h"
#include "lib/base/str.h"
#include "lib/net/loop.h"
#include "lib/net/loop_notify.h"

static const struct conf_key keys[] = {
#define CONF_KEY(...) CONF_ROW(struct gitsync_conf, __VA_ARGS__)
#include "config/gitsync.def"
#undef CONF_KEY
};

static const struct options_daemon daemon_options = {
        .program = "onebox-gitsync",
        .summary = "fetch pipelines from a git repository: once, or again and again with `watch`; "
                   "`enabled` only says by its exit code whether it is wanted",
        .conf = {keys, ARRAY_SIZE(keys)},
        .args = "[once | watch | enabled]",
        .n_args_max = 1,
};

struct watch {
        const struct gitsync_conf *conf;
        const struct paths *paths;
        struct loop_source *timer;
        struct errmsg last; /* said already */
};

static int once(const struct gitsync_conf *conf, const struct paths *paths, bool force,
                struct errmsg *em) {
        int r = gitsync_run(conf, paths, clock_system(), force, em);

        return r == GITSYNC_LOCKED && force
                       ? errmsg_fail(em, -EBUSY, "another onebox-gitsync looks just now")
                       : r;
}

static int on_timer(struct loop_source *s, usec_t now, void *ctx) {
        struct watch *w = ctx;
        struct errmsg em;

        if (once(w->conf, w->paths, false, &em) >= 0) {
                w->last.text[0] = 0;
        } else if (!str_eq(em.text, w->last.text)) { /* an error that stays is said once */
                log_error("%s", em.text);
                w->last = em;
        }
        return loop_source_arm_in(s, w->conf->every);
}

static int watch(const struct gitsync_conf *conf, const struct paths *paths, struct errmsg *em) {
        _cleanup_(loop_freep) struct loop *loop = NULL;
        struct watch w = {.conf = conf, .paths = paths};
        int r = loop_new(&loop);

        if (r >= 0)
                r = loop_signals_quit(loop);
        if (r >= 0)
                r = loop_timer_in(loop, 0, USEC_PER_SEC, on_timer, &w, &w.timer);
        if (r >= 0) {
                loop_notify_ready();
                r = loop_run(loop);
                loop_notify_stopping();
        }
        return r < 0 ? errmsg_errno(em, r, "the event loop broke") : 0;
}

static int act(const struct gitsync_conf *conf, const struct paths *paths, const char *what,
               struct errmsg *em) {
        if (str_eq(what, "enabled"))
                return conf->enabled ? 0 : 1;
        if (!conf->enabled)
                return errmsg_fail(em, -EINVAL,
                                   "it is switched off: set enabled = yes and repo in "
                                   "section [gitsync] of the configuration");
        if (str_eq(what, "watch"))
                return watch(conf, paths, em);
        if (!str_eq(what, "once"))
                return errmsg_fail(em, -EINVAL, "\"%s\" is none of once, watch, enabled", what);
        /* The timer comes more often than [gitsync] every; who starts it by hand means now. */
        return MIN(once(conf, paths, !getenv("TRIGGER_UNIT"), em), 0);
}

int main(int argc, char **argv) {
        _cleanup_(paths_done) struct paths paths = {};
        struct gitsync_conf conf = {};
        struct errmsg em = {};
        int r, n_args = 0;

        log_init("onebox-gitsync");
        umask(0022);
        r = options_daemon_start(&daemon_options, argc, argv, &conf, &paths, &n_args, &em);
        if (r == OPTIONS_HELP || r == OPTIONS_VERSION)
                return 0;
        if (r == 0)
                r = act(&conf, &paths, n_args > 0 ? argv[1] : "once", &em);
        conf_done(&daemon_options.conf, &conf);
        if (r < 0)
                log_error("%s", em.text);
        return r < 0 ? 1 : r;
}
