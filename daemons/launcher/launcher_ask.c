#include "daemons/launcher/launcher_ask.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "lib/base/json.h"
#include "lib/base/str.h"

#define GRACE_MAX_S 3600.0
#define GRACE_DEFAULT_FOR (10 * USEC_PER_SEC)

static int ask_limit(const struct json *limits, const char *key, uint64_t min, uint64_t max,
                     uint64_t *ret, struct errmsg *em) {
        int64_t v = 0;
        int r = json_want_i64(limits, key, &v, em);

        if (r < 0)
                return r;
        if (v != 0 && (v < (int64_t) min || v > (int64_t) max))
                return errmsg_fail(em, -EINVAL, "\"%s\" must be 0 or from %llu to %llu, not %lld",
                                   key, (unsigned long long) min, (unsigned long long) max,
                                   (long long) v);
        *ret = (uint64_t) v;
        return 0;
}

static int ask_limits(const struct json *j, struct launcher_limits *ret, struct errmsg *em) {
        static const char *const keys[] = {"memory_max_bytes", "cpu_quota_percent", "cpu_weight",
                                           "io_weight", "tasks_max"};
        const struct json *limits = NULL;
        int r;

        r = json_want(j, "limits", JSON_OBJECT, &limits, em);
        if (r < 0 || !limits)
                return r;
        if ((r = json_only_keys(limits, keys, ARRAY_SIZE(keys), em)) < 0 ||
            (r = ask_limit(limits, keys[0], 1 << 20, INT64_MAX, &ret->memory_max_bytes, em)) < 0 ||
            (r = ask_limit(limits, keys[1], 1, 100000, &ret->cpu_quota_percent, em)) < 0 ||
            (r = ask_limit(limits, keys[2], 1, 10000, &ret->cpu_weight, em)) < 0 ||
            (r = ask_limit(limits, keys[3], 1, 10000, &ret->io_weight, em)) < 0)
                return r;
        return ask_limit(limits, keys[4], 4, 4194304, &ret->tasks_max, em);
}

static int ask_open(struct arena *a, char *body, size_t len, const char *const *keys, size_t n_keys,
                    struct json **ret_j, struct launcher_ask *ask, struct errmsg *em) {
        const char *try_id;
        int r;

        r = json_parse(a, body, len, ret_j, em);
        if (r < 0)
                return r;
        if (!json_is(*ret_j, JSON_OBJECT))
                return errmsg_fail(em, -EINVAL, "the body must be an object");
        r = json_only_keys(*ret_j, keys, n_keys, em);
        if (r >= 0)
                r = json_need_str(*ret_j, "try_id", &try_id, em);
        if (r < 0)
                return r;
        if (!entropy_is_uuid(try_id))
                return errmsg_fail(em, -EINVAL, "\"try_id\" must be a UUID in lower case");
        return str_copy(ask->try_id, sizeof(ask->try_id), try_id);
}

int launcher_ask_parse_start(struct arena *a, char *body, size_t len, struct launcher_ask *ret,
                             struct errmsg *em) {
        static const char *const keys[] = {"try_id", "user",    "grace_s", "limits",
                                           "binds",  "secrets", "devices", "runtime_max_s"};
        struct launcher_ask ask = {.grace_for = GRACE_DEFAULT_FOR};
        double grace_s = NAN;
        struct json *j;
        int r;

        r = ask_open(a, body, len, keys, ARRAY_SIZE(keys), &j, &ask, em);
        if (r < 0 || (r = json_want_str(j, "user", &ask.user, em)) < 0 ||
            (r = json_want_f64(j, "grace_s", &grace_s, em)) < 0 ||
            (r = ask_limits(j, &ask.limits, em)) < 0 ||
            (r = launcher_carry_parse(a, j, &ask.carry, em)) < 0)
                return r;
        if (!isnan(grace_s)) {
                if (!(grace_s >= 0 && grace_s <= GRACE_MAX_S))
                        return errmsg_fail(em, -EINVAL, "\"grace_s\" must be from 0 to 3600");
                ask.grace_for = (usec_t) llround(grace_s * 1e6);
        }
        *ret = ask;
        return 0;
}

int launcher_ask_parse_stop(struct arena *a, char *body, size_t len, struct launcher_ask *ret,
                            struct errmsg *em) {
        static const char *const keys[] = {"try_id"};
        struct launcher_ask ask = {};
        struct json *j;
        int r;

        r = ask_open(a, body, len, keys, ARRAY_SIZE(keys), &j, &ask, em);
        if (r < 0)
                return r;
        *ret = ask;
        return 0;
}

bool launcher_ask_user_allowed(const char *user, const char *default_user, char *const *users) {
        if (str_empty(user) || str_eq(user, "root") || strspn(user, "0123456789") == strlen(user))
                return false;
        return str_eq(user, default_user) || (users && str_in(user, users));
}
