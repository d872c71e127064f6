#pragma once
/* One mail through an SMTP server, by libcurl; blocks. Threads: any. */
#include <stddef.h>

#include "lib/base/errmsg.h"

struct mail_send {
        const char *url;       /* smtp://host:25, smtps://host:465 */
        const char *user;      /* NULL: none */
        const char *password;  /* NULL: none */
        const char *from;      /* an address */
        const char *const *to; /* addresses, NULL-terminated */
        const char *message;   /* head and body, lines end with CRLF */
        size_t n_bytes;
};

/* 0; -errno with *em: the server, and what it said. */
int mail_send(const struct mail_send *m, struct errmsg *em);
