#include "cli/probe.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/json.h"
#include "lib/base/str.h"

struct row {
        const char *type;
        int (*run)(struct probe *p);
        int port;
        const char *name;
};

static const struct row rows[] = {
#define PROBE_TYPE(type, way, port, name) {type, way, port, name},
#include "cli/probe_types.def"
#undef PROBE_TYPE
};

static const struct row *find(const char *type) {
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                size_t n = strcspn(rows[i].type, "*");

                if (rows[i].type[n] ? strncmp(type, rows[i].type, n) == 0
                                    : str_eq(type, rows[i].type))
                        return &rows[i];
        }
        return NULL;
}

static const char *given(const struct json *connection, const char *key) {
        const char *text = NULL;

        (void) json_want_str(connection, key, &text, NULL);
        return str_empty(text) ? NULL : text;
}

/* One that is no object has nothing for us: hooks that read it otherwise are not these. */
static int read_extra(struct probe *p) {
        const struct json *v = json_get(p->connection, "extra");
        struct json *j = NULL;
        const char *text;
        int r;

        if (json_str(v, &text) != 0 || !*text) {
                p->extra = json_is(v, JSON_OBJECT) ? v : NULL;
                return 0;
        }
        r = json_parse_copy(p->a, text, strlen(text), &j, NULL);
        if (r == -ENOMEM)
                return r;
        p->extra = r >= 0 && json_is(j, JSON_OBJECT) ? j : NULL;
        return 0;
}

int probe_read(const struct json *connection, struct arena *a, struct probe *ret) {
        struct probe p = {.a = a, .connection = connection};
        int64_t port = 0;
        int r;

        p.type = given(connection, "conn_type");
        if (!p.type)
                return errmsg_fail(&ret->em, -EINVAL, "the connection has no conn_type");
        if (json_want_i64(connection, "port", &port, &ret->em) < 0)
                return -EINVAL;
        p.host = given(connection, "host");
        p.login = given(connection, "login");
        p.password = given(connection, "password");
        p.schema = given(connection, "schema");
        p.port = (int) port;
        r = read_extra(&p);
        if (r >= 0)
                *ret = p;
        return r;
}

const char *probe_extra(const struct probe *p, const char *key) {
        return p->extra ? given(p->extra, key) : NULL;
}

int probe_run(struct probe *p) {
        const struct row *row = find(p->type);

        p->name = row ? row->name : p->type;
        if (p->port == 0 && row)
                p->port = row->port;
        return row ? row->run(p) : probe_tcp(p);
}

int probe_files(struct probe *p) {
        const char *path = probe_extra(p, "path");

        if (!path)
                path = p->host ? p->host : "/";
        if (access(path, R_OK) < 0)
                return errmsg_errno(&p->em, -errno, "%s cannot be read by tasks (uid %u)", path,
                                    (unsigned) geteuid());
        errmsg_set(&p->em, "%s is there and can be read", path);
        return 0;
}
