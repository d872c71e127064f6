/* conf_rules: see conf_rules.h. */
#include "cli/conf_rules.h"

#include <errno.h>
#include <string.h>

#include "daemons/scheduler/core/cron.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/base/zone.h"
#include "lib/base/zone_file.h"
#include "lib/db/db_uri.h"
#include "lib/gcp/store_any.h"
#include "lib/net/http_cidr.h"

static int rule_night_stop(const struct all_conf *conf, struct errmsg *em) {
        struct cron cron;

        return str_empty(conf->night.stop) ? 0 : cron_parse(conf->night.stop, &cron, em);
}

static int rule_night_timezone(const struct all_conf *conf, struct errmsg *em) {
        struct zone *zone = NULL;
        int r = zone_file_load(conf->night.timezone, &zone, em);

        zone_free(zone);
        return r;
}

static int rule_gitsync_repo(const struct all_conf *conf, struct errmsg *em) {
        if (!conf->gitsync.enabled || !str_empty(conf->gitsync.repo))
                return 0;
        return errmsg_fail(em, -EINVAL,
                           "enabled = yes needs a repository: use ssh://git@host/path.git, "
                           "git@host:path.git, https://host/path.git or file:///path");
}

/* A bucket, or a directory by its whole path. */
static bool is_place(const char *uri) {
        return *uri == '/' || str_starts(uri, "file:///") || store_any_is_bucket(uri);
}

static int rule_logging_folder(const struct all_conf *conf, struct errmsg *em) {
        const char *folder = conf->logging.remote_base_log_folder;

        if (!conf->logging.remote_logging || (!str_empty(folder) && is_place(folder)))
                return 0;
        return errmsg_fail(em, -EINVAL,
                           "%s%sremote_logging = yes needs a place: use gs://bucket/path, "
                           "s3://bucket/path or a directory like /srv/logs",
                           str_empty(folder) ? "" : folder,
                           str_empty(folder) ? "" : " is none, and ");
}

static int rule_tracking_artifacts(const struct all_conf *conf, struct errmsg *em) {
        const char *place = conf->tracking.artifacts_destination;

        if (str_empty(place) || !strstr(place, "://") || is_place(place))
                return 0;
        return errmsg_fail(em, -EINVAL,
                           "artifacts cannot be kept at %s: use gs://BUCKET/PATH, s3://BUCKET/PATH "
                           "or a directory",
                           place);
}

/* Of a server: only that it parses; sqlite: anything. */
static int check_database(const char *uri, bool may_be_file, bool may_be_mysql, struct errmsg *em) {
        _cleanup_free_ char *shown = NULL;
        struct db_uri u;
        int r;

        if (str_empty(uri) || (may_be_file && db_uri_is(uri, "sqlite")))
                return 0;
        r = db_uri_parse(uri, em, &u);
        if (r == 0) {
                bool fits = may_be_mysql || u.dialect == DB_POSTGRES;

                db_uri_done(&u);
                if (fits)
                        return 0;
        }
        if (r < 0 && r != -EPROTONOSUPPORT)
                return r;
        shown = db_uri_redact(uri);
        return errmsg_fail(em, -EINVAL, "%s is no database that it can open: use %s%s%s",
                           shown ? shown : "this", may_be_file ? "sqlite:////PATH, " : "",
                           "postgresql://user@host/database",
                           may_be_mysql ? " or mysql://user@host/database" : "");
}

static int rule_tracking_database(const struct all_conf *conf, struct errmsg *em) {
        return check_database(conf->tracking.backend_store_uri, true, true, em);
}

static int rule_scheduler_database(const struct all_conf *conf, struct errmsg *em) {
        return check_database(conf->scheduler.database, false, false, em);
}

static int check_networks(const char *list, struct errmsg *em) {
        struct http_cidr_list nets;

        if (str_empty(list) || http_cidr_parse_list(list, &nets) == 0)
                return 0;
        return errmsg_fail(em, -EINVAL,
                           "\"%s\" is not a list of at most %d networks like 10.0.0.0/8", list,
                           HTTP_CIDR_MAX);
}

static int rule_tracking_networks(const struct all_conf *conf, struct errmsg *em) {
        return check_networks(conf->tracking.allow_cidrs, em);
}

static int rule_web_networks(const struct all_conf *conf, struct errmsg *em) {
        return check_networks(conf->web.allow_cidrs, em);
}

static const struct {
        const char *where;
        int (*check)(const struct all_conf *conf, struct errmsg *em);
} rules[] = {
#define CONF_RULE(name, where) {where, rule_##name},
#include "cli/conf_rules.def"
#undef CONF_RULE
};

int conf_rules_check(const struct all_conf *conf, struct arena *a,
                     const char *ret_texts[static CONF_RULES_MAX]) {
        int n = 0;

        static_assert(ARRAY_SIZE(rules) <= CONF_RULES_MAX, "each may fail");
        for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
                struct errmsg em = {};
                int r = rules[i].check(conf, &em);

                if (r == 0)
                        continue;
                if (r == -ENOMEM)
                        return r;
                ret_texts[n] = arena_printf(a, "%s: %s", rules[i].where, em.text);
                if (!ret_texts[n++])
                        return -ENOMEM;
        }
        return n;
}
