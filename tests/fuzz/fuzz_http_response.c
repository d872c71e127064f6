/* fuzz_http_response: an upstream's answer in pieces; any splitting must give the same. The first
 * byte is the size of the pieces. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lib/net/http_response.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
        bool ok, complete, keep_alive;
        int status;
        struct buf body;
};

static void read_in_pieces(const uint8_t *data, size_t size, size_t step, struct outcome *o) {
        struct http_response r;
        char *copy = malloc(size + 1);
        ssize_t n = 0;

        assert(copy);
        memcpy(copy, data, size);
        *o = (struct outcome){};
        http_response_init(&r, false);
        for (size_t at = 0; at < size && n >= 0; at += step) {
                size_t k = MIN(step, size - at);
                ssize_t used = n = http_response_head(&r, copy + at, k);

                if (n < 0 || !r.has_head)
                        continue;
                n = http_response_body(&r, copy + at + used, k - (size_t) used);
                assert(n <= (ssize_t) k - used);
                if (n > 0)
                        buf_add(&o->body, copy + at + used, (size_t) n);
        }
        o->ok = n >= 0 && http_response_eof(&r) == 0;
        o->complete = r.is_complete;
        o->keep_alive = r.keep_alive;
        o->status = r.status;
        http_response_done(&r);
        free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct outcome whole, pieces;

        if (size == 0)
                return 0;
        read_in_pieces(data + 1, size - 1, size, &whole);
        read_in_pieces(data + 1, size - 1, data[0] % 61 + 1, &pieces);
        assert(whole.ok == pieces.ok);
        if (whole.ok) {
                assert(whole.complete && pieces.complete && whole.status == pieces.status);
                assert(whole.keep_alive == pieces.keep_alive);
                assert(whole.body.len == pieces.body.len);
                assert(whole.body.len == 0 ||
                       memcmp(whole.body.data, pieces.body.data, whole.body.len) == 0);
        }
        buf_done(&whole.body);
        buf_done(&pieces.body);
        return 0;
}
