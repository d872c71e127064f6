/* See mdx.h. The request is a protobuf of one varint: field 2, client_protocol_type. */
#include "daemons/sqlproxy/mdx.h"

#include <errno.h>
#include <string.h>

#define FIELD_PROTOCOL_TYPE (2 << 3) /* wire type 0: varint */

void mdx_request(enum mdx_protocol p, uint8_t ret[MDX_REQUEST_SIZE]) {
        const uint8_t tail[] = {0, 0, 0, 2, FIELD_PROTOCOL_TYPE, (uint8_t) p};

        memcpy(ret, MDX_MAGIC, MDX_MAGIC_SIZE);
        memcpy(ret + MDX_MAGIC_SIZE, tail, sizeof tail);
}

static uint32_t message_size(const struct mdx_filter *f) {
        return (uint32_t) f->length[0] << 24 | (uint32_t) f->length[1] << 16 |
               (uint32_t) f->length[2] << 8 | f->length[3];
}

int mdx_filter_feed(struct mdx_filter *f, const uint8_t *data, size_t size, size_t *ret_taken,
                    size_t *ret_held) {
        size_t i = 0, n;

        *ret_held = 0;
        while (!f->is_done && f->n_header < MDX_HEADER_SIZE && i < size) {
                if (f->n_header >= MDX_MAGIC_SIZE) {
                        f->length[f->n_header++ - MDX_MAGIC_SIZE] = data[i++];
                } else if (data[i] == (uint8_t) MDX_MAGIC[f->n_header]) {
                        f->n_header++;
                        i++;
                } else {
                        f->is_done = true;
                        /* What of this call's data looked like a message is its own again. */
                        n = MIN((size_t) f->n_header, i);
                        i -= n;
                        *ret_held = f->n_header - n;
                }
        }
        if (!f->is_done && f->n_header == MDX_HEADER_SIZE) {
                if (message_size(f) > MDX_MESSAGE_MAX)
                        return -EPROTO;
                n = MIN(size - i, (size_t) (message_size(f) - f->n_message));
                f->n_message += (uint32_t) n;
                i += n;
                f->is_done = f->has_answer = f->n_message == message_size(f);
        }
        *ret_taken = i;
        return 0;
}

size_t mdx_filter_end(struct mdx_filter *f) {
        size_t held = f->is_done || f->n_header > MDX_MAGIC_SIZE ? 0 : f->n_header;

        f->is_done = true;
        return held;
}
