#include "lib/gcp/gcs_name.h"

#include <errno.h>

#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/base/utf8.h"

static bool gcs_name_is_plain(char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '-' || c == '.' || c == '_' || c == '~';
}

static int gcs_name_escape_with(struct buf *out, const char *s, char also) {
        static const char digits[] = "0123456789ABCDEF";

        for (; *s; s++) {
                unsigned char c = (unsigned char) *s;

                if (gcs_name_is_plain(*s) || (also && *s == also)) {
                        buf_add_char(out, *s);
                        continue;
                }
                buf_add_char(out, '%');
                buf_add_char(out, digits[c >> 4]);
                buf_add_char(out, digits[c & 15]);
        }
        return buf_error(out);
}

int gcs_name_escape(struct buf *out, const char *s) {
        return gcs_name_escape_with(out, s, 0);
}

int gcs_name_escape_path(struct buf *out, const char *s) {
        return gcs_name_escape_with(out, s, '/');
}

int gcs_name_check(const char *s) {
        size_t len = strlen(s);

        if (len == 0 || str_eq(s, ".") || str_eq(s, "..") || strpbrk(s, "\r\n") ||
            str_starts(s, ".well-known/acme-challenge/"))
                return -EINVAL;
        if (len > GCS_NAME_MAX)
                return -ENAMETOOLONG;
        return utf8_valid(s, len) ? 0 : -EILSEQ;
}

int gcs_name_check_bucket(const char *s, struct errmsg *em) {
        size_t len = strlen(s);
        bool good = len >= 3 && len <= 222;

        for (size_t i = 0; good && i < len; i++) {
                bool inner = i > 0 && i + 1 < len;
                bool alnum = (s[i] >= 'a' && s[i] <= 'z') || (s[i] >= '0' && s[i] <= '9');

                good = alnum || (inner && strchr("._-", s[i]));
        }
        if (good)
                return 0;
        return errmsg_fail(em, -EINVAL,
                           "\"%.80s\" is no bucket: names have 3 to 222 of a-z, 0-9, \".\", \"_\" "
                           "and \"-\", with a letter or digit at both ends",
                           s);
}

int gcs_name_endpoint(const char *given, char **ret, struct errmsg *em) {
        const char *scheme = strstr(given, "://");
        const char *host = scheme ? scheme + 3 : given;
        const char *path;
        size_t len;
        char *url;

        if (scheme && !str_starts(given, "http://") && !str_starts(given, "https://"))
                return errmsg_fail(em, -EINVAL, "endpoint %s: only http:// and https:// are spoken",
                                   given);
        path = host + strcspn(host, "/?#");
        len = strlen(path);
        if (path == host || strpbrk(path, "?# \r\n"))
                return errmsg_fail(em, -EINVAL,
                                   "endpoint %s: want http://HOST:PORT, perhaps with "
                                   "/storage/v1/ behind it",
                                   given);
        /* What stands before /storage/v1 is a proxy's prefix and stays. */
        while (len > 0 && path[len - 1] == '/')
                len--;
        if (len >= STRLEN("/b") && strncmp(path + len - 2, "/b", 2) == 0)
                len -= 2;
        if (len >= STRLEN("/storage/v1") && strncmp(path + len - 11, "/storage/v1", 11) == 0)
                len -= STRLEN("/storage/v1");
        url = str_printf("%s%.*s", scheme ? "" : "http://", (int) ((size_t) (path - given) + len),
                         given);
        if (!url)
                return -ENOMEM;
        *ret = url;
        return 0;
}
