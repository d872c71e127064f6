/* Host and Origin rules. */
#include "lib/net/http_host.h"

#include <string.h>
#include <strings.h>

#include "lib/base/str.h"

/* Splits "host:port", "[v6]:port" or "host" into its host (brackets kept) and port ("" when
 * absent). False when it is none of these. */
static bool http_host_split(const char *text, size_t size, size_t *ret_host, const char **ret_port,
                            size_t *ret_port_size) {
        const char *end = text + size, *p;

        if (size == 0)
                return false;
        if (*text == '[') {
                p = memchr(text, ']', size);
                if (!p)
                        return false;
                p++;
        } else {
                p = memchr(text, ':', size);
                if (!p)
                        p = end;
        }
        *ret_host = (size_t) (p - text);
        if (p < end && *p != ':')
                return false;
        *ret_port = p < end ? p + 1 : p;
        *ret_port_size = (size_t) (end - *ret_port);
        for (size_t i = 0; i < *ret_port_size; i++)
                if ((*ret_port)[i] < '0' || (*ret_port)[i] > '9')
                        return false;
        return *ret_host > 0 && *ret_port_size <= 5;
}

static bool http_host_same(const char *a, size_t a_size, const char *b, size_t b_size) {
        return a_size == b_size && strncasecmp(a, b, a_size) == 0;
}

static bool http_host_is_local(const char *host, size_t size) {
        static const char *const names[] = {"localhost", "127.0.0.1", "[::1]"};

        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                if (http_host_same(host, size, names[i], strlen(names[i])))
                        return true;
        return false;
}

/* One word of the allow list against a host and port. */
static bool http_host_matches(const char *word, size_t word_size, const char *host, size_t size,
                              const char *port, size_t port_size) {
        const char *word_port;
        size_t word_host, word_port_size;

        if (word_size == 1 && *word == '*')
                return true;
        if (!http_host_split(word, word_size, &word_host, &word_port, &word_port_size))
                return false;
        if (word_port_size > 0 && !http_host_same(word_port, word_port_size, port, port_size))
                return false;
        if (*word == '.' && size > word_host)
                return http_host_same(word, word_host, host + size - word_host, word_host);
        if (*word == '.')
                return http_host_same(word + 1, word_host - 1, host, size);
        return http_host_same(word, word_host, host, size);
}

static bool http_host_allowed_span(const char *text, size_t text_size, const char *allowed) {
        const char *port, *word;
        size_t size, port_size, word_size;

        if (!http_host_split(text, text_size, &size, &port, &port_size))
                return false;
        if (http_host_is_local(text, size))
                return true;
        while (allowed && str_word(&allowed, " ,", &word, &word_size))
                if (http_host_matches(word, word_size, text, size, port, port_size))
                        return true;
        return false;
}

bool http_host_allowed(const char *host, const char *allowed) {
        return host && http_host_allowed_span(host, strlen(host), allowed);
}

bool http_host_origin_allowed(enum http_method method, const char *host, const char *origin,
                              const char *sec_fetch_site, const char *allowed) {
        const char *p;

        if (method == HTTP_GET || method == HTTP_HEAD || method == HTTP_OPTIONS)
                return true;
        if (!origin)
                return !sec_fetch_site || !str_eq_fold(sec_fetch_site, "cross-site");
        p = strstr(origin, "://");
        if (!p)
                return false; /* "null" among others */
        p += 3;
        if (host && str_eq_fold(p, host))
                return true;
        return http_host_allowed_span(p, strlen(p), allowed);
}
