/* See saved.h. */
#include "daemons/sqlproxy/saved.h"

#include <errno.h>
#include <string.h>

#include "lib/base/fileio.h"
#include "lib/base/json.h"
#include "lib/base/json_write.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

#define FILE_MAX ((size_t) 1 << 20)

/* Names have colons; what is no word character of a file name becomes a dash. */
static char *path_of(const char *dir, const char *name) {
        char *path = str_printf("%s/%s.json", dir, name);

        if (path)
                for (char *p = path + strlen(dir) + 1; *p; p++)
                        if (*p == '/' || *p == ' ')
                                *p = '-';
        return path;
}

int saved_write(const char *dir, const char *name, const struct instance_settings *s) {
        _cleanup_free_ char *path = path_of(dir, name);
        _cleanup_buf_ struct buf text = {};
        struct json_write w;
        int r;

        if (!path)
                return -ENOMEM;
        json_write_init(&w, &text, JSON_WRITE_PRETTY);
        json_write_object(&w);
        json_write_kv_i64(&w, "version", 1);
        json_write_kv_str(&w, "engine", s->engine);
        json_write_kv_str(&w, "address", s->address);
        json_write_kv_str(&w, "server_ca", s->ca_pem ?: "");
        json_write_end(&w);
        buf_add_char(&text, '\n');
        r = buf_error(&text);
        return r < 0 ? r : fileio_write_durable(path, text.data, text.len, 0600);
}

int saved_parse(char *text, size_t len, struct instance_settings *ret, struct errmsg *em) {
        struct instance_settings s = {};
        const char *engine, *address = "", *ca = "";
        struct json *root;
        struct arena a;
        int r;

        arena_init(&a, 8 * FILE_MAX);
        r = json_parse(&a, text, len, &root, em);
        if (r >= 0)
                r = json_need_str(root, "engine", &engine, em);
        if (r >= 0)
                r = json_want_str(root, "address", &address, em);
        if (r >= 0)
                r = json_want_str(root, "server_ca", &ca, em);
        if (r >= 0 && (str_copy(s.engine, sizeof s.engine, engine) < 0 ||
                       str_copy(s.address, sizeof s.address, address) < 0))
                r = errmsg_fail(em, -EINVAL, "a value is too long");
        if (r >= 0) {
                s.ca_pem = mem_strdup(ca);
                r = s.ca_pem ? 0 : -ENOMEM;
        }
        arena_done(&a);
        if (r >= 0)
                *ret = s;
        return r;
}

int saved_read(const char *dir, const char *name, struct instance_settings *ret,
               struct errmsg *em) {
        _cleanup_free_ char *path = path_of(dir, name), *text = NULL;
        size_t len;
        int r = path ? fileio_read(path, FILE_MAX, &text, &len) : -ENOMEM;

        if (r < 0)
                return errmsg_errno(em, r, "%s", path ?: name);
        r = saved_parse(text, len, ret, em);
        if (r < 0)
                errmsg_prefix(em, "%s", path);
        return r;
}
