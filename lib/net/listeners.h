#pragma once
/* Where a daemon's HTTP server listens: the sockets that the service manager hands over, addresses
 * of its configuration, a Unix socket of its own. Each is said in the log. */
#include "lib/base/errmsg.h"
#include "lib/net/http_server.h"

struct listeners {
        struct http_server *server;
        /* of all that are opened next; its name is that of the sockets handed over (fd:NAME) and of
         * the own one (NAME.sock) */
        struct http_listen_options options;
        /* told the bound address of each before it accepts; -errno: not opened. May be NULL */
        int (*on_open)(void *ctx, const char *address);
        void *ctx;
};

/* All three: 0 or more, or -errno with em about the address, the reason and the remedy. */

/* The sockets handed over, if any: how many. */
int listeners_open_handed(const struct listeners *l, struct errmsg *em);
/* One, or several with spaces between them, as http_listen_open() takes them; "none" or NULL: none.
 */
int listeners_open_addresses(const struct listeners *l, const char *addresses, struct errmsg *em);
/* The own socket at its path; NULL: RUNTIME_DIR/NAME.sock, where the directory is made; "none":
 * none. */
int listeners_open_socket(const struct listeners *l, const char *path, const char *runtime_dir,
                          struct errmsg *em);
