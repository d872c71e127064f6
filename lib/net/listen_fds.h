#pragma once
/* Sockets that the service manager hands over: those it listens on for us (socket activation), and
 * those it kept for us over a restart. They are found by the address they are bound to.
 *
 * Threads: one. */
#include <sys/socket.h>

/* A listening stream socket bound to this address, non-blocking, close-on-exec; the caller's now.
 * -ENOENT when none was handed over. */
int listen_fds_take(const struct sockaddr *sa, socklen_t size);
/* Asks the manager to keep fd over a restart, under a name (FileDescriptorStoreMax=): 1, or 0 when
 * there is no manager. */
int listen_fds_keep(int fd, const char *name);
/* It need not be kept any more. */
int listen_fds_forget(const char *name);
/* Closes what nobody took, here and at the manager. */
void listen_fds_close_rest(void);
