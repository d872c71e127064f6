/* store.c: what holds for every store: names are checked before a store sees them. */
#include "lib/store/store.h"

#include <errno.h>
#include <string.h>

#include "lib/base/errmsg.h"
#include "lib/base/utf8.h"

enum { PART_MAX = 255 };

struct store *store_free(struct store *s) {
        if (s)
                s->ops->free(s);
        return NULL;
}

static const char *part_fault(const char *part, size_t n) {
        if (n == 0)
                return "it has an empty part";
        if (n > PART_MAX)
                return "it has a part of more than 255 bytes";
        if ((n == 1 && part[0] == '.') || (n == 2 && part[0] == '.' && part[1] == '.'))
                return "it has a part \".\" or \"..\"";
        for (size_t i = 0; i < n; i++)
                if ((unsigned char) part[i] < 0x20 || part[i] == 0x7f || part[i] == '\\')
                        return "it has a backslash or a control character";
        return NULL;
}

static const char *name_fault(const char *name) {
        size_t n = strnlen(name, STORE_NAME_MAX + 1);

        if (n > STORE_NAME_MAX)
                return "it has more than 1024 bytes";
        if (!utf8_valid(name, n))
                return "it is not UTF-8";
        for (const char *part = name;;) {
                size_t n_part = strcspn(part, "/");
                const char *fault = part_fault(part, n_part);

                if (fault || part[n_part] == '\0')
                        return fault;
                part += n_part + 1;
        }
}

int store_name_check(const char *name, struct errmsg *em) {
        const char *fault = name_fault(name);

        return fault ? errmsg_fail(em, -EINVAL, "Invalid path: \"%.200s\": %s", name, fault) : 0;
}

/* A prefix may be empty, end with "/" or in the middle of a part. */
static int prefix_check(const char *prefix, struct errmsg *em) {
        char whole[STORE_NAME_MAX + 3];
        size_t n = strnlen(prefix, STORE_NAME_MAX + 1);

        if (n > STORE_NAME_MAX)
                return store_name_check(prefix, em);
        if (n == 0)
                return 0;
        memcpy(whole, prefix, n);
        whole[n] = 'x'; /* stands for the rest of the last part */
        whole[n + 1] = '\0';
        if (prefix[n - 1] != '/')
                whole[n] = '\0';
        return store_name_check(whole, em);
}

/* --- writing -----------------------------------------------------------------------------------
 */

int store_put_begin(struct store *s, const char *name, struct errmsg *em,
                    struct store_put **ret_put) {
        int r;

        assert(s && name && ret_put);
        r = store_name_check(name, em);
        return r < 0 ? r : s->ops->put_begin(s, name, em, ret_put);
}

int store_put_write(struct store *s, struct store_put *p, const void *data, size_t n) {
        return n > 0 ? s->ops->put_write(p, data, n) : 0;
}

int store_put_commit(struct store *s, struct store_put *p, struct store_info *ret_info,
                     struct errmsg *em) {
        struct store_info info;
        int r;

        r = s->ops->put_commit(p, &info, em);
        if (r >= 0 && ret_info)
                *ret_info = info;
        return r;
}

void store_put_abort(struct store *s, struct store_put *p) {
        if (p)
                s->ops->put_abort(p);
}

int store_put(struct store *s, const char *name, const void *data, size_t n, struct errmsg *em) {
        struct store_put *p;
        int r;

        r = store_put_begin(s, name, em, &p);
        if (r < 0)
                return r;
        r = store_put_write(s, p, data, n);
        if (r < 0) {
                store_put_abort(s, p);
                return errmsg_errno(em, r, "%s: cannot write the object", name);
        }
        return store_put_commit(s, p, NULL, em);
}

/* --- reading -----------------------------------------------------------------------------------
 */

int store_get_open(struct store *s, const char *name, struct errmsg *em,
                   struct store_info *ret_info, struct store_get **ret_get) {
        int r;

        assert(s && name && ret_info && ret_get);
        r = store_name_check(name, em);
        return r < 0 ? r : s->ops->get_open(s, name, em, ret_info, ret_get);
}

ssize_t store_get_read(struct store *s, struct store_get *g, uint64_t offset, void *data,
                       size_t n) {
        return s->ops->get_read(g, offset, data, n);
}

int store_get_fd(struct store *s, struct store_get *g) {
        return s->ops->get_fd(g);
}

void store_get_close(struct store *s, struct store_get *g) {
        if (g)
                s->ops->get_close(g);
}

int store_stat(struct store *s, const char *name, struct errmsg *em, struct store_info *ret_info) {
        int r;

        assert(s && name && ret_info);
        r = store_name_check(name, em);
        return r < 0 ? r : s->ops->stat(s, name, em, ret_info);
}

int store_list(struct store *s, const struct store_list *list,
               int (*each)(const struct store_entry *entry, void *userdata), void *userdata,
               struct errmsg *em, bool *ret_more) {
        struct store_list l = *list;
        bool more = false;
        int r;

        assert(s && each);
        if (!l.prefix)
                l.prefix = "";
        if (l.n_max == 0 || l.n_max > STORE_LIST_MAX)
                l.n_max = STORE_LIST_MAX;
        r = prefix_check(l.prefix, em);
        if (r >= 0)
                r = s->ops->list(s, &l, each, userdata, em, &more);
        if (r >= 0 && ret_more)
                *ret_more = more;
        return r;
}

/* --- changing ----------------------------------------------------------------------------------
 */

int store_delete(struct store *s, const char *name, struct errmsg *em) {
        int r;

        r = store_name_check(name, em);
        return r < 0 ? r : s->ops->delete (s, name, em);
}

int store_delete_prefix(struct store *s, const char *prefix, struct errmsg *em, uint64_t *ret_n) {
        uint64_t n = 0;
        int r;

        r = store_name_check(prefix, em);
        if (r >= 0)
                r = s->ops->delete_prefix(s, prefix, em, &n);
        if (r >= 0 && ret_n)
                *ret_n = n;
        return r;
}

int store_copy(struct store *s, const char *from, const char *to, struct errmsg *em) {
        int r;

        r = store_name_check(from, em);
        if (r >= 0)
                r = store_name_check(to, em);
        return r < 0 ? r : s->ops->copy(s, from, to, em);
}
