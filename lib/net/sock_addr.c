/* sock_addr: see sock_addr.h. */
#include "lib/net/sock_addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "lib/base/str.h"

int sock_addr_parse_tcp(const char *text, union sock_addr *ret, socklen_t *ret_size) {
        char host[INET6_ADDRSTRLEN + 2]; /* and its brackets */
        const char *colon = strrchr(text, ':');
        size_t n = colon ? (size_t) (colon - text) : 0;
        uint64_t port;

        if (n == 0 || n >= sizeof host || str_to_u64(colon + 1, &port) < 0 || port > 65535)
                return -EINVAL;
        memcpy(host, text, n);
        host[n] = '\0';
        memset(ret, 0, sizeof *ret);
        if (host[0] == '[' && host[n - 1] == ']') {
                host[n - 1] = '\0';
                ret->in6.sin6_family = AF_INET6;
                ret->in6.sin6_port = htons((uint16_t) port);
                *ret_size = sizeof ret->in6;
                return inet_pton(AF_INET6, host + 1, &ret->in6.sin6_addr) == 1 ? 0 : -EINVAL;
        }
        ret->in.sin_family = AF_INET;
        ret->in.sin_port = htons((uint16_t) port);
        *ret_size = sizeof ret->in;
        return inet_pton(AF_INET, str_eq(host, "localhost") ? "127.0.0.1" : host,
                         &ret->in.sin_addr) == 1
                       ? 0
                       : -EINVAL;
}
