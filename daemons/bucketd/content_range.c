#include "daemons/bucketd/content_range.h"

#include <errno.h>
#include <string.h>

#include "lib/base/str.h"

static bool read_number(const char **p, uint64_t *ret) {
        const char *start = *p;
        uint64_t n = 0;

        for (; **p >= '0' && **p <= '9'; (*p)++) {
                if (n > (UINT64_MAX >> 1) / 10)
                        return false;
                n = n * 10 + (uint64_t) (**p - '0');
        }
        *ret = n;
        return *p > start;
}

int content_range_parse(const char *text, struct content_range *ret) {
        const char *p = str_after(text, "bytes ");
        struct content_range c = {};

        if (!p)
                return -EINVAL;
        p += strspn(p, " ");
        if (*p == '*') {
                p++;
        } else {
                if (!read_number(&p, &c.first) || *p++ != '-' || !read_number(&p, &c.last) ||
                    c.last < c.first)
                        return -EINVAL;
                c.has_bytes = true;
        }
        if (*p++ != '/')
                return -EINVAL;
        if (*p == '*')
                p++;
        else if (!(c.has_total = read_number(&p, &c.total)))
                return -EINVAL;
        if (*p || (c.has_bytes && c.has_total && c.last >= c.total))
                return -EINVAL;
        *ret = c;
        return 0;
}
