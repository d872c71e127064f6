/* base64: see base64.h. */
#include "lib/base/base64.h"

#include <errno.h>

static const char standard[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char for_urls[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

int base64_encode(struct buf *out, const void *p, size_t n, unsigned flags) {
        const char *alphabet = flags & BASE64_URL ? for_urls : standard;
        const unsigned char *in = p;

        if (n / 3 >= SIZE_MAX / 8 || buf_reserve(out, (n + 2) / 3 * 4) < 0)
                return out->error ? out->error : -ENOMEM;
        for (size_t i = 0; i < n; i += 3) {
                size_t left = MIN(n - i, (size_t) 3);
                uint32_t v = (uint32_t) in[i] << 16;
                char quad[4];

                if (left > 1)
                        v |= (uint32_t) in[i + 1] << 8;
                if (left > 2)
                        v |= in[i + 2];
                for (unsigned k = 0; k < 4; k++)
                        quad[k] = k <= left ? alphabet[v >> (18 - 6 * k) & 63] : '=';
                buf_add(out, quad, flags & BASE64_NO_PAD ? left + 1 : 4);
        }
        return buf_error(out);
}

static int value_of(char c, unsigned flags) {
        if (c >= 'A' && c <= 'Z')
                return c - 'A';
        if (c >= 'a' && c <= 'z')
                return c - 'a' + 26;
        if (c >= '0' && c <= '9')
                return c - '0' + 52;
        if (c == (flags & BASE64_URL ? '-' : '+'))
                return 62;
        if (c == (flags & BASE64_URL ? '_' : '/'))
                return 63;
        return -1;
}

/* One group of 2-4 digits into 1-3 bytes; the bits left over must be zero. */
static int decode_group(struct buf *out, const char *s, size_t n, unsigned flags) {
        uint32_t v = 0;
        char bytes[3];

        for (size_t k = 0; k < 4; k++) {
                int digit = k < n ? value_of(s[k], flags) : 0;

                if (digit < 0)
                        return -EINVAL;
                v = v << 6 | (uint32_t) digit;
        }
        if ((n == 2 && (v & 0xFFFF)) || (n == 3 && (v & 0xFF)))
                return -EINVAL;
        for (unsigned k = 0; k < 3; k++)
                bytes[k] = (char) (v >> (16 - 8 * k));
        return buf_add(out, bytes, n - 1);
}

int base64_decode(struct buf *out, const char *s, size_t len, unsigned flags) {
        size_t start = out->len, n_pad = 0;
        int r = buf_reserve(out, len / 4 * 3 + 3);

        if (r < 0)
                return r;
        while (n_pad < 2 && n_pad < len && s[len - 1 - n_pad] == '=')
                n_pad++;
        if (n_pad > 0 || !(flags & BASE64_NO_PAD)) {
                if (len % 4 != 0)
                        return -EINVAL;
                len -= n_pad;
        }
        if (len % 4 == 1)
                return -EINVAL;
        for (size_t i = 0; i < len && r >= 0; i += 4)
                r = decode_group(out, s + i, MIN(len - i, (size_t) 4), flags);
        if (r == -EINVAL)
                buf_truncate(out, start);
        return r;
}
