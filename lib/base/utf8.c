/* utf8: see utf8.h. */
#include "lib/base/utf8.h"

#include <errno.h>
#include <string.h>

static bool is_tail(unsigned char c) {
        return (c & 0xC0) == 0x80;
}

/* Bytes that a first byte announces, 0 for one that cannot begin a character. */
static unsigned announced(unsigned char c) {
        if (c < 0x80)
                return 1;
        if (c < 0xC2 || c > 0xF4)
                return 0;
        return c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
}

static bool is_scalar(uint32_t cp) {
        return cp <= 0x10FFFF && (cp < 0xD800 || cp > 0xDFFF);
}

int utf8_decode(const char *s, size_t len, uint32_t *ret) {
        static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
        const unsigned char *p = (const unsigned char *) s;
        unsigned n = announced(p[0]);
        uint32_t cp = n < 2 ? p[0] : p[0] & (0x7Fu >> n);

        assert(len > 0);

        if (n == 0 || n > len)
                return -EINVAL;
        for (unsigned i = 1; i < n; i++) {
                if (!is_tail(p[i]))
                        return -EINVAL;
                cp = cp << 6 | (p[i] & 0x3Fu);
        }
        if (cp < least[n] || !is_scalar(cp))
                return -EINVAL;
        *ret = cp;
        return (int) n;
}

size_t utf8_valid_len(const char *s, size_t len) {
        size_t i = 0;

        while (i < len) {
                uint32_t cp;
                uint64_t eight;
                int n;

                if (len - i >= 8) {
                        memcpy(&eight, s + i, 8);
                        if ((eight & UINT64_C(0x8080808080808080)) == 0) {
                                i += 8;
                                continue;
                        }
                }
                n = utf8_decode(s + i, len - i, &cp);
                if (n < 0)
                        break;
                i += (size_t) n;
        }
        return i;
}

bool utf8_valid(const char *s, size_t len) {
        return utf8_valid_len(s, len) == len;
}

size_t utf8_encode(uint32_t cp, char out[4]) {
        assert(cp <= 0x10FFFF);
        assert(cp < 0xD800 || cp > 0xDFFF);

        if (cp < 0x80) {
                out[0] = (char) cp;
                return 1;
        }
        if (cp < 0x800) {
                out[0] = (char) (0xC0 | cp >> 6);
                out[1] = (char) (0x80 | (cp & 0x3F));
                return 2;
        }
        if (cp < 0x10000) {
                out[0] = (char) (0xE0 | cp >> 12);
                out[1] = (char) (0x80 | (cp >> 6 & 0x3F));
                out[2] = (char) (0x80 | (cp & 0x3F));
                return 3;
        }
        out[0] = (char) (0xF0 | cp >> 18);
        out[1] = (char) (0x80 | (cp >> 12 & 0x3F));
        out[2] = (char) (0x80 | (cp >> 6 & 0x3F));
        out[3] = (char) (0x80 | (cp & 0x3F));
        return 4;
}

/* Steps back over a character whose end lies beyond max; at most three tails can belong to it. */
size_t utf8_cut(const char *s, size_t max) {
        size_t len = strnlen(s, max + 4), n;

        if (len <= max)
                max = len;
        n = max;
        for (unsigned back = 0; back < 4 && n > 0; back++) {
                unsigned char c = (unsigned char) s[n - 1];
                size_t need;

                if (c < 0x80)
                        return max;
                if (is_tail(c)) {
                        n--;
                        continue;
                }
                need = c >= 0xF0 ? 4 : c >= 0xE0 ? 3 : 2;
                return n - 1 + need <= max ? max : n - 1;
        }
        return max;
}

size_t utf8_count(const char *s, size_t len) {
        size_t n = 0;

        for (size_t i = 0; i < len; i++)
                n += !is_tail((unsigned char) s[i]);
        return n;
}

/* East Asian wide and emoji blocks take two columns, combining marks none. */
static size_t cp_width(uint32_t cp) {
        static const struct {
                uint32_t first, last;
                size_t width;
        } ranges[] = {
                {0x0, 0x1F, 0},        {0x7F, 0x9F, 0},       {0x300, 0x36F, 0},
                {0x200B, 0x200F, 0},   {0x20D0, 0x20FF, 0},   {0x1100, 0x115F, 2},
                {0x2E80, 0x303E, 2},   {0x3041, 0x33FF, 2},   {0x3400, 0x4DBF, 2},
                {0x4E00, 0x9FFF, 2},   {0xA000, 0xA4CF, 2},   {0xAC00, 0xD7A3, 2},
                {0xF900, 0xFAFF, 2},   {0xFE00, 0xFE0F, 0},   {0xFE30, 0xFE4F, 2},
                {0xFF00, 0xFF60, 2},   {0xFFE0, 0xFFE6, 2},   {0x1F300, 0x1F64F, 2},
                {0x1F680, 0x1F6FF, 2}, {0x1F900, 0x1F9FF, 2}, {0x20000, 0x3FFFD, 2},
        };

        for (size_t i = 0; i < ARRAY_SIZE(ranges); i++)
                if (cp >= ranges[i].first && cp <= ranges[i].last)
                        return ranges[i].width;
        return 1;
}

size_t utf8_width(const char *s) {
        size_t len = strlen(s), width = 0;

        for (size_t i = 0; i < len;) {
                uint32_t cp;
                int n = utf8_decode(s + i, len - i, &cp);

                width += n < 0 ? 1 : cp_width(cp);
                i += n < 0 ? 1 : (size_t) n;
        }
        return width;
}
