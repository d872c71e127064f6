/* db_tls.h: how a server's certificate is checked. Private to lib/db.
 *
 * A server beyond this machine is spoken to encrypted and only when its certificate is signed by a
 * known authority; unverified is refused, whatever the URI says. On a Unix socket or the loopback
 * nobody else listens: there the URI decides.
 */
#pragma once

#include "lib/base/macros.h"

struct db_uri;
struct errmsg;

enum db_tls_mode {
        DB_TLS_LOCAL,       /* as the URI says */
        DB_TLS_VERIFY_CA,   /* the authority; not the name (a private CA that signs one server) */
        DB_TLS_VERIFY_FULL, /* the authority and the name */
};

struct db_tls {
        enum db_tls_mode mode;
        const char *ca, *cert, *key; /* files, borrowed from the URI; NULL: none */
};

#define DB_TLS_BUNDLE "/etc/ssl/certs/ca-certificates.crt" /* when the URI names none */

/* 0, or -EACCES with the remedy in `em`. */
int db_tls_decide(const struct db_uri *uri, struct errmsg *em, struct db_tls *ret);
