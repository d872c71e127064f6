/* zone_file: see zone_file.h. */
#include "lib/base/zone_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/fileio.h"
#include "lib/base/mem.h"
#include "lib/base/paths.h"
#include "lib/base/str.h"

#define FILE_MAX ((size_t) 256 * 1024)

/* At most two digits; *s moves behind them. */
static unsigned take_digits(const char **s, size_t *ret_n) {
        unsigned v = 0;
        size_t n = 0;

        for (; n < 2 && **s >= '0' && **s <= '9'; n++, (*s)++)
                v = v * 10 + (unsigned) (**s - '0');
        *ret_n = n;
        return v;
}

/* "+02:00", "-0530", "+8". */
static int parse_fixed(const char *name, int *ret_offset_s) {
        int sign = *name == '-' ? -1 : 1;
        unsigned hours, minutes = 0;
        size_t n;

        if (*name != '+' && *name != '-')
                return -EINVAL;
        name++;
        hours = take_digits(&name, &n);
        if (n == 0)
                return -EINVAL;
        if (*name) {
                name += *name == ':';
                minutes = take_digits(&name, &n);
                if (n != 2 || *name)
                        return -EINVAL;
        }
        if (hours > 23 || minutes > 59)
                return -EINVAL;
        *ret_offset_s = sign * (int) (hours * 3600 + minutes * 60);
        return 0;
}

/* A name near the wrong one in the same folder, e.g. Europe/Berln. */
static char *find_near(const char *dir, const char *name) {
        _cleanup_(str_free_listp) char **names = NULL;
        const char *slash = strrchr(name, '/'), *near;
        _cleanup_free_ char *folder = NULL;
        int head = slash ? (int) (slash - name) : 0;

        folder = str_printf("%s/%.*s", dir, head, name);
        if (!folder || fileio_list(folder, NULL, &names) < 0)
                return NULL;
        near = str_nearest(slash ? slash + 1 : name, (const char *const *) names, str_count(names));
        if (!near)
                return NULL;
        return str_printf("%.*s%s%s", head, name, slash ? "/" : "", near);
}

static int fail_missing(const char *dir, const char *name, struct errmsg *em) {
        _cleanup_free_ char *near = find_near(dir, name);

        if (near)
                return errmsg_fail(em, -ENOENT, "unknown time zone \"%s\": did you mean \"%s\"?",
                                   name, near);
        return errmsg_fail(
                em, -ENOENT,
                "unknown time zone \"%s\": use a name such as Europe/Berlin (%s; package "
                "tzdata)",
                name, dir);
}

int zone_file_load(const char *name, struct zone **ret, struct errmsg *em) {
        _cleanup_free_ char *path = NULL, *data = NULL;
        const char *dir = getenv("TZDIR");
        int offset_s, r;
        size_t len;

        if (str_empty(dir))
                dir = "/usr/share/zoneinfo";
        if (parse_fixed(name, &offset_s) >= 0 || str_eq(name, "UTC")) {
                *ret = zone_new_fixed(str_eq(name, "UTC") ? 0 : offset_s, name);
                return *ret ? 0 : -ENOMEM;
        }
        if (!paths_is_safe_relative(name))
                return errmsg_fail(em, -EINVAL, "\"%s\" is no name of a time zone", name);
        path = str_printf("%s/%s", dir, name);
        if (!path)
                return -ENOMEM;
        r = fileio_read(path, FILE_MAX, &data, &len);
        if (r == -ENOENT || r == -EISDIR || r == -ENOTDIR)
                return fail_missing(dir, name, em);
        if (r < 0)
                return errmsg_errno(em, r, "%s", path);
        return zone_parse(data, len, name, ret, em);
}
