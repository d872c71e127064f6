#include "daemons/tracking/source_host.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base/str.h"

#define ALLOWED "MLFLOW_ALLOWED_HOST_ADDRESSED_ARTIFACT_SCHEMES"

enum { N_PORTS = 2 };

/* Schemes of one family reach the same service; without a port it is that of the scheme. What
 * mlflow-artifacts is reached by is the client's choice: either. */
static const struct scheme {
        const char *name, *family;
        int ports[N_PORTS];
} schemes[] = {
        {"http", "http", {80, 80}},
        {"https", "http", {443, 443}},
        {"mlflow-artifacts", "http", {80, 443}},
        {"ftp", "ftp", {21, 21}},
        {"sftp", "sftp", {22, 22}},
        {"hdfs", "hdfs", {-1, -1}},
        {"viewfs", "hdfs", {-1, -1}},
        {"r2", "r2", {443, 443}},
        {"b2", "b2", {443, 443}},
        {"abfss", "abfss", {443, 443}},
};

struct target {
        const struct scheme *scheme;
        const char *host;
        size_t host_size;
        int ports[N_PORTS];
        bool is_odd; /* HTTP clients may read another host from it than we do */
};

static const struct scheme *scheme_of(const char *uri) {
        size_t n = strcspn(uri, ":/");

        for (size_t i = 0; uri[n] == ':' && i < ARRAY_SIZE(schemes); i++)
                if (strlen(schemes[i].name) == n && strncasecmp(schemes[i].name, uri, n) == 0)
                        return &schemes[i];
        return NULL;
}

/* ":PORT" up to `end`. */
static void read_port(struct target *t, const char *text, const char *end) {
        int port = 0;

        if (text == end || text + 1 == end) /* none, or "host:" */
                return;
        t->is_odd = *text != ':';
        while (++text < end && !t->is_odd) {
                t->is_odd = !isdigit((unsigned char) *text) || port > 65535;
                port = 10 * port + (*text - '0');
        }
        t->is_odd |= port > 65535;
        t->ports[0] = t->ports[1] = port;
}

/* Does the URI name a host? */
static bool read_target(const char *uri, struct target *ret) {
        const struct scheme *scheme = scheme_of(uri);
        const char *p, *end;

        if (!scheme)
                return false;
        *ret = (struct target){.scheme = scheme, .ports = {scheme->ports[0], scheme->ports[1]}};
        p = str_after(strchr(uri, ':'), "://");
        if (!p) /* http:/x connects, too */
                return !str_eq(scheme->name, "mlflow-artifacts");
        end = p + strcspn(p, "/?#");
        if (p == end && str_eq(scheme->name, "mlflow-artifacts"))
                return false;
        for (const char *c = p; c < end; c++)
                ret->is_odd |= *c == '\\' || isspace((unsigned char) *c);
        for (const char *c = p; c < end; c++)
                if (*c == '@')
                        p = c + 1;
        ret->host = p;
        p += *p == '[' ? strcspn(p, "]/?#") + 1 : strcspn(p, ":/?#");
        p = p < end ? p : end;
        ret->host_size = (size_t) (p - ret->host);
        if (!ret->is_odd)
                read_port(ret, p, end);
        return true;
}

static bool is_same(const struct target *a, const struct target *b) {
        if (a->is_odd || b->is_odd || !str_eq(a->scheme->family, b->scheme->family) ||
            a->host_size != b->host_size ||
            (a->host_size > 0 && strncasecmp(a->host, b->host, a->host_size) != 0))
                return false;
        for (int i = 0; i < N_PORTS; i++)
                for (int k = 0; k < N_PORTS; k++)
                        if (a->ports[i] == b->ports[k])
                                return true;
        return false;
}

static bool is_allowed(const char *scheme) {
        const char *p = getenv(ALLOWED);

        while (p && *p) {
                size_t n = strcspn(p, ", ");

                if (n == strlen(scheme) && strncasecmp(p, scheme, n) == 0)
                        return true;
                p += n + strspn(p + n, ", ");
        }
        return false;
}

int source_host_check(struct refusal *r, const char *field, const char *source,
                      const char *artifact_root) {
        struct target wanted, ours;
        const char *name;

        if (!read_target(source, &wanted))
                return 0;
        name = wanted.scheme->name;
        if (is_allowed(name))
                return 0;
        if (artifact_root && read_target(artifact_root, &ours) && is_same(&wanted, &ours))
                return 0;
        return refusal_invalid(r,
                               "'%s' cannot use the '%s' scheme: the '%s' scheme addresses a "
                               "host other than the tracking server's configured artifact "
                               "storage, so the server would connect to the host named in the "
                               "URI. Set the " ALLOWED
                               " environment variable on the server to allow it.",
                               field, name, name);
}
