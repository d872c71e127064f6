#include "fuse-gcs/lookup.h"

#include <errno.h>
#include <string.h>

#include "fuse-gcs/inode.h"
#include "fuse-gcs/names.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

#define LOOKUP_PAGE 5000

void lookup_found_done(struct lookup_found *f) {
        f->path = mem_free(f->path);
        f->attrs = attrs_unref(f->attrs);
}

void lookup_list_request(struct mnt *m, const char *dir, struct gcs_request *q) {
        gcs_request_init(q, GCS_LIST, NULL);
        q->prefix = dir;
        q->delimiter = "/";
        q->trailing_delimiter = true;
        q->include_folders = m->o.is_hierarchical;
        q->n_max = LOOKUP_PAGE;
        q->budget_for = m->o.metadata_budget_for;
}

/* --- feeding --------------------------------------------------------------------------------- */

bool lookup_feed(struct mnt *m, const struct gcs_object_list *l, uint64_t seq) {
        usec_t now = mnt_now();

        pthread_mutex_lock(&m->tree);
        if (l->next_page_token && !stat_cache_has_room(m->stats, l->n_items + l->n_prefixes)) {
                pthread_mutex_unlock(&m->tree);
                return false;
        }
        for (size_t i = 0; i < l->n_items; i++) {
                const struct gcs_object *o = &l->items[i];
                size_t len = strlen(o->name);
                struct attrs *a;

                if (len > GCS_NAME_MAX)
                        continue;
                if (o->name[len - 1] == '/') {
                        (void) stat_cache_put_dir(m->stats, o->name, len - 1, true, true, seq, now);
                        continue;
                }
                a = attrs_new(o);
                if (!a)
                        continue;
                (void) stat_cache_put_file(m->stats, o->name, len, a, seq, now);
                (void) stat_cache_put_dir(m->stats, o->name, len, false, false, seq, now);
                attrs_unref(a);
        }
        for (size_t i = 0; i < l->n_prefixes; i++) {
                size_t len = strlen(l->prefixes[i]);
                struct stat_cache_found f;

                if (len < 2 || len > GCS_NAME_MAX)
                        continue;
                /* A placeholder that was heard of just now stays one. */
                if (stat_cache_get(m->stats, l->prefixes[i], len - 1, now, &f) > 0 && f.is_explicit)
                        continue;
                (void) stat_cache_put_dir(m->stats, l->prefixes[i], len - 1,
                                          m->o.implicit_dirs || m->o.is_hierarchical,
                                          m->o.is_hierarchical, seq, now);
        }
        pthread_mutex_unlock(&m->tree);
        return true;
}

/* --- one listing ----------------------------------------------------------------------------- */

/* The names of a page's files, one behind the other. */
static char *lookup_names(const char *dir, const struct gcs_object_list *l, size_t *ret_n) {
        struct buf b = {};
        size_t dir_len = strlen(dir);

        for (size_t i = 0; i < l->n_items; i++) {
                const char *part = l->items[i].name + dir_len;
                size_t len = strlen(part);

                if (len > 0 && part[len - 1] != '/')
                        buf_add(&b, part, len + 1);
        }
        *ret_n = b.len;
        return b.len > 0 ? buf_take(&b, NULL) : NULL;
}

/* The directory's first page goes to the cache: 0; negative. */
static int lookup_list(struct mnt *m, const char *dir) {
        _cleanup_answer_ struct remote_answer answer = {};
        struct gcs_object_list l;
        struct gcs_request q;
        struct errmsg em;
        struct arena a;
        uint64_t seq;
        int r;

        lookup_list_request(m, dir, &q);
        pthread_mutex_lock(&m->tree);
        seq = stat_cache_seq(m->stats);
        pthread_mutex_unlock(&m->tree);
        r = remote_call(m->remote, &q, &answer);
        if (r < 0)
                return r;
        arena_init(&a, 0);
        r = gcs_object_parse_list(&a, answer.body ?: "", answer.body_len, &l, &em);
        if (r >= 0) {
                size_t n = 0;
                char *names = l.next_page_token ? NULL : lookup_names(dir, &l, &n);

                (void) lookup_feed(m, &l, seq);
                pthread_mutex_lock(&m->tree);
                if (l.next_page_token)
                        stat_cache_put_large(m->stats, dir, mnt_now());
                else
                        (void) stat_cache_put_listed(m->stats, dir, names, n, mnt_now());
                pthread_mutex_unlock(&m->tree);
        }
        arena_done(&a);
        return r;
}

