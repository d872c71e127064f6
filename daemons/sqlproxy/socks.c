/* See socks.h. */
#include "daemons/sqlproxy/socks.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "lib/base/str.h"
#include "lib/net/http_cidr.h"
#include "lib/net/http_target.h"

#define DEFAULT_PORT 1080

/* --- the environment's words ----------------------------------------------------------------- */

static int take_text(char dst[SOCKS_TEXT_MAX], const char *s, size_t len) {
        if (len >= SOCKS_TEXT_MAX)
                return -EINVAL;
        return http_target_decode(dst, s, len, false) < 0 ? -EINVAL : 0;
}

static int take_user(const char *s, size_t len, struct socks_proxy *p) {
        const char *colon = memchr(s, ':', len);
        size_t user_len = colon ? (size_t) (colon - s) : len;
        int r = take_text(p->user, s, user_len);

        p->has_user = true;
        if (r >= 0 && colon)
                r = take_text(p->password, colon + 1, len - user_len - 1);
        return r;
}

/* "HOST", "HOST:PORT", "[V6]:PORT". */
static int take_host(char *host, struct socks_proxy *p) {
        char *colon = strrchr(host, ':');
        uint64_t port;
        size_t len;

        if (colon && !strchr(colon, ']')) {
                if (str_to_u64(colon + 1, &port) < 0 || port == 0 || port > UINT16_MAX)
                        return -EINVAL;
                p->port = (uint16_t) port;
                *colon = 0;
        }
        len = strlen(host);
        if (host[0] == '[' && len > 2 && host[len - 1] == ']')
                memcpy(p->host, host + 1, len - 2);
        else
                memcpy(p->host, host, len);
        return p->host[0] ? 0 : -EINVAL;
}

int socks_parse_url(const char *url, struct socks_proxy *ret) {
        struct socks_proxy p = {.port = DEFAULT_PORT};
        const char *rest = str_after(url, "socks5://") ?: str_after(url, "socks5h://");
        const char *at;
        char host[SOCKS_TEXT_MAX];
        size_t len;

        if (!rest)
                return -EINVAL;
        len = strcspn(rest, "/?#");
        at = memrchr(rest, '@', len);
        if (at && take_user(rest, (size_t) (at - rest), &p) < 0)
                return -EINVAL;
        if (at) {
                len -= (size_t) (at + 1 - rest);
                rest = at + 1;
        }
        if (len == 0 || len >= sizeof host)
                return -EINVAL;
        memcpy(host, rest, len);
        host[len] = 0;
        if (take_host(host, &p) < 0)
                return -EINVAL;
        *ret = p;
        return 0;
}

static bool in_network(const char *word, const char *host) {
        struct sockaddr_in sa4 = {.sin_family = AF_INET};
        struct sockaddr_in6 sa6 = {.sin6_family = AF_INET6};
        const struct sockaddr *sa = NULL;
        struct http_cidr_list list;

        if (inet_pton(AF_INET, host, &sa4.sin_addr) == 1)
                sa = (const struct sockaddr *) &sa4;
        else if (inet_pton(AF_INET6, host, &sa6.sin6_addr) == 1)
                sa = (const struct sockaddr *) &sa6;
        return sa && http_cidr_parse_list(word, &list) >= 0 && http_cidr_contains(&list, sa);
}

static bool matches_word(const char *word, const char *host) {
        const char *zone;

        if (in_network(word, host))
                return true;
        zone = word[0] == '*' && word[1] == '.' ? word + 1 : word[0] == '.' ? word : NULL;
        if (zone)
                return str_ends(host, zone) || str_eq(host, zone + 1);
        return str_eq(word, host);
}

bool socks_is_direct(const char *no_proxy, const char *host) {
        const char *word;
        char text[SOCKS_TEXT_MAX];
        size_t len;

        while (no_proxy && str_word(&no_proxy, ", ", &word, &len)) {
                if (len >= sizeof text)
                        continue;
                memcpy(text, word, len);
                text[len] = 0;
                if (matches_word(text, host))
                        return true;
        }
        return false;
}

/* --- the wire -------------------------------------------------------------------------------- */

enum {
        SOCKS_VERSION = 5,
        AUTH_VERSION = 1,
        METHOD_NONE = 0,
        METHOD_PASSWORD = 2,
        COMMAND_CONNECT = 1,
        ADDRESS_V4 = 1,
        ADDRESS_NAME = 3,
        ADDRESS_V6 = 4,
};

static void add_bytes(struct buf *out, const uint8_t *bytes, size_t n) {
        buf_add(out, bytes, n);
}

