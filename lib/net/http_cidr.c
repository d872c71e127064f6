/* Which networks a peer may come from. */
#include "lib/net/http_cidr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "lib/base/str.h"

static int http_cidr_parse(const char *word, size_t size, struct http_cidr_list *l) {
        char text[INET6_ADDRSTRLEN + 4], *slash;
        sa_family_t family;
        uint64_t prefix, bits;

        if (size >= sizeof text)
                return -EINVAL;
        memcpy(text, word, size);
        text[size] = '\0';
        slash = strchr(text, '/');
        if (slash)
                *slash++ = '\0';
        family = strchr(text, ':') ? AF_INET6 : AF_INET;
        bits = prefix = family == AF_INET6 ? 128 : 32;
        if (inet_pton(family, text, l->nets[l->n].bytes) != 1)
                return -EINVAL;
        if (slash && (str_to_u64(slash, &prefix) < 0 || prefix > bits))
                return -EINVAL;
        l->nets[l->n].family = family;
        l->nets[l->n].prefix = (uint8_t) prefix;
        l->n++;
        return 0;
}

int http_cidr_parse_list(const char *text, struct http_cidr_list *ret) {
        struct http_cidr_list l = {};
        const char *word;
        size_t size;

        while (str_word(&text, " ,\t", &word, &size)) {
                int r = l.n < HTTP_CIDR_MAX ? http_cidr_parse(word, size, &l) : -E2BIG;

                if (r < 0)
                        return r;
        }
        *ret = l;
        return 0;
}

int http_cidr_read_list(const char *text, struct http_cidr_list *ret, struct errmsg *em) {
        int r = http_cidr_parse_list(text, ret);

        return r < 0 ? errmsg_fail(em, r,
                                   "\"%s\" is not a list of at most %d networks like 10.0.0.0/8",
                                   text, HTTP_CIDR_MAX)
                     : 0;
}

static bool http_cidr_match(const uint8_t *net, const uint8_t *address, unsigned prefix) {
        unsigned whole = prefix / 8, rest = prefix % 8;

        if (memcmp(net, address, whole) != 0)
                return false;
        return rest == 0 || (net[whole] ^ address[whole]) >> (8 - rest) == 0;
}

bool http_cidr_contains(const struct http_cidr_list *l, const struct sockaddr *sa) {
        const uint8_t *address;
        sa_family_t family = sa->sa_family;

        if (family == AF_INET) {
                address = (const uint8_t *) &((const struct sockaddr_in *) sa)->sin_addr;
        } else if (family == AF_INET6) {
                const struct in6_addr *a6 = &((const struct sockaddr_in6 *) sa)->sin6_addr;

                address = a6->s6_addr;
                if (IN6_IS_ADDR_V4MAPPED(a6)) {
                        address += 12;
                        family = AF_INET;
                }
        } else {
                return false;
        }
        for (size_t i = 0; i < l->n; i++)
                if (l->nets[i].family == family &&
                    http_cidr_match(l->nets[i].bytes, address, l->nets[i].prefix))
                        return true;
        return false;
}