/* --- one name -------------------------------------------------------------------------------- */

int lookup_object(struct mnt *m, const char *path, struct attrs **ret) {
        _cleanup_answer_ struct remote_answer answer = {};
        struct gcs_request q;
        int r;

        gcs_request_init(&q, GCS_STAT, path);
        q.budget_for = m->o.metadata_budget_for;
        r = remote_call(m->remote, &q, &answer);
        return r < 0 ? r : attrs_parse(answer.body, answer.body_len, ret);
}

static int lookup_dir_request(struct mnt *m, const char *dir, struct gcs_request *q) {
        if (m->o.is_hierarchical) {
                gcs_request_init(q, GCS_FOLDER_GET, dir);
        } else if (m->o.implicit_dirs) {
                gcs_request_init(q, GCS_LIST, NULL);
                q->prefix = dir;
                q->n_max = 1;
        } else {
                gcs_request_init(q, GCS_STAT, dir);
        }
        q->budget_for = m->o.metadata_budget_for;
        return 0;
}

static int lookup_dir_answer(struct mnt *m, const char *dir, const struct remote_answer *answer,
                             bool *ret_is_dir, bool *ret_is_explicit) {
        struct gcs_object_list l;
        struct errmsg em;
        struct arena a;
        int r = 0;

        *ret_is_dir = *ret_is_explicit = answer->error >= 0;
        if (answer->error == -ENOENT)
                return 0;
        if (answer->error < 0)
                return answer->error;
        if (m->o.is_hierarchical || !m->o.implicit_dirs)
                return 0;
        arena_init(&a, 0);
        r = gcs_object_parse_list(&a, answer->body ?: "", answer->body_len, &l, &em);
        if (r >= 0) {
                *ret_is_dir = l.n_items > 0 || l.n_prefixes > 0;
                *ret_is_explicit = l.n_items > 0 && str_eq(l.items[0].name, dir);
        }
        arena_done(&a);
        return r;
}

/* Both at the same time: is there an object, is there a directory? */
static int lookup_ask(struct mnt *m, const char *dir, const char *path) {
        _cleanup_answer_ struct remote_answer file = {}, below = {};
        _cleanup_free_ char *dir_path = names_join(path, "", true);
        struct remote_wait of_file = {}, of_dir = {};
        struct attrs *attrs = NULL;
        bool is_dir, is_explicit;
        uint64_t seq;
        usec_t now;
        int r, x;

        if (!dir_path)
                return -ENOMEM;
        gcs_request_init(&of_file.q, GCS_STAT, path);
        of_file.q.budget_for = m->o.metadata_budget_for;
        lookup_dir_request(m, dir_path, &of_dir.q);
        pthread_mutex_lock(&m->tree);
        seq = stat_cache_seq(m->stats);
        pthread_mutex_unlock(&m->tree);
        r = remote_wait_begin(m->remote, &of_file);
        if (r < 0)
                return r;
        x = remote_wait_begin(m->remote, &of_dir);
        r = remote_wait_end(&of_file, &file);
        if (x < 0)
                return x;
        x = remote_wait_end(&of_dir, &below);
        if (r < 0 && r != -ENOENT)
                return r;
        r = r < 0 ? 0 : attrs_parse(file.body, file.body_len, &attrs);
        if (r >= 0)
                r = lookup_dir_answer(m, dir_path, &below, &is_dir, &is_explicit);
        if (r >= 0) {
                now = mnt_now();
                pthread_mutex_lock(&m->tree);
                (void) stat_cache_put_file(m->stats, path, strlen(path), attrs, seq, now);
                (void) stat_cache_put_dir(m->stats, path, strlen(path), is_dir, is_explicit, seq,
                                          now);
                stat_cache_put_asked(m->stats, dir);
                pthread_mutex_unlock(&m->tree);
        }
        attrs_unref(attrs);
        return r;
}

