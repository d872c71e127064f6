#pragma once
/* Inside lib/net only: what tls_mutual.c and tls_mutual_conn.c share. */
#include <openssl/ssl.h>
#include <stdatomic.h>

#include "lib/base/buf.h"
#include "lib/net/tls_mutual.h"

struct tls_mutual {
        SSL_CTX *ctx;
        char *name; /* NULL: none */
        char *common_name;
        atomic_uint n_refs;
};

struct tls_mutual_conn {
        SSL *ssl;
        struct tls_mutual *identity;
        int fd;
        bool has_more;  /* another record of the same write follows */
        int sent_error; /* of a write under OpenSSL; it sticks */
        bool drained;   /* the socket has nothing for now */
        bool has_ended; /* end: what the next reads answer */
        int end;
        int alert;
        char *unsent; /* what a full socket left, from unsent_at */
        size_t unsent_len, unsent_at;
        struct errmsg why; /* of the server's check, for the handshake's answer */
};

/* OpenSSL's own words for the first thing that went wrong; empties its queue. */
const char *tls_mutual_ssl_reason(void);
