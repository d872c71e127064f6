#include "daemons/tracking/webhook_url.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

#include "daemons/tracking/field_check.h"
#include "lib/base/str.h"
#include "lib/net/http_public.h"

enum { URL_MAX = 500 };

bool webhook_url_private_allowed(void) {
        const char *text = getenv("MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS");
        bool allowed = false;

        return text && str_to_bool(text, &allowed) == 0 && allowed;
}

/* The host within "scheme://user@host:port/path"; "" when there is none. NULL: out of memory. */
static const char *host_of(struct arena *a, const char *rest) {
        const char *end = rest + strcspn(rest, "/?#"),
                   *at = memrchr(rest, '@', (size_t) (end - rest));
        const char *begin = at ? at + 1 : rest, *stop;

        if (*begin == '[') {
                begin++;
                stop = memchr(begin, ']', (size_t) (end - begin));
        } else {
                stop = memchr(begin, ':', (size_t) (end - begin));
        }
        return arena_strndup(a, begin, (size_t) ((stop ? stop : end) - begin));
}

static int refuse_private(struct refusal *r, const char *host, const struct sockaddr *sa) {
        const void *bytes = sa->sa_family == AF_INET6
                                    ? (const void *) &((const struct sockaddr_in6 *) sa)->sin6_addr
                                    : &((const struct sockaddr_in *) sa)->sin_addr;
        char text[INET6_ADDRSTRLEN] = "";

        (void) inet_ntop(sa->sa_family, bytes, text, sizeof(text));
        return refusal_invalid(r,
                               "Webhook URL must not resolve to a non-public IP address. %s "
                               "resolves to %s.",
                               field_check_repr(r->arena, host), text);
}

static int check_host(struct refusal *r, const char *host) {
        const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
        struct addrinfo *list = NULL;
        int x = 0;

        if (webhook_url_private_allowed() || getaddrinfo(host, NULL, &hints, &list) != 0)
                return 0;
        for (const struct addrinfo *i = list; x == 0 && i; i = i->ai_next)
                if (!http_public_address(i->ai_addr))
                        x = refuse_private(r, host, i->ai_addr);
        freeaddrinfo(list);
        return x;
}

static int check_rest(struct refusal *r, const char *url, const char *rest) {
        const char *host = host_of(r->arena, rest);
        int x;

        if (!host)
                return -ENOMEM;
        if (!*host)
                return refusal_invalid(r, "Webhook URL must include a hostname: %s",
                                       field_check_repr(r->arena, url));
        x = field_check_length(r, "url", URL_MAX, url);
        return x != 0 ? x : check_host(r, host);
}

int webhook_url_check(struct refusal *r, const char *url) {
        const char *schemes = getenv("MLFLOW_WEBHOOK_ALLOWED_SCHEMES"), *left, *word;
        const char *end = strstr(url, "://");
        size_t n;

        left = schemes = str_empty(schemes) ? "https" : schemes;
        if (!url[strspn(url, " \t\r\n")])
                return refusal_invalid(r, "Webhook URL cannot be empty or just whitespace: %s",
                                       field_check_repr(r->arena, url));
        while (end && str_word(&left, ", ", &word, &n))
                if (n == (size_t) (end - url) && memcmp(word, url, n) == 0)
                        return check_rest(r, url, end + 3);
        return refusal_invalid(r, "Invalid webhook URL scheme: '%.*s'. Allowed schemes are: %s.",
                               end ? (int) (end - url) : 0, url, schemes);
}
