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

struct kind {
        const char *name, *name_within; /* of a sentence */
        const char *schemes, *private;  /* environment variables */
};

static const struct kind webhook = {"Webhook URL", "webhook URL", "MLFLOW_WEBHOOK_ALLOWED_SCHEMES",
                                    "MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS"};
static const struct kind api_base = {"Gateway secret api_base", "Gateway secret api_base",
                                     "MLFLOW_GATEWAY_API_BASE_ALLOWED_SCHEMES",
                                     "MLFLOW_GATEWAY_API_BASE_ALLOW_PRIVATE_IPS"};

static bool private_allowed(const struct kind *kind) {
        const char *text = getenv(kind->private);
        bool allowed = false;

        return text && str_to_bool(text, &allowed) == 0 && allowed;
}

bool webhook_url_private_allowed(void) {
        return private_allowed(&webhook);
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

static int refuse_private(struct refusal *r, const struct kind *kind, const char *host,
                          const struct sockaddr *sa) {
        const void *bytes = sa->sa_family == AF_INET6
                                    ? (const void *) &((const struct sockaddr_in6 *) sa)->sin6_addr
                                    : &((const struct sockaddr_in *) sa)->sin_addr;
        char text[INET6_ADDRSTRLEN] = "";

        (void) inet_ntop(sa->sa_family, bytes, text, sizeof(text));
        return refusal_invalid(r,
                               "%s must not resolve to a non-public IP address. %s resolves to %s.",
                               kind->name, field_check_repr(r->arena, host), text);
}

static int check_host(struct refusal *r, const struct kind *kind, const char *host) {
        const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
        struct addrinfo *list = NULL;
        int x = 0;

        if (private_allowed(kind) || getaddrinfo(host, NULL, &hints, &list) != 0)
                return 0;
        for (const struct addrinfo *i = list; x == 0 && i; i = i->ai_next)
                if (!http_public_address(i->ai_addr))
                        x = refuse_private(r, kind, host, i->ai_addr);
        freeaddrinfo(list);
        return x;
}

static int check_rest(struct refusal *r, const struct kind *kind, const char *url,
                      const char *rest) {
        const char *host = host_of(r->arena, rest);
        int x;

        if (!host)
                return -ENOMEM;
        if (!*host)
                return refusal_invalid(r, "%s must include a hostname: %s", kind->name,
                                       field_check_repr(r->arena, url));
        x = field_check_length(r, "url", URL_MAX, url);
        return x != 0 ? x : check_host(r, kind, host);
}

static int check(struct refusal *r, const struct kind *kind, const char *url) {
        const char *schemes = getenv(kind->schemes), *left, *word;
        const char *end = strstr(url, "://");
        size_t n;

        left = schemes = str_empty(schemes) ? "https" : schemes;
        if (!url[strspn(url, " \t\r\n")])
                return refusal_invalid(r, "%s cannot be empty or just whitespace: %s", kind->name,
                                       field_check_repr(r->arena, url));
        while (end && str_word(&left, ", ", &word, &n))
                if (n == (size_t) (end - url) && memcmp(word, url, n) == 0)
                        return check_rest(r, kind, url, end + 3);
        return refusal_invalid(r, "Invalid %s scheme: '%.*s'. Allowed schemes are: %s.",
                               kind->name_within, end ? (int) (end - url) : 0, url, schemes);
}

int webhook_url_check(struct refusal *r, const char *url) {
        return check(r, &webhook, url);
}

int webhook_url_check_api_base(struct refusal *r, const char *url) {
        return check(r, &api_base, url);
}
