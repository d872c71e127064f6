/* sock_addr: an address of a socket, whichever family, and its text. */
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

union sock_addr {
        struct sockaddr sa;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
        struct sockaddr_un un;
};

/* "127.0.0.1:80", "localhost:80" or "[::1]:80", never a name that is to be looked up. 0, or
 * -EINVAL: no host (say 0.0.0.0), no number as its port, or neither kind of address. */
int sock_addr_parse_tcp(const char *text, union sock_addr *ret, socklen_t *ret_size);
