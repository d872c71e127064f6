/* Ranges and entity tags. */
#include "lib/net/http_range.h"

#include <string.h>
#include <strings.h>

#include "lib/base/macros.h"
#include "lib/base/str.h"

/* Digits up to a non-digit; numbers beyond 2^64 count as the largest. False when there is none. */
static bool http_range_number(const char **p, uint64_t *ret) {
        const char *s = *p;
        uint64_t n = 0;

        while (*s >= '0' && *s <= '9') {
                uint64_t digit = (uint64_t) (*s++ - '0');

                n = n > (UINT64_MAX - digit) / 10 ? UINT64_MAX : n * 10 + digit;
        }
        if (s == *p)
                return false;
        *p = s;
        *ret = n;
        return true;
}

static enum http_range_result http_range_suffix(uint64_t n, uint64_t size, uint64_t *ret_first,
                                                uint64_t *ret_last) {
        if (n == 0 || size == 0)
                return HTTP_RANGE_UNSATISFIABLE;
        *ret_first = n < size ? size - n : 0;
        *ret_last = size - 1;
        return HTTP_RANGE_PART;
}

enum http_range_result http_range_parse(const char *header, uint64_t size, uint64_t *ret_first,
                                        uint64_t *ret_last) {
        uint64_t first, last = UINT64_MAX;
        const char *p = header;
        bool is_suffix;

        if (!p || strncasecmp(p, "bytes=", 6) != 0)
                return HTTP_RANGE_WHOLE;
        p += 6;
        is_suffix = *p == '-';
        if (is_suffix)
                p++;
        if (!http_range_number(&p, &first))
                return HTTP_RANGE_WHOLE;
        if (!is_suffix) {
                if (*p++ != '-')
                        return HTTP_RANGE_WHOLE;
                if (*p && !http_range_number(&p, &last))
                        return HTTP_RANGE_WHOLE;
        }
        if (*p || last < first)
                return HTTP_RANGE_WHOLE;
        if (is_suffix)
                return http_range_suffix(first, size, ret_first, ret_last);
        if (first >= size)
                return HTTP_RANGE_UNSATISFIABLE;
        *ret_first = first;
        *ret_last = MIN(last, size - 1);
        return HTTP_RANGE_PART;
}

bool http_range_etag_matches(const char *if_none_match, const char *etag) {
        const char *word;
        size_t n = strlen(etag), size;

        while (str_word(&if_none_match, ", \t", &word, &size)) {
                if (size == 1 && *word == '*')
                        return true;
                if (size > 2 && strncmp(word, "W/", 2) == 0) {
                        word += 2;
                        size -= 2;
                }
                if (size == n + 2 && word[0] == '"' && word[n + 1] == '"' &&
                    memcmp(word + 1, etag, n) == 0)
                        return true;
        }
        return false;
}
