#include "fuse-gcs/dir.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fuse-gcs/lookup.h"
#include "fuse-gcs/names.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/base/strmap.h"

#define DIR_NAMES_MAX ((size_t) 1 << 20) /* bytes of names remembered of a listed directory */

struct dir_page {
        struct dir_entry *entries;
        size_t n;
        uint64_t first;    /* offset of entries[0] */
        struct arena text; /* names and paths: many small ones would leave holes behind */
};

struct dir {
        struct dir *next, **prev; /* of the mount's, under `tree` */
        struct mnt *m;
        struct inode *inode;
        pthread_mutex_t lock;
        char *path;
        struct dir_page before, now;
        char *token; /* of the next page */
        usec_t asked_at;
        bool has_begun, is_at_end;
        bool is_unfed; /* not all of it went to the stat cache */
        uint64_t seq;
        struct strmap locals; /* names that are here already */
        struct dir_page here; /* the same, in order */
        size_t n_here_told;   /* of them */
        struct buf names;     /* of the files so far, while there are not too many */
};

void dir_lock(struct dir *d) {
        pthread_mutex_lock(&d->lock);
}

void dir_unlock(struct dir *d) {
        pthread_mutex_unlock(&d->lock);
}

struct inode *dir_inode(const struct dir *d) {
        return d->inode;
}

static void dir_page_done(struct dir_page *p) {
        for (size_t k = 0; k < p->n; k++)
                attrs_unref(p->entries[k].attrs);
        mem_free(p->entries);
        arena_done(&p->text);
        *p = (struct dir_page){};
}

static void dir_rewind(struct dir *d) {
        dir_page_done(&d->before);
        dir_page_done(&d->now);
        dir_page_done(&d->here);
        d->n_here_told = 0;
        strmap_clear(&d->locals);
        buf_reset(&d->names);
        d->token = mem_free(d->token);
        d->has_begun = d->is_at_end = d->is_unfed = false;
}

int dir_open(struct mnt *m, struct inode *i, struct dir **ret) {
        struct dir *d = mem_new(struct dir);

        if (!d)
                return -ENOMEM;
        d->m = m;
        d->inode = i;
        buf_init(&d->names, DIR_NAMES_MAX);
        pthread_mutex_init(&d->lock, NULL);
        pthread_mutex_lock(&m->tree);
        d->next = m->dirs;
        d->prev = &m->dirs;
        if (d->next)
                d->next->prev = &d->next;
        m->dirs = d;
        pthread_mutex_unlock(&m->tree);
        *ret = d;
        return 0;
}

struct dir *dir_free(struct dir *d) {
        if (!d)
                return NULL;
        pthread_mutex_lock(&d->m->tree);
        *d->prev = d->next;
        if (d->next)
                d->next->prev = d->prev;
        pthread_mutex_unlock(&d->m->tree);
        dir_rewind(d);
        strmap_done(&d->locals);
        buf_done(&d->names);
        pthread_mutex_destroy(&d->lock);
        mem_free(d->path);
        return mem_free(d);
}

void dir_free_all(struct mnt *m) {
        while (m->dirs)
                dir_free(m->dirs);
}

/* Room was made. suffix: of a conflict. */
static int dir_add(struct dir *d, struct dir_page *p, const char *path, const char *part,
                   size_t len, const char *suffix, struct attrs *attrs) {
        struct dir_entry *e = &p->entries[p->n];
        size_t path_len = strlen(path);

        e->path = arena_strndup(&p->text, path, path_len);
        /* Of a file it is how the path ends. */
        if (e->path && !*suffix && path_len >= len && !memcmp(path + path_len - len, part, len))
                e->name = e->path + path_len - len;
        else
                e->name = arena_printf(&p->text, "%.*s%s", (int) len, part, suffix);
        e->attrs = attrs_ref(attrs);
        e->asked_at = d->asked_at;
        p->n++;
        return e->name && e->path ? 0 : -ENOMEM;
}

/* --- what is only here ----------------------------------------------------------------------- */

static int dir_compare_entry(const void *a, const void *b) {
        return strcmp(((const struct dir_entry *) a)->path, ((const struct dir_entry *) b)->path);
}