/* --- the answer ------------------------------------------------------------------------------ */

/* Under `tree`. The list that was made for this name has it not: that holds as long as an answer to
 * a question of its own. 1: it is kept; 0: there is no room. */
static int lookup_not_listed(struct mnt *m, const char *path, usec_t now,
                             struct stat_cache_found *ret) {
        size_t len = strlen(path);
        uint64_t seq = stat_cache_seq(m->stats);

        (void) stat_cache_put_file(m->stats, path, len, NULL, seq, now);
        (void) stat_cache_put_dir(m->stats, path, len, false, false, seq, now);
        return stat_cache_get(m->stats, path, len, now, ret);
}

/* Under `tree`. 1: known, perhaps as nothing; 0: to be asked. */
static int lookup_known(struct mnt *m, const char *dir, const char *path, bool just_listed,
                        struct stat_cache_found *ret) {
        size_t len = strlen(path);
        struct inode *i = inode_find(m, path);
        usec_t now = mnt_now();
        int known = stat_cache_get(m->stats, path, len, now, ret);

        /* What is written here is not in the bucket, or not in this form. */
        if (i && i->is_local && !(known > 0 && ret->is_dir)) {
                *ret = (struct stat_cache_found){
                        .file = i->attrs, .until_at = now, .heard_at = now};
                return 1;
        }
        if (known > 0)
                return 1;
        if (!(just_listed ? stat_cache_is_listed(m->stats, dir, now)
                          : stat_cache_denies(m->stats, dir, now)))
                return 0;
        if (!just_listed || lookup_not_listed(m, path, now, ret) <= 0)
                *ret = (struct stat_cache_found){
                        .until_at = now,
                        .heard_at = stat_cache_listed_at(m->stats, dir, now),
                };
        return 1;
}

static int lookup_answer(const char *path, bool want_object, const struct stat_cache_found *f,
                         struct lookup_found *ret) {
        ret->until_at = f->until_at;
        ret->heard_at = f->heard_at;
        if (f->is_dir && !want_object) {
                ret->path = names_join(path, "", true);
                ret->is_explicit = f->is_explicit;
        } else if (f->file) {
                ret->path = mem_strdup(path);
                ret->attrs = attrs_ref(f->file);
        } else {
                return -ENOENT;
        }
        return ret->path ? 0 : -ENOMEM;
}

/* With nothing kept (TTL 0) the answer goes through a cache of its own. */
static int lookup_uncached(struct mnt *m, const char *path, bool want_object,
                           struct lookup_found *ret) {
        _cleanup_answer_ struct remote_answer answer = {};
        _cleanup_free_ char *dir_path = names_join(path, "", true);
        struct stat_cache_found f = {.heard_at = mnt_now()};
        struct gcs_request q;
        int r;

        if (!dir_path)
                return -ENOMEM;
        r = lookup_object(m, path, &f.file);
        if (r < 0 && r != -ENOENT)
                return r;
        lookup_dir_request(m, dir_path, &q);
        (void) remote_call(m->remote, &q, &answer);
        r = lookup_dir_answer(m, dir_path, &answer, &f.is_dir, &f.is_explicit);
        if (r >= 0)
                r = lookup_answer(path, want_object, &f, ret);
        attrs_unref(f.file);
        return r;
}

