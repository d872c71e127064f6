#include "daemons/serving/service_env.h"

#include <errno.h>
#include <string.h>

#include "lib/base/json_write.h"
#include "lib/base/str.h"

/* Does the variable of `entry` ("KEY=value") stand in list? */
static bool is_set(const char *const *list, const char *entry) {
        size_t n = strcspn(entry, "=") + 1;

        for (; *list; list++)
                if (strncmp(*list, entry, n) == 0)
                        return true;
        return false;
}

static bool is_private(const char *entry) {
        static const char *const names[] = {
                "LISTEN_FDS=",    "LISTEN_PID=",   "LISTEN_FDNAMES=",  "NOTIFY_SOCKET=",
                "WATCHDOG_USEC=", "WATCHDOG_PID=", "ONEBOX_ENDPOINTS="};

        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                if (str_starts(entry, names[i]))
                        return true;
        return false;
}

static char *endpoints_entry(struct arena *a, const struct service_conf *c) {
        _cleanup_buf_ struct buf out = {};
        struct json_write w;

        buf_add_lit(&out, "ONEBOX_ENDPOINTS=");
        json_write_init(&w, &out, 0);
        json_write_array(&w);
        for (size_t i = 0; i < c->n_endpoints; i++) {
                json_write_object(&w);
                json_write_kv_str(&w, "endpoint", c->endpoints[i].path);
                json_write_kv_str(&w, "module", c->endpoints[i].module);
                json_write_kv_str(&w, "function", c->endpoints[i].function);
                json_write_end(&w);
        }
        json_write_end(&w);
        if (json_write_finish(&w) < 0)
                return NULL;
        return arena_strdup(a, out.data);
}

static size_t count(const char *const *list) {
        size_t n = 0;

        while (list[n])
                n++;
        return n;
}

int service_env_make(struct arena *a, const struct service_conf *c, const char *const *base,
                     const char *const *extra, const char *const **ret) {
        const char *const *own = (const char *const *) c->env;
        size_t n = 0, n_max = count(own) + count(base) + count(extra) + 2;
        const char **list = arena_zalloc_array(a, n_max, sizeof(*list));

        if (!list)
                return -ENOMEM;
        for (const char *const *e = own; *e; e++)
                if (!is_private(*e))
                        list[n++] = *e;
        for (const char *const *e = base; *e; e++)
                if (!is_private(*e) && !is_set(own, *e))
                        list[n++] = *e;
        for (const char *const *e = extra; *e; e++)
                if (!is_set(list, *e))
                        list[n++] = *e;
        list[n] = endpoints_entry(a, c);
        if (!list[n])
                return -ENOMEM;
        *ret = list;
        return 0;
}
