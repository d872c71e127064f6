/* socks: the client's side of SOCKS5 (RFC 1928, 1929), as
 * ALL_PROXY=socks5://USER:PASSWORD@HOST:PORT asks for. Pure: bytes in, bytes out. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/base/errmsg.h"

#define SOCKS_TEXT_MAX 256 /* bytes of a host, user or password, with its NUL */

struct socks_proxy {
        char host[SOCKS_TEXT_MAX];
        uint16_t port;
        bool has_user;
        char user[SOCKS_TEXT_MAX], password[SOCKS_TEXT_MAX];
};
/* "socks5://[USER[:PASSWORD]@]HOST[:PORT]", also socks5h. -EINVAL: not of this kind. */
int socks_parse_url(const char *url, struct socks_proxy *ret);
/* Does the NO_PROXY list say that host (a name or address) is reached directly? Its words are
 * addresses, networks, "*.zone", ".zone" and names. */
bool socks_is_direct(const char *no_proxy, const char *host);

struct socks {
        const struct socks_proxy *proxy;
        const char *host; /* to be reached; lives as long as this */
        uint16_t port;
        enum { SOCKS_METHOD, SOCKS_AUTH, SOCKS_CONNECT } step;
        uint8_t in[300];
        size_t n_in;
};
/* The first message. */
int socks_begin(struct socks *s, const struct socks_proxy *proxy, const char *host, uint16_t port,
                struct buf *out);
/* What came: 0 = connected, 1 = send `out` and read on, -EPROTO, -ECONNREFUSED, -EACCES with em. */
int socks_feed(struct socks *s, const uint8_t *data, size_t size, struct buf *out,
               struct errmsg *em);