static int dir_find_locals(struct dir *d) {
        struct mnt *m = d->m;
        struct dir_page p = {};
        size_t n = 0, len = strlen(d->path);
        int r = 0;

        d->asked_at = mnt_now();
        pthread_mutex_lock(&m->tree);
        d->seq = stat_cache_seq(m->stats);
        for (struct inode *i = m->locals; i; i = i->next_local)
                n++;
        p.entries = mem_zalloc_array(n + 1, sizeof(*p.entries));
        if (!p.entries)
                r = -ENOMEM;
        for (struct inode *i = m->locals; i && r >= 0; i = i->next_local) {
                const char *part = str_after(i->path, d->path);

                if (!part || names_parent_len(i->path) != len)
                        continue;
                r = dir_add(d, &p, i->path, part, strlen(part), "", i->attrs);
                if (r >= 0)
                        r = strmap_set(&d->locals, part, d);
        }
        pthread_mutex_unlock(&m->tree);
        if (p.n > 1)
                qsort(p.entries, p.n, sizeof(*p.entries), dir_compare_entry);
        if (r < 0)
                dir_page_done(&p);
        else
                d->here = p;
        return r;
}

/* Those before `path` (NULL: all that are left), at their place in the order. */
static int dir_add_locals(struct dir *d, struct dir_page *p, const char *path) {
        int r = 0;

        while (r >= 0 && d->n_here_told < d->here.n) {
                const struct dir_entry *e = &d->here.entries[d->n_here_told];

                if (path && strcmp(e->path, path) > 0)
                        break;
                r = dir_add(d, p, e->path, e->name, strlen(e->name), "", e->attrs);
                d->n_here_told++;
        }
        return r;
}

/* --- a page ---------------------------------------------------------------------------------- */

static int dir_compare_prefix(const void *a, const void *b) {
        return strcmp(*(const char *const *) a, *(const char *const *) b);
}

static bool dir_has_prefix(const struct gcs_object_list *l, const char *path) {
        _cleanup_free_ char *dir_path = names_join(path, "", true);

        return dir_path && l->n_prefixes > 0 &&
               bsearch(&dir_path, l->prefixes, l->n_prefixes, sizeof(*l->prefixes),
                       dir_compare_prefix);
}

/* "a" may have its "a/" on the next page when all after it begins with "a" too. */
static bool dir_may_conflict(const struct dir *d, const struct gcs_object_list *l,
                             const char *path) {
        const char *last = l->n_items > 0 ? l->items[l->n_items - 1].name : "";
        struct lookup_children c;
        _cleanup_free_ char *dir_path = NULL;

        if (l->n_prefixes > 0 && strcmp(l->prefixes[l->n_prefixes - 1], last) > 0)
                last = l->prefixes[l->n_prefixes - 1];
        if (!l->next_page_token || !str_starts(last, path) || last[strlen(path)] >= '/')
                return false;
        dir_path = names_join(path, "", true);
        return dir_path && lookup_children(d->m, dir_path, &c) >= 0 && c.has_shown;
}

static int dir_add_object(struct dir *d, struct dir_page *p, const struct gcs_object_list *l,
                          const struct gcs_object *o) {
        const char *part = str_after(o->name, d->path);
        size_t len = part ? strlen(part) : 0;
        _cleanup_(attrs_unrefp) struct attrs *attrs = NULL;
        const char *suffix = "";

        if (!part || !names_is_shown(part, len) || strmap_has(&d->locals, part))
                return 0;
        attrs = attrs_new(o);
        if (!attrs)
                return -ENOMEM;
        if (dir_has_prefix(l, o->name) || dir_may_conflict(d, l, o->name))
                suffix = NAMES_CONFLICT;
        (void) buf_add(&d->names, part, len + 1);
        return dir_add(d, p, o->name, part, len, suffix, attrs);
}

static bool dir_has_placeholder(const struct gcs_object_list *l, const char *prefix) {
        for (size_t k = 0; k < l->n_items; k++)
                if (str_eq(l->items[k].name, prefix))
                        return true;
        return false;
}

static int dir_add_directory(struct dir *d, struct dir_page *p, const struct gcs_object_list *l,
                             const char *path) {
        const char *part = str_after(path, d->path);
        size_t len = part ? strlen(part) : 0;

        if (len < 2 || !names_is_shown(part, len - 1) || names_is_ours(d->m->o.root, path))
                return 0;
        if (!d->m->o.implicit_dirs && !d->m->o.is_hierarchical && !dir_has_placeholder(l, path))
                return 0;
        return dir_add(d, p, path, part, len - 1, "", NULL);
}

