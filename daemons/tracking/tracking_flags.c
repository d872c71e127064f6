#include "daemons/tracking/tracking_flags.h"

#include <errno.h>
#include <string.h>

#include "lib/base/errmsg.h"
#include "lib/base/log.h"
#include "lib/base/macros.h"
#include "lib/base/str.h"

enum fate { REPLACE, IGNORE, REFUSE };

static const struct flag {
        const char *name;
        enum fate fate;
        bool has_value;
        const char *text;
} flags[] = {
#define FLAG(...) {__VA_ARGS__},
#include "daemons/tracking/tracking_flags.def"
#undef FLAG
};

/* --name or --name=value */
static const struct flag *find(const char *arg, bool *ret_has_value) {
        size_t n = strcspn(arg, "=");

        *ret_has_value = arg[n] == '=';
        for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
                if (strlen(flags[i].name) == n && memcmp(flags[i].name, arg, n) == 0)
                        return &flags[i];
        return NULL;
}

int tracking_flags_read(int argc, char **argv, struct errmsg *em) {
        int n = 0;

        for (int i = 0; i < argc; i++) {
                bool joined;
                const struct flag *f = i > 0 ? find(argv[i], &joined) : NULL;
                bool alone = i + 1 >= argc || argv[i + 1][0] == '-';

                /* -h alone asks for help. */
                if (!f || (f->fate == REPLACE && (joined || (f->has_value && alone)))) {
                        argv[n++] = argv[i];
                        continue;
                }
                if (f->fate == REFUSE)
                        return errmsg_fail(em, -EINVAL, "%s: %s", f->name, f->text);
                if (f->fate == REPLACE) {
                        argv[n++] = (char *) f->text;
                        continue;
                }
                log_notice("%s does nothing: %s", f->name, f->text);
                if (f->has_value && !joined)
                        i++;
        }
        argv[n] = NULL;
        return n;
}
