/* %-encoding and the parts of a request target. */
#include "lib/net/http_target.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "lib/base/hex.h"
#include "lib/base/utf8.h"

/* The byte written as "%XY" at s, of which size bytes are left; -1 when it is not one. */
static int http_target_escape(const char *s, size_t size) {
        int hi, lo;

        if (size < 3)
                return -1;
        hi = hex_digit(s[1]);
        lo = hex_digit(s[2]);
        return hi < 0 || lo < 0 ? -1 : hi << 4 | lo;
}

static ssize_t http_target_decode_as(char *dst, const char *s, size_t size, bool plus,
                                     bool keeps_bad) {
        size_t n = 0;

        for (size_t i = 0; i < size; i++) {
                int c = (unsigned char) s[i];

                if (c == '%') {
                        c = http_target_escape(s + i, size - i);
                        if (c < 0 && !keeps_bad)
                                return -EINVAL;
                        i += c < 0 ? 0 : 2;
                        c = c < 0 ? '%' : c;
                } else if (plus && c == '+') {
                        c = ' ';
                }
                if (c == '\0')
                        return -EINVAL;
                dst[n++] = (char) c;
        }
        dst[n] = '\0';
        return utf8_valid(dst, n) ? (ssize_t) n : -EINVAL;
}

ssize_t http_target_decode(char *dst, const char *s, size_t size, bool plus) {
        return http_target_decode_as(dst, s, size, plus, false);
}

ssize_t http_target_decode_query(char *dst, const char *s, size_t size) {
        return http_target_decode_as(dst, s, size, true, true);
}

/* Where the path begins in the absolute form; NULL when it is not that form. */
static char *http_target_after_authority(char *target) {
        char *p;

        if (strncasecmp(target, "http://", 7) == 0)
                p = target + 7;
        else if (strncasecmp(target, "https://", 8) == 0)
                p = target + 8;
        else
                return NULL;
        return p + strcspn(p, "/?#");
}

int http_target_split(char *target, char **ret_path, char **ret_query) {
        char *path = target, *query;

        if (strcmp(target, "*") == 0) {
                *ret_path = target;
                *ret_query = target + 1;
                return 0;
        }
        if (*path != '/') {
                path = http_target_after_authority(target);
                if (!path)
                        return -EINVAL;
                if (*path != '/') {
                        /* "http://host?q": the path is "/", for which the authority's last byte
                         * makes room. */
                        path--;
                        *path = '/';
                }
        }
        path[strcspn(path, "#")] = '\0';
        query = path + strcspn(path, "?");
        if (*query)
                *query++ = '\0';
        *ret_path = path;
        *ret_query = query;
        return 0;
}

static bool http_target_is_unreserved(char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '-' || c == '.' || c == '_' || c == '~';
}

size_t http_target_encode(char *dst, const char *s, size_t size, const char *keep) {
        static const char hex[] = "0123456789ABCDEF";
        size_t n = 0;

        for (size_t i = 0; i < size; i++) {
                unsigned char c = (unsigned char) s[i];

                if (http_target_is_unreserved(s[i]) || (c && strchr(keep, c))) {
                        dst[n++] = s[i];
                } else {
                        dst[n++] = '%';
                        dst[n++] = hex[c >> 4];
                        dst[n++] = hex[c & 15];
                }
        }
        dst[n] = '\0';
        return n;
}
