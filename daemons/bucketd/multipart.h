/* multipart.h: a multipart body taken apart as it comes, in constant memory (RFC 2046). Pure. */
#pragma once

#include "lib/base/buf.h"

enum { MULTIPART_HEADERS_MAX = 8192, MULTIPART_BOUNDARY_MAX = 70 };

struct multipart_ops {
        /* A part begins: its header lines, CRLF between them, NUL-terminated. */
        int (*part)(void *ctx, unsigned index, char *headers);
        int (*data)(void *ctx, unsigned index, const void *data, size_t size);
};

struct multipart {
        const struct multipart_ops *ops;
        void *ctx;
        char delimiter[MULTIPART_BOUNDARY_MAX + 5]; /* CRLF, two dashes, the boundary */
        size_t delimiter_size;
        size_t n_matched; /* bytes of the delimiter at the end of what came */
        enum { MULTIPART_BODY, MULTIPART_BORDER, MULTIPART_HEADERS, MULTIPART_END } state;
        bool is_preamble;
        unsigned index;
        struct buf line; /* the border's rest, or the headers */
};

/* By the Content-Type header. -EINVAL: it names no boundary. multipart_done() it. */
int multipart_init(struct multipart *m, const char *content_type, const struct multipart_ops *ops,
                   void *ctx);
void multipart_done(struct multipart *m);
/* 0, -EINVAL: not a multipart body, -ENOMEM, or what an op returned. */
int multipart_feed(struct multipart *m, const void *data, size_t size);
/* Has the closing border come? */
bool multipart_is_whole(const struct multipart *m);
/* The value of a header in a part's lines, in place; NULL when absent. Call once a name: the lines
 * are cut. */
char *multipart_header(char *headers, const char *name);
