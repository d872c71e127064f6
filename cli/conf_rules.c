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
#include "lib/net/http_listen.h"

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

static int rule_tracking_database(const struct all_conf *conf, struct errmsg *em) {
        const char *uri = conf->tracking.backend_store_uri;

        return str_empty(uri) ? 0 : db_uri_check(uri, DB_URI_ANY, em);
}

static int rule_scheduler_database(const struct all_conf *conf, struct errmsg *em) {
        const char *uri = conf->scheduler.database;

        return str_empty(uri) ? 0 : db_uri_check(uri, DB_URI_POSTGRES, em);
}

static int check_networks(const char *list, struct errmsg *em) {
        struct http_cidr_list nets;

        return str_empty(list) ? 0 : http_cidr_read_list(list, &nets, em);
}

static int rule_tracking_networks(const struct all_conf *conf, struct errmsg *em) {
        return check_networks(conf->tracking.allow_cidrs, em);
}

static int rule_web_networks(const struct all_conf *conf, struct errmsg *em) {
        return check_networks(conf->web.allow_cidrs, em);
}

/* Addresses with blanks between them, as listeners_open_addresses() takes them. */
static int check_listen(const char *addresses, bool allow_remote, struct errmsg *em) {
        const char *word;
        size_t n;

        if (!addresses || str_eq(addresses, "none"))
                return 0;
        while (str_word(&addresses, " \t", &word, &n)) {
                _cleanup_free_ char *address = mem_strndup(word, n);
                int r = address ? http_listen_check(address, allow_remote, em) : -ENOMEM;

                if (r < 0)
                        return r;
        }
        return 0;
}

static int rule_tracking_listen(const struct all_conf *conf, struct errmsg *em) {
        return check_listen(conf->tracking.listen, true, em);
}

static int rule_web_listen(const struct all_conf *conf, struct errmsg *em) {
        return check_listen(conf->web.listen, conf->web.allow_remote, em);
}

static int rule_bucketd_listen(const struct all_conf *conf, struct errmsg *em) {
        return check_listen(conf->bucketd.listen, false, em);
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
