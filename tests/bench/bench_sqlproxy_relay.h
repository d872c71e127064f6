/* bench_sqlproxy_relay: what no proxy beats: bytes from AT:PORT through TLS to IP:3307 and back, in
 * the fewest calls, with the library that the proxy uses, and nothing else: no checks, no limits,
 * no second thread. */
#pragma once

#include <netinet/in.h>

/* `at` is the address to listen at; crt has our certificate and key, ca who vouches for the other.
 */
_Noreturn void bench_sqlproxy_relay(const struct sockaddr_in *at, const struct sockaddr_in *to,
                                    const char *crt, const char *ca);
