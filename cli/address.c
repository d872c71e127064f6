/* address: see address.h. */
#include "cli/address.h"

#include <errno.h>

#include "cli/all_conf.h"
#include "cli/up_lock.h"
#include "lib/base/fileio.h"
#include "lib/base/json.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

#define FILE_MAX ((size_t) 1024 * 1024)

static int read_json(struct cli *c, const char *path, struct json **ret) {
        _cleanup_free_ char *text = NULL;
        size_t len;
        int r = fileio_read(path, FILE_MAX, &text, &len);

        return r < 0 ? r : json_parse_copy(&c->arena, text, len, ret, NULL);
}

/* What `onebox up` wrote about itself, while it runs. */
static bool find_from_up(struct cli *c, struct address *ret) {
        _cleanup_free_ char *path = paths_runtime(&c->paths, "up.json");
        struct json *j;

        if (!path || up_lock_holder(&c->paths, NULL) <= 0 || read_json(c, path, &j) < 0)
                return false;
        if (json_str(json_get(j, "web"), &ret->web) != 0 ||
            json_str(json_get(j, "tracking"), &ret->tracking) != 0)
                return false;
        ret->from_up = true;
        return true;
}

/* The first TCP address among words with blanks between them; NULL when there is none. */
static const char *first_tcp(struct cli *c, const char *listen) {
        const char *word;
        size_t len;

        while (str_word(&listen, " ", &word, &len)) {
                const char *address = arena_strndup(&c->arena, word, len);

                if (address && !str_starts(address, "unix:") && !str_starts(address, "fd:") &&
                    !str_eq(address, "none"))
                        return address;
        }
        return NULL;
}

static const char *tracking_address(struct cli *c, const struct all_conf *conf) {
        const char *host = conf->tracking.host, *port = conf->tracking.port;

        if (conf->tracking.listen)
                return first_tcp(c, conf->tracking.listen);
        return arena_printf(&c->arena, "%s:%s", host ? host : "127.0.0.1", port ? port : "5000");
}

int address_find(struct cli *c, struct address *ret) {
        const struct all_conf *conf;
        int r;

        *ret = (struct address){};
        if (find_from_up(c, ret))
                return 0;
        r = all_conf_load(c, &conf);
        if (r < 0)
                return r;
        ret->web = conf->web.listen ? first_tcp(c, conf->web.listen) : NULL;
        ret->tracking = tracking_address(c, conf);
        return 0;
}

int address_services(struct cli *c, const struct json ***ret, size_t *ret_n) {
        _cleanup_free_ char *dir = paths_state(&c->paths, "services");
        _cleanup_(str_free_listp) char **names = NULL;
        size_t n = 0;
        int r = dir ? fileio_list(dir, ".json", &names) : cli_oom(c);

        *ret = NULL;
        *ret_n = 0;
        if (r < 0)
                return r == -ENOENT ? 0 : errmsg_errno(&c->em, r, "%s", dir);
        *ret = arena_zalloc_array(&c->arena, str_count(names) + 1, sizeof(**ret));
        if (!*ret)
                return cli_oom(c);
        for (char **name = names; *name; name++) {
                _cleanup_free_ char *path = str_printf("%s/%s", dir, *name);
                struct json *j;

                if (path && read_json(c, path, &j) >= 0 &&
                    json_is(json_get(j, "name"), JSON_STRING))
                        (*ret)[n++] = j;
        }
        *ret_n = n;
        return 0;
}

const char *address_of_service(struct cli *c, const struct json *service) {
        int64_t port;

        if (json_i64(json_get(service, "port"), &port) != 0 || port < 1 || port > 65535)
                return NULL;
        return arena_printf(&c->arena, "127.0.0.1:%d", (int) port);
}