/* Objects and prefixes, each in order, become one order. */
static int dir_fill(struct dir *d, struct dir_page *p, struct gcs_object_list *l) {
        size_t o = 0, x = 0;
        int r = 0;

        p->entries =
                mem_zalloc_array(l->n_items + l->n_prefixes + d->here.n + 1, sizeof(*p->entries));
        if (!p->entries)
                return -ENOMEM;
        if (l->n_prefixes > 0)
                qsort(l->prefixes, l->n_prefixes, sizeof(*l->prefixes), dir_compare_prefix);
        while (r >= 0 && (o < l->n_items || x < l->n_prefixes)) {
                bool object = x >= l->n_prefixes ||
                              (o < l->n_items && strcmp(l->items[o].name, l->prefixes[x]) < 0);

                r = dir_add_locals(d, p, object ? l->items[o].name : l->prefixes[x]);
                if (r < 0)
                        break;
                if (object)
                        r = dir_add_object(d, p, l, &l->items[o++]);
                else
                        r = dir_add_directory(d, p, l, l->prefixes[x++]);
        }
        return r >= 0 && !l->next_page_token ? dir_add_locals(d, p, NULL) : r;
}

/* It was heard whole from its first page to its last. */
static void dir_remember(struct dir *d) {
        struct mnt *m = d->m;
        size_t n = d->names.len;
        bool fits = buf_error(&d->names) >= 0 && !d->is_unfed;
        char *names = fits && n > 0 ? buf_take(&d->names, NULL) : NULL;

        pthread_mutex_lock(&m->tree);
        if (fits && stat_cache_n_bytes(m->stats) < m->o.stat_bytes_max / 2)
                (void) stat_cache_put_listed(m->stats, d->path, names, n, mnt_now());
        else
                mem_free(names);
        pthread_mutex_unlock(&m->tree);
}

/* Who looks up one name of it shall not list it. */
static void dir_know_large(struct dir *d) {
        usec_t now = mnt_now();

        pthread_mutex_lock(&d->m->tree);
        if (!stat_cache_is_listed(d->m->stats, d->path, now))
                stat_cache_put_large(d->m->stats, d->path, now);
        pthread_mutex_unlock(&d->m->tree);
}

static int dir_next_page(struct dir *d) {
        _cleanup_answer_ struct remote_answer answer = {};
        struct dir_page p = {.first = d->now.first + d->now.n};
        size_t n_here_told = d->n_here_told;
        struct gcs_object_list l;
        struct gcs_request q;
        struct errmsg em;
        struct arena a;
        bool is_large = d->token;
        int r;

        lookup_list_request(d->m, d->path, &q);
        q.page_token = d->token;
        d->asked_at = mnt_now();
        r = remote_call(d->m->remote, &q, &answer);
        if (r < 0)
                return r;
        arena_init(&a, 0);
        r = gcs_object_parse_list(&a, answer.body ?: "", answer.body_len, &l, &em);
        remote_answer_done(&answer); /* the list is a copy, and large */
        if (r >= 0) {
                if (!lookup_feed(d->m, &l, d->seq))
                        d->is_unfed = true;
                if (is_large || l.next_page_token)
                        dir_know_large(d);
                r = dir_fill(d, &p, &l);
        }
        if (r >= 0) {
                dir_page_done(&d->before);
                d->before = d->now;
                d->now = p;
                mem_free(d->token);
                d->token = mem_strdup(l.next_page_token);
                d->is_at_end = !d->token;
                if (d->is_at_end)
                        dir_remember(d);
        } else {
                dir_page_done(&p);
                d->n_here_told = n_here_told;
        }
        arena_done(&a);
        return r;
}

static int dir_begin(struct dir *d) {
        struct mnt *m = d->m;
        int r;

        dir_rewind(d);
        pthread_mutex_lock(&m->tree);
        mem_free(d->path);
        d->path = mem_strdup(d->inode->path);
        pthread_mutex_unlock(&m->tree);
        r = d->path ? dir_find_locals(d) : -ENOMEM;
        if (r >= 0)
                d->has_begun = true;
        return r;
}

int dir_entry(struct dir *d, uint64_t offset, const struct dir_entry **ret) {
        int r = 0;

        if (!d->has_begun || (offset < d->before.first && offset < d->now.first) ||
            (offset == 0 && d->now.first > 0))
                r = dir_begin(d);
        while (r >= 0) {
                for (unsigned k = 0; k < 2; k++) {
                        struct dir_page *p = k ? &d->now : &d->before;

                        if (offset >= p->first && offset - p->first < p->n) {
                                *ret = &p->entries[offset - p->first];
                                return 1;
                        }
                }
                if (d->is_at_end)
                        return 0;
                r = dir_next_page(d);
        }
        return r;
}
