#include "lib/net/http_public.h"

#include <assert.h>
#include <netinet/in.h>
#include <pthread.h>
#include <string.h>

#include "lib/net/http_cidr.h"

static struct http_cidr_list special, special6;

static void make_lists(void) {
        int r = http_cidr_parse_list(
                "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 "
                "172.16.0.0/12 192.0.0.0/24 192.0.2.0/24 192.168.0.0/16 "
                "198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/3",
                &special);

        assert(r == 0);
        r = http_cidr_parse_list("::/8 64:ff9b:1::/48 100::/64 2001::/23 2001:db8::/32 3fff::/20 "
                                 "5f00::/16 fc00::/7 fe80::/10 fec0::/10 ff00::/8",
                                 &special6);
        assert(r == 0);
        (void) r;
}

static bool is_public4(const uint8_t bytes[4]) {
        struct sockaddr_in a = {.sin_family = AF_INET};

        memcpy(&a.sin_addr, bytes, 4);
        return !http_cidr_contains(&special, (const struct sockaddr *) &a);
}

static bool is_public6(const struct sockaddr_in6 *a) {
        static const uint8_t nat64[12] = {0x00, 0x64, 0xff, 0x9b};
        const uint8_t *bytes = a->sin6_addr.s6_addr;

        if (IN6_IS_ADDR_V4MAPPED(&a->sin6_addr) || memcmp(bytes, nat64, sizeof(nat64)) == 0)
                return is_public4(bytes + 12);
        if (bytes[0] == 0x20 && bytes[1] == 0x02)
                return is_public4(bytes + 2);
        return !http_cidr_contains(&special6, (const struct sockaddr *) a);
}

bool http_public_address(const struct sockaddr *sa) {
        static pthread_once_t once = PTHREAD_ONCE_INIT;

        pthread_once(&once, make_lists);
        if (sa->sa_family == AF_INET)
                return is_public4((const uint8_t *) &((const struct sockaddr_in *) sa)->sin_addr);
        return sa->sa_family == AF_INET6 && is_public6((const struct sockaddr_in6 *) sa);
}
