/* See settings.h. */
#include "daemons/sqlproxy/settings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/net/tls_key.h"

#define GOOG_PSC ".sql-psc.goog"

static int refuse(struct errmsg *em, const struct conn_name *cn, const char *fmt, ...)
        _printf_(3, 4);
static int refuse(struct errmsg *em, const struct conn_name *cn, const char *fmt, ...) {
        char name[CONN_NAME_TEXT_MAX];
        struct errmsg what;
        va_list ap;

        va_start(ap, fmt);
        errmsg_vset(&what, fmt, ap);
        va_end(ap);
        return errmsg_fail(em, -EINVAL, "%s (connection name = \"%s\")", what.text,
                           conn_name_print(cn, name));
}

static int add_host(char ***list, const char *host) {
        _cleanup_free_ char *copy = mem_strdup(host);
        size_t len = strlen(host);

        if (!copy)
                return -ENOMEM;
        if (len > 0 && copy[len - 1] == '.')
                copy[len - 1] = 0;
        return str_list_add(list, copy);
}

/* Google's own names first, then by byte. */
static int compare_psc(const void *a, const void *b) {
        const char *x = *(char *const *) a, *y = *(char *const *) b;
        bool goog_x = str_ends(x, GOOG_PSC), goog_y = str_ends(y, GOOG_PSC);

        return goog_x != goog_y ? (goog_x ? -1 : 1) : strcmp(x, y);
}

static int take_psc(const struct sqladmin_settings *s, struct identity *id) {
        int r = 0;

        for (size_t i = 0; i < s->n_dns_names && r >= 0; i++) {
                const struct sqladmin_dns_name *d = s->dns_names + i;

                if (*d->name && str_eq(d->connection_type, "PRIVATE_SERVICE_CONNECT") &&
                    str_eq(d->scope, "INSTANCE"))
                        r = add_host(&id->psc_hosts, d->name);
        }
        if (r >= 0 && !id->psc_hosts && *s->dns_name)
                r = add_host(&id->psc_hosts, s->dns_name);
        if (id->psc_hosts)
                qsort(id->psc_hosts, str_count(id->psc_hosts), sizeof *id->psc_hosts, compare_psc);
        return r;
}

static int take_hosts(const struct sqladmin_settings *s, struct identity *id) {
        int r = 0;

        if (*s->public_address)
                r = add_host(&id->public_host, s->public_address);
        if (r >= 0 && *s->private_address)
                r = add_host(&id->private_host, s->private_address);
        if (r >= 0 && s->psc_enabled)
                r = take_psc(s, id);
        return r;
}

/* Who must be at the other end. */
static int take_verify_name(const struct sqladmin_settings *s, const struct conn_name *cn,
                            struct identity *id) {
        const char *name = "";

        if (*cn->domain)
                name = cn->domain;
        else if (id->psc_hosts)
                name = id->psc_hosts[0];
        else if (s->n_dns_names > 0)
                name = s->dns_names[0].name;
        if (!*name)
                name = s->dns_name;
        id->verify_name = mem_strdup(name);
        return id->verify_name ? 0 : -ENOMEM;
}

int settings_apply(const struct sqladmin_settings *s, const struct conn_name *cn, bool iam,
                   struct identity *id, struct errmsg *em) {
        struct errmsg why = {};
        int r;

        if (!str_eq(s->region, cn->region))
                return refuse(em, cn,
                              "config error: provided region was mismatched - got %s, want %s",
                              cn->region, s->region);
        if (!str_eq(s->backend_type, "SECOND_GEN"))
                return refuse(em, cn,
                              "config error: unsupported instance - only Second Generation "
                              "instances are supported");
        r = take_hosts(s, id);
        if (r < 0)
                return errmsg_errno(em, r, "cannot keep the settings");
        if (!id->public_host && !id->private_host && !id->psc_hosts)
                return refuse(em, cn,
                              "config error: cannot connect to instance - it has no supported IP "
                              "addresses");
        if (!s->has_ca)
                return refuse(em, cn,
                              "refresh error: instance does not have a server CA certificate");
        if (tls_key_check_bundle(s->ca_pem, &why) < 0)
                return refuse(em, cn, "refresh error: %s", why.text);
        if (iam && !str_starts(s->engine, "POSTGRES") && !str_starts(s->engine, "MYSQL"))
                return errmsg_fail(em, -EINVAL, "%s does not support Auto IAM DB Authentication",
                                   s->engine);
        id->wants_mdx = s->takes_client_protocol;
        r = take_verify_name(s, cn, id);
        return r < 0 ? errmsg_errno(em, r, "cannot keep the settings") : 0;
}