struct lookup_state {
        bool just_listed; /* the directory, by this very lookup */
        bool was_listed;  /* when it was asked for: the list did not have it */
        bool may_list;
        int r;
};

/* What is known now: true when that is an answer, st->r. */
static bool lookup_try(struct mnt *m, const char *dir, const char *path, bool want_object,
                       struct lookup_state *st, struct lookup_found *ret) {
        usec_t now = mnt_now();
        struct stat_cache_found f;
        bool known, listed;

        pthread_mutex_lock(&m->tree);
        known = lookup_known(m, dir, path, st->just_listed, &f) > 0;
        if (known && st->was_listed && (f.file || f.is_dir))
                stat_cache_doubt(m->stats, now);
        if (known)
                st->r = lookup_answer(path, want_object, &f, ret);
        listed = stat_cache_is_listed(m->stats, dir, now);
        st->was_listed = !st->just_listed && listed;
        st->may_list = m->o.prefetch_metadata && m->o.negative_for > 0 &&
                       (!listed || stat_cache_is_unasked(m->stats, dir)) &&
                       !stat_cache_is_large(m->stats, dir, now);
        pthread_mutex_unlock(&m->tree);
        return known;
}

int lookup_name(struct mnt *m, const char *dir, const char *name, struct lookup_found *ret) {
        size_t base = names_conflict_len(name);
        _cleanup_free_ char *base_name = base ? mem_strndup(name, base) : mem_strdup(name);
        _cleanup_free_ char *path = base_name ? names_join(dir, base_name, false) : NULL;
        struct lookup_state st = {};
        int r;

        if (!path)
                return -ENOMEM;
        if (names_is_ours(m->o.root, path))
                return -ENOENT;
        for (unsigned asked = 0; asked < 3; asked++) {
                if (lookup_try(m, dir, path, base > 0, &st, ret))
                        return st.r;
                if (m->o.ttl_for == 0)
                        return lookup_uncached(m, path, base > 0, ret);
                st.just_listed = st.may_list && asked == 0;
                r = st.just_listed ? lookup_list(m, dir) : lookup_ask(m, dir, path);
                if (r < 0)
                        return r;
        }
        /* The cache has no room for one name. */
        return lookup_uncached(m, path, base > 0, ret);
}

/* Is it a name that no directory can show ("d//x", "d/./x")? */
static bool lookup_is_unshown(const char *dir, const char *name) {
        const char *part = str_after(name, dir);

        return part && *part && !names_is_shown(part, strcspn(part, "/"));
}

struct lookup_counting {
        struct mnt *m;
        const char *dir;
        struct lookup_children c;
};

/* Adds what a page says: 1 when it is enough. */
static int lookup_count_children(void *ctx, const struct gcs_object_list *l,
                                 struct gcs_request *q) {
        struct lookup_counting *n = ctx;

        for (size_t i = 0; i < l->n_items; i++) {
                if (str_eq(l->items[i].name, n->dir))
                        n->c.has_placeholder = true;
                else if (lookup_is_unshown(n->dir, l->items[i].name))
                        n->c.has_unshown = true;
                else
                        n->c.has_shown = true;
        }
        for (size_t i = 0; i < l->n_prefixes; i++) {
                if (str_eq(l->prefixes[i], n->dir) || names_is_ours(n->m->o.root, l->prefixes[i]))
                        continue;
                if (lookup_is_unshown(n->dir, l->prefixes[i]))
                        n->c.has_unshown = true;
                else
                        n->c.has_shown = true;
        }
        q->n_max = LOOKUP_PAGE;
        return n->c.has_shown;
}

int lookup_children(struct mnt *m, const char *dir, struct lookup_children *ret) {
        struct lookup_counting n = {.m = m, .dir = dir};
        struct gcs_request q;
        int r;

        lookup_list_request(m, dir, &q);
        q.n_max = 3;
        r = remote_each_page(m->remote, &q, lookup_count_children, &n);
        if (r >= 0)
                *ret = n.c;
        return r;
}