static void add_text(struct buf *out, const char *s) {
        buf_add_char(out, (char) strlen(s));
        buf_add_str(out, s);
}

int socks_begin(struct socks *s, const struct socks_proxy *proxy, const char *host, uint16_t port,
                struct buf *out) {
        const uint8_t plain[] = {SOCKS_VERSION, 1, METHOD_NONE};
        const uint8_t both[] = {SOCKS_VERSION, 2, METHOD_NONE, METHOD_PASSWORD};

        *s = (struct socks){.proxy = proxy, .host = host, .port = port};
        if (strlen(host) > 255)
                return -ENAMETOOLONG;
        if (proxy->has_user)
                add_bytes(out, both, sizeof both);
        else
                add_bytes(out, plain, sizeof plain);
        return buf_error(out);
}

static int say_connect(struct socks *s, struct buf *out) {
        const uint8_t head[] = {SOCKS_VERSION, COMMAND_CONNECT, 0};
        const uint8_t tail[] = {(uint8_t) (s->port >> 8), (uint8_t) s->port};
        uint8_t address[16];

        s->step = SOCKS_CONNECT;
        add_bytes(out, head, sizeof head);
        if (inet_pton(AF_INET, s->host, address) == 1) {
                buf_add_char(out, ADDRESS_V4);
                add_bytes(out, address, 4);
        } else if (inet_pton(AF_INET6, s->host, address) == 1) {
                buf_add_char(out, ADDRESS_V6);
                add_bytes(out, address, 16);
        } else {
                buf_add_char(out, ADDRESS_NAME);
                add_text(out, s->host);
        }
        add_bytes(out, tail, sizeof tail);
        return buf_error(out) < 0 ? buf_error(out) : 1;
}

static int on_method(struct socks *s, struct buf *out, struct errmsg *em) {
        if (s->in[0] != SOCKS_VERSION)
                return errmsg_fail(em, -EPROTO, "unexpected protocol version %d", s->in[0]);
        if (s->in[1] == METHOD_NONE)
                return say_connect(s, out);
        if (s->in[1] != METHOD_PASSWORD || !s->proxy->has_user)
                return errmsg_fail(em, -EACCES, "no acceptable authentication methods");
        s->step = SOCKS_AUTH;
        buf_add_char(out, AUTH_VERSION);
        add_text(out, s->proxy->user);
        add_text(out, s->proxy->password);
        return buf_error(out) < 0 ? buf_error(out) : 1;
}

static int on_auth(struct socks *s, struct buf *out, struct errmsg *em) {
        if (s->in[1] != 0)
                return errmsg_fail(em, -EACCES, "username/password authentication failed");
        return say_connect(s, out);
}

static int on_connected(const struct socks *s, struct errmsg *em) {
        static const char *const words[] = {
                "succeeded",
                "general SOCKS server failure",
                "connection not allowed by ruleset",
                "network unreachable",
                "host unreachable",
                "connection refused",
                "TTL expired",
                "command not supported",
                "address type not supported",
        };
        uint8_t code = s->in[1];

        if (s->in[0] != SOCKS_VERSION)
                return errmsg_fail(em, -EPROTO, "unexpected protocol version %d", s->in[0]);
        if (code != 0)
                return errmsg_fail(em, -ECONNREFUSED, "%s",
                                   code < ARRAY_SIZE(words) ? words[code] : "unknown code");
        return 0;
}

/* How long the message that is coming in is, as far as can be said yet. */
static size_t wanted(const struct socks *s) {
        if (s->step != SOCKS_CONNECT)
                return 2;
        if (s->n_in < 5)
                return 5;
        if (s->in[1] != 0)
                return s->n_in; /* refused: the rest does not matter */
        switch (s->in[3]) {
        case ADDRESS_V4:
                return 4 + 4 + 2;
        case ADDRESS_V6:
                return 4 + 16 + 2;
        default:
                return 4 + 1 + (size_t) s->in[4] + 2;
        }
}

int socks_feed(struct socks *s, const uint8_t *data, size_t size, struct buf *out,
               struct errmsg *em) {
        size_t n;

        while (s->n_in < wanted(s)) {
                n = MIN(size, wanted(s) - s->n_in);
                if (n == 0)
                        return 1;
                memcpy(s->in + s->n_in, data, n);
                s->n_in += n;
                data += n;
                size -= n;
        }
        if (size > 0)
                return errmsg_fail(em, -EPROTO, "the SOCKS server says more than it should");
        s->n_in = 0;
        switch (s->step) {
        case SOCKS_METHOD:
                return on_method(s, out, em);
        case SOCKS_AUTH:
                return on_auth(s, out, em);
        default:
                return on_connected(s, em);
        }
}
