#include "fuse-gcs/cache_filter.h"

#include <errno.h>
#include <regex.h>

#include "lib/base/mem.h"
#include "lib/base/str.h"

struct cache_filter {
        char *bucket;
        regex_t include, exclude;
        bool has_include, has_exclude;
};

static int cache_filter_compile(regex_t *re, const char *flag, const char *text, bool *ret_has,
                                struct errmsg *em) {
        char why[128];
        int r;

        if (!*text)
                return 0;
        r = regcomp(re, text, REG_EXTENDED | REG_NOSUB);
        if (r != 0) {
                (void) regerror(r, re, why, sizeof(why));
                return errmsg_fail(em, -EINVAL,
                                   "--%s=%s: %s: want a POSIX extended regular expression", flag,
                                   text, why);
        }
        *ret_has = true;
        return 0;
}

int cache_filter_new(const char *bucket, const char *include, const char *exclude,
                     struct cache_filter **ret, struct errmsg *em) {
        struct cache_filter *f;
        int r;

        *ret = NULL;
        if (!*include && !*exclude)
                return 0;
        f = mem_new(struct cache_filter);
        if (!f || !(f->bucket = mem_strdup(bucket))) {
                mem_free(f);
                return -ENOMEM;
        }
        r = cache_filter_compile(&f->include, "file-cache-include-regex", include, &f->has_include,
                                 em);
        if (r >= 0)
                r = cache_filter_compile(&f->exclude, "file-cache-exclude-regex", exclude,
                                         &f->has_exclude, em);
        if (r < 0) {
                cache_filter_free(f);
                return r;
        }
        *ret = f;
        return 0;
}

struct cache_filter *cache_filter_free(struct cache_filter *f) {
        if (!f)
                return NULL;
        if (f->has_include)
                regfree(&f->include);
        if (f->has_exclude)
                regfree(&f->exclude);
        mem_free(f->bucket);
        return mem_free(f);
}

bool cache_filter_takes(const struct cache_filter *f, const char *name) {
        _cleanup_free_ char *full = f ? str_printf("%s/%s", f->bucket, name) : NULL;

        if (!f)
                return true;
        return full && (!f->has_include || regexec(&f->include, full, 0, NULL, 0) == 0) &&
               (!f->has_exclude || regexec(&f->exclude, full, 0, NULL, 0) != 0);
}
