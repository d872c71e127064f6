#include "daemons/tracking/artifact_uri.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "lib/base/hex.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

#define ROUTE_ANCHOR "/api/2.0/mlflow-artifacts/artifacts/"

/* Bytes of "scheme:" at the start, 0 when there is none. */
static size_t scheme_size(const char *uri) {
        size_t n = 0;

        if (!isalpha((unsigned char) *uri))
                return 0;
        while (isalnum((unsigned char) uri[n]) || (uri[n] && strchr("+-.", uri[n])))
                n++;
        return uri[n] == ':' ? n + 1 : 0;
}

/* Do URIs of this scheme keep the "//" of an empty host? As Python's urllib writes them. */
static bool keeps_empty_host(const char *uri, size_t size) {
        static const char *const schemes[] = {"file:", "http:", "https:", "ftp:", "sftp:"};

        for (size_t i = 0; i < ARRAY_SIZE(schemes); i++)
                if (strlen(schemes[i]) == size && strncasecmp(schemes[i], uri, size) == 0)
                        return true;
        return false;
}

const char *artifact_uri_append(struct arena *a, const char *uri, const char *path) {
        size_t scheme = scheme_size(uri), host = scheme, stem;
        bool is_hosted, slash;
        char *out;

        while (*path == '/')
                path++;
        if (scheme == 0) {
                size_t n = strlen(uri);

                return arena_printf(a, "%s%s%s", uri, n == 0 || uri[n - 1] == '/' ? "" : "/", path);
        }
        if (str_starts(uri + scheme, "//"))
                host += 2 + strcspn(uri + scheme + 2, "/?#");
        is_hosted = host > scheme + 2;
        stem = host + strcspn(uri + host, "?#");
        slash = stem > host ? uri[stem - 1] != '/' : is_hosted;
        if (is_hosted)
                host = scheme; /* written with its slashes */
        out = arena_printf(a, "%.*s%s%.*s%s%s%s", (int) scheme, uri,
                           !is_hosted && uri[host] == '/' && keeps_empty_host(uri, scheme) ? "//"
                                                                                           : "",
                           (int) (stem - host), uri + host, slash ? "/" : "", path, uri + stem);
        for (size_t i = 0; out && i < scheme; i++)
                out[i] = (char) tolower((unsigned char) out[i]);
        return out;
}

const char *artifact_uri_store_name(struct arena *a, const char *uri, bool *ret_oom) {
        const char *path = str_after(uri, "mlflow-artifacts:"), *name;
        size_t n;

        if (ret_oom)
                *ret_oom = false;
        if (path && str_starts(path, "//"))
                path += 2 + strcspn(path + 2, "/");
        if (!path && (str_starts(uri, "http://") || str_starts(uri, "https://"))) {
                path = strstr(uri, ROUTE_ANCHOR);
                path = path ? path + STRLEN(ROUTE_ANCHOR) : NULL;
        }
        if (!path)
                return NULL;
        while (*path == '/')
                path++;
        n = strcspn(path, "?#");
        while (n > 0 && path[n - 1] == '/')
                n--;
        name = arena_strndup(a, path, n);
        if (ret_oom)
                *ret_oom = !name;
        return name;
}

/* One round of %XX. False when nothing changed. */
static bool decode(char *s) {
        bool changed = false;
        char *out = s;

        for (; *s; s++) {
                int hi = *s == '%' ? hex_digit(s[1]) : -1;
                int lo = hi >= 0 ? hex_digit(s[2]) : -1;

                if (lo >= 0 && (hi << 4 | lo)) {
                        *out++ = (char) (hi << 4 | lo);
                        s += 2;
                        changed = true;
                } else {
                        *out++ = *s;
                }
        }
        *out = 0;
        return changed;
}

static const char *escape_control(struct arena *a, const char *s) {
        char *out = arena_alloc(a, strlen(s) * 3 + 1), *p = out;

        if (!out)
                return NULL;
        for (; *s; s++) {
                unsigned char c = (unsigned char) *s;

                if (c < 0x20 || c == 0x7f)
                        p += sprintf(p, "%%%02x", c);
                else
                        *p++ = (char) c;
        }
        *p = 0;
        return out;
}

