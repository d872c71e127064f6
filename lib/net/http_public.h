#pragma once
/* Is an address one of the public internet's? For calls to where strangers tell us to: nothing of
 * this machine, its network or the cloud's metadata must answer them. Pure. */
#include <stdbool.h>
#include <sys/socket.h>

/* What IANA keeps for special purposes is not; an IPv4 address within an IPv6 one (mapped, 6to4,
 * NAT64) is what it is by itself. False for other families. */
bool http_public_address(const struct sockaddr *sa);
