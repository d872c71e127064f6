/* fuzz_multipart: however a body is cut, the same parts come out of it, and no more bytes than went
 * in. The first byte is the length of the pieces, the next up to a newline the boundary. */
#include <stdlib.h>
#include <string.h>

#include "daemons/bucketd/multipart.h"
#include "lib/base/macros.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int on_part(void *ctx, unsigned index, char *headers) {
        char *type = multipart_header(headers, "Content-Type");

        buf_printf(ctx, "<%u %s>", index, type ? type : "");
        return 0;
}

static int on_data(void *ctx, unsigned index, const void *data, size_t size) {
        return buf_add(ctx, data, size);
}

static const struct multipart_ops ops = {on_part, on_data};

static int feed(const char *type, const uint8_t *data, size_t size, size_t step, struct buf *out,
                bool *ret_whole) {
        struct multipart m;
        int r = multipart_init(&m, type, &ops, out);

        if (r < 0)
                return r;
        for (size_t i = 0; r == 0 && i < size; i += step)
                r = multipart_feed(&m, data + i, MIN(step, size - i));
        *ret_whole = multipart_is_whole(&m);
        multipart_done(&m);
        return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_buf_ struct buf whole = {}, cut = {}, type = {};
        bool is_whole = false, is_whole_cut = false;
        const uint8_t *end;
        size_t step;
        int r;

        if (size < 2 || !(end = memchr(data, '\n', MIN(size, (size_t) 100))))
                return 0;
        if (end == data)
                return 0;
        step = data[0] % 16 + 1;
        buf_printf(&type, "multipart/related; boundary=%.*s", (int) (end - data - 1), data + 1);
        size -= (size_t) (end + 1 - data);
        data = end + 1;
        r = feed(buf_cstr(&type), data, size, size ? size : 1, &whole, &is_whole);
        if (feed(buf_cstr(&type), data, size, step, &cut, &is_whole_cut) != r)
                abort();
        if (r == 0 && (is_whole != is_whole_cut || whole.len != cut.len ||
                       (whole.len > 0 && memcmp(whole.data, cut.data, cut.len) != 0)))
                abort();
        return 0;
}
