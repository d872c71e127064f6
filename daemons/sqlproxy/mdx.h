/* mdx: the metadata exchange, a short message each way before a connection's first bytes. Ours says
 * by which protocol the client came. The instance may answer with one of its own, which is taken
 * out of the stream; whatever else comes first is the payload. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/macros.h"

#define MDX_MAGIC "CSQLMDEX"
#define MDX_MAGIC_SIZE STRLEN(MDX_MAGIC)
#define MDX_HEADER_SIZE (MDX_MAGIC_SIZE + 4)
#define MDX_MESSAGE_MAX ((uint32_t) 16 * 1024)

enum mdx_protocol {
        MDX_TCP = 1,
        MDX_TLS = 2,
        MDX_UNIX = 3,
};

#define MDX_REQUEST_SIZE (MDX_HEADER_SIZE + 2)
void mdx_request(enum mdx_protocol p, uint8_t ret[MDX_REQUEST_SIZE]);

/* What comes from the instance goes through one of these until it is done. Zeroed at first. */
struct mdx_filter {
        bool is_done;       /* all that follows is payload */
        bool has_answer;    /* there was a message */
        uint8_t n_header;   /* bytes of the header taken */
        uint8_t length[4];  /* of the message, big-endian */
        uint32_t n_message; /* bytes of the message taken */
};
/* Takes bytes of data: 0 and *ret_taken, or -EPROTO (a message beyond MDX_MESSAGE_MAX). When
 * *ret_held is not 0, that many bytes of MDX_MAGIC were no message after all: they come before what
 * is left of data. */
int mdx_filter_feed(struct mdx_filter *f, const uint8_t *data, size_t size, size_t *ret_taken,
                    size_t *ret_held);
/* The stream ended: how many bytes of MDX_MAGIC were held back. */
size_t mdx_filter_end(struct mdx_filter *f);
