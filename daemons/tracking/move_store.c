#include "daemons/tracking/move_store.h"

#include <errno.h>
#include <string.h>

#include "lib/base/errmsg.h"
#include "lib/base/fnv.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/store/store.h"

enum { CHUNK = 1 << 20 };

struct move {
        struct store *from, *to;
        const char *prefix, *to_prefix;
        struct move_store_counts counts;
        char *last; /* name of the last object done */
        struct errmsg *em;
        char chunk[CHUNK];
};

struct sum {
        uint64_t size, hash;
};

/* Reads an object to its end; into `put` too when that is not NULL. */
static int read_through(struct move *m, struct store *from, const char *name, struct store_put *put,
                        struct sum *ret) {
        struct sum sum = {.hash = FNV_EMPTY};
        struct store_get *get;
        struct store_info info;
        ssize_t n;
        int r = store_get_open(from, name, m->em, &info, &get);

        if (r < 0)
                return r;
        while ((n = store_get_read(from, get, sum.size, m->chunk, CHUNK)) > 0) {
                sum.hash = fnv_add(sum.hash, m->chunk, (size_t) n);
                sum.size += (uint64_t) n;
                r = put ? store_put_write(m->to, put, m->chunk, (size_t) n) : 0;
                if (r < 0)
                        break;
        }
        store_get_close(from, get);
        if (n < 0 || r < 0)
                return errmsg_errno(m->em, n < 0 ? (int) n : r, "%s: cannot be %s", name,
                                    n < 0 ? "read" : "written");
        *ret = sum;
        return 0;
}

static int copy_object(struct move *m, const char *name, const char *target, struct sum *ret) {
        struct store_put *put;
        int r = store_put_begin(m->to, target, m->em, &put);

        if (r < 0)
                return r;
        r = read_through(m, m->from, name, put, ret);
        if (r < 0) {
                store_put_abort(m->to, put);
                return r;
        }
        return store_put_commit(m->to, put, NULL, m->em);
}

static bool is_there(struct move *m, const char *name, const char *target, uint64_t size) {
        struct store_info info;
        struct sum a, b;

        if (store_stat(m->to, target, NULL, &info) < 0 || info.size != size)
                return false;
        return read_through(m, m->from, name, NULL, &a) == 0 &&
               read_through(m, m->to, target, NULL, &b) == 0 && a.size == b.size &&
               a.hash == b.hash;
}

static int move_object(struct move *m, const struct store_entry *e) {
        _cleanup_free_ char *target = str_printf("%s%s", m->to_prefix, e->name + strlen(m->prefix));
        struct sum written, read;
        int r;

        if (!target)
                return -ENOMEM;
        m->counts.n_objects++;
        m->counts.n_bytes += e->info.size;
        if (is_there(m, e->name, target, e->info.size))
                return 0;
        r = copy_object(m, e->name, target, &written);
        if (r == 0)
                r = read_through(m, m->to, target, NULL, &read);
        if (r < 0)
                return r;
        if (written.size != read.size || written.hash != read.hash)
                return errmsg_fail(m->em, -EUCLEAN, "%s: what was written is not what is read",
                                   target);
        m->counts.n_copied++;
        return 0;
}

static int each(const struct store_entry *e, void *userdata) {
        struct move *m = userdata;
        char *last;
        int r = e->is_prefix ? 0 : move_object(m, e);

        if (r < 0)
                return r;
        last = mem_strdup(e->name);
        if (!last)
                return -ENOMEM;
        mem_free(m->last);
        m->last = last;
        return 0;
}

int move_store(struct store *from, const char *prefix, struct store *to, const char *to_prefix,
               struct errmsg *em, struct move_store_counts *ret) {
        struct move *m = mem_new(struct move);
        bool more = true;
        int r = m ? 0 : -ENOMEM;

        if (!m)
                return r;
        m->from = from;
        m->to = to;
        m->prefix = prefix;
        m->to_prefix = to_prefix;
        m->em = em;
        while (r == 0 && more) {
                const struct store_list list = {
                        .prefix = prefix, .is_deep = true, .after = m->last};
                _cleanup_free_ char *after = mem_strdup(m->last);
                struct store_list page = list;

                page.after = after; /* m->last moves meanwhile */
                r = store_list(from, &page, each, m, em, &more);
        }
        if (r == 0)
                *ret = m->counts;
        mem_free(m->last);
        mem_free(m);
        return r;
}
