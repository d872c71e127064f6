/* identity: all that a dial to an instance needs, as one refresh brought it: our certificate, the
 * authorities, the addresses, who must be there. Made once, then constant; counts its references.
 *
 * Threads: any. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>

#include "lib/base/errmsg.h"
#include "lib/base/macros.h"
#include "lib/net/tls_mutual.h"

/* Which of an instance's addresses are dialed. */
enum identity_path {
        IDENTITY_PUBLIC,
        IDENTITY_PRIVATE,
        IDENTITY_PSC,
        IDENTITY_AUTO, /* public, else private */
};

struct identity {
        atomic_uint n_refs;
        struct tls_mutual *tls;
        uint64_t serial;    /* of one instance, rising */
        usec_t expires_at;  /* wall clock: the certificate's end, or the login token's if earlier */
        bool wants_mdx;     /* the instance takes the client's protocol type */
        char *verify_name;  /* "" = by common name alone */
        char **public_host; /* lists of addresses or names to try in turn; NULL = none */
        char **private_host;
        char **psc_hosts;
        char **domain_hosts; /* what the DNS name given by the user points to; tried instead */
};

struct identity *identity_new(void);
struct identity *identity_ref(struct identity *i);
struct identity *identity_unref(struct identity *i);
DEFINE_CLEANUP(struct identity *, identity_unref)

/* The list to try; NULL with em `config error: instance does not have IP of type "PUBLIC"`. */
char *const *identity_hosts(const struct identity *i, enum identity_path path, const char *name,
                            struct errmsg *em);
/* Is its certificate good at this wall clock? */
bool identity_is_valid(const struct identity *i, usec_t now_at);
