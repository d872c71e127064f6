/* fuzz_mdx: however a stream is cut, the same payload comes out. */
#include <stdlib.h>
#include <string.h>

#include "daemons/sqlproxy/mdx.h"
#include "lib/base/buf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int filter(const uint8_t *data, size_t size, size_t step, struct buf *out) {
        struct mdx_filter f = {};

        for (size_t at = 0; at < size;) {
                size_t n = MIN(step, size - at), taken = 0, held = 0;

                if (mdx_filter_feed(&f, data + at, n, &taken, &held) < 0)
                        return -1;
                if (taken > n || held > MDX_MAGIC_SIZE)
                        abort();
                buf_add(out, MDX_MAGIC, held);
                buf_add(out, data + at + taken, n - taken);
                at += n;
        }
        buf_add(out, MDX_MAGIC, mdx_filter_end(&f));
        return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_buf_ struct buf whole = {}, cut = {};
        size_t step = size > 0 ? data[size - 1] % 13 + 1 : 1;
        int a = filter(data, size, size ? size : 1, &whole), b = filter(data, size, step, &cut);

        if (a != b)
                abort();
        if (a == 0 &&
            (whole.len != cut.len || memcmp(buf_cstr(&whole), buf_cstr(&cut), cut.len) != 0))
                abort();
        return 0;
}