static bool leads_away(const char *path) {
        const char *word;
        size_t len;

        if (*path == '/' || *path == '\\' || strchr(path, '#') || strchr(path, '\\'))
                return true;
        if (isalpha((unsigned char) path[0]) && path[1] == ':')
                return true;
        /* A NUL that was hidden in %00 was left as it is by decode(). */
        if (strstr(path, "%00"))
                return true;
        while (str_word(&path, "/", &word, &len))
                if (len == 2 && !memcmp(word, "..", 2))
                        return true;
        return false;
}

int artifact_uri_decode(struct arena *a, const char *text, const char **ret) {
        char *plain = arena_strdup(a, text);

        if (!plain)
                return -ENOMEM;
        for (int rounds = 0; decode(plain); rounds++)
                if (rounds == 10)
                        return ARTIFACT_URI_ENDLESS;
        *ret = plain;
        return 0;
}

int artifact_uri_check_path(struct refusal *r, const char *path, const char **ret) {
        const char *text, *file;
        int x = artifact_uri_decode(r->arena, path, &text);

        if (x < 0)
                return x;
        if (x == ARTIFACT_URI_ENDLESS)
                return refusal_invalid(r, "Invalid path");
        file = str_after(text, "file:");
        path = escape_control(r->arena, file ? file : text);
        if (!path)
                return -ENOMEM;
        if (leads_away(path))
                return refusal_invalid(r, "Invalid path");
        *ret = path;
        return 0;
}

const char *artifact_uri_join(struct arena *a, const char *parent, const char *child) {
        const char *parts[] = {parent ? parent : "", child ? child : ""}, *word;
        char *out = arena_alloc(a, strlen(parts[0]) + strlen(parts[1]) + 2), *p = out;
        size_t len;

        if (!out)
                return NULL;
        for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
                while (str_word(&parts[i], "/", &word, &len)) {
                        if (len == 1 && *word == '.')
                                continue;
                        if (p > out)
                                *p++ = '/';
                        memcpy(p, word, len);
                        p += len;
                }
        *p = 0;
        return out;
}

const char *artifact_uri_base(const char *path) {
        const char *slash = strrchr(path, '/');

        return slash ? slash + 1 : path;
}

const char *artifact_uri_scheme(struct arena *a, const char *uri) {
        size_t n = scheme_size(uri);
        char *scheme = arena_strndup(a, uri, n ? n - 1 : 0);

        if (scheme)
                str_lower(scheme);
        return scheme;
}

bool artifact_uri_is_local(const char *uri) {
        return scheme_size(uri) == 0 || str_starts(uri, "file:");
}

const char *artifact_uri_local_path(const char *uri) {
        const char *path = str_after(uri, "file:");

        if (!path)
                return uri;
        if (str_starts(path, "//"))
                path += 2 + strcspn(path + 2, "/");
        return path;
}

const char *artifact_uri_absolute(struct arena *a, const char *uri) {
        const char *path = artifact_uri_local_path(uri), *joined;
        _cleanup_free_ char *cwd = NULL;
        char *plain;

        if (*path == '/')
                return uri;
        cwd = getcwd(NULL, 0);
        plain = arena_strdup(a, path);
        if (!cwd || !plain)
                return NULL;
        decode(plain);
        joined = artifact_uri_join(a, cwd, plain);
        return joined ? arena_printf(a, "%s/%s", path == uri ? "" : "file://", joined) : NULL;
}

const char *artifact_uri_normal_path(struct arena *a, const char *uri) {
        const char *path = artifact_uri_local_path(uri), *part;
        char *plain = arena_strdup(a, path), *out = arena_strdup(a, path);
        size_t n = 0, size;

        if (!plain || !out)
                return NULL;
        if (path != uri)
                decode(plain);
        for (part = plain; *part; part += size) {
                part += strspn(part, "/");
                size = strcspn(part, "/");
                if (size == 0 || (size == 1 && *part == '.'))
                        continue;
                if (size == 2 && !strncmp(part, "..", 2)) {
                        while (n > 0 && out[--n] != '/')
                                ;
                        continue;
                }
                out[n++] = '/';
                memmove(out + n, part, size);
                n += size;
        }
        out[n] = 0;
        return n == 0 ? "/" : out;
}
