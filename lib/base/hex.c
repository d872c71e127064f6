/* hex: see hex.h. */
#include "lib/base/hex.h"

#include <errno.h>

void hex_encode(const void *p, size_t n, char *ret) {
        static const char digits[] = "0123456789abcdef";
        const unsigned char *bytes = p;

        for (size_t i = 0; i < n; i++) {
                ret[2 * i] = digits[bytes[i] >> 4];
                ret[2 * i + 1] = digits[bytes[i] & 15];
        }
        ret[2 * n] = 0;
}

int hex_digit(char c) {
        if (c >= '0' && c <= '9')
                return c - '0';
        if (c >= 'a' && c <= 'f')
                return c - 'a' + 10;
        if (c >= 'A' && c <= 'F')
                return c - 'A' + 10;
        return -1;
}

int hex_decode(const char *s, void *ret, size_t n) {
        unsigned char *bytes = ret;

        for (size_t i = 0; i < n; i++) {
                int high = hex_digit(s[2 * i]);
                int low = high < 0 ? -1 : hex_digit(s[2 * i + 1]);

                if (low < 0)
                        return -EINVAL;
                bytes[i] = (unsigned char) (high << 4 | low);
        }
        return s[2 * n] ? -EINVAL : 0;
}
