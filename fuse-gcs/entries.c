#include "fuse-gcs/entries.h"

#include <errno.h>
#include <string.h>

#include "fuse-gcs/commit.h"
#include "fuse-gcs/commit_compose.h"
#include "fuse-gcs/lookup.h"
#include "fuse-gcs/names.h"
#include "fuse-gcs/reader.h"
#include "fuse-gcs/sweep.h"
#include "fuse-gcs/writer.h"
#include "lib/base/json_write.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

struct inode *entries_inode(struct mnt *m, const char *path) {
        struct inode *i;

        pthread_mutex_lock(&m->tree);
        i = inode_find(m, path);
        if (i)
                i->n_lookup++;
        pthread_mutex_unlock(&m->tree);
        return i;
}

static void entries_inode_put(struct mnt *m, struct inode *i) {
        if (!i)
                return;
        pthread_mutex_lock(&m->tree);
        inode_forget(m, i, 1);
        pthread_mutex_unlock(&m->tree);
}

static void entries_know_gone(struct mnt *m, const char *path, bool is_dir) {
        size_t len = strlen(path);
        usec_t now = mnt_now();

        pthread_mutex_lock(&m->tree);
        if (is_dir) {
                stat_cache_forget_below(m->stats, path);
                (void) stat_cache_put_dir(m->stats, path, len - 1, false, false, STAT_CACHE_OURS,
                                          now);
        } else {
                (void) stat_cache_put_file(m->stats, path, len, NULL, STAT_CACHE_OURS, now);
        }
        pthread_mutex_unlock(&m->tree);
}

int entries_delete(struct mnt *m, const char *path, int64_t if_generation) {
        _cleanup_answer_ struct remote_answer answer = {};
        struct gcs_request q;
        int r;

        gcs_request_init(&q, GCS_DELETE, path);
        q.if_generation = if_generation;
        q.budget_for = m->o.metadata_budget_for;
        r = remote_call(m->remote, &q, &answer);
        return r == -ENOENT && answer.unsure ? 0 : r;
}

/* --- moving ---------------------------------------------------------------------------------- */

static int entries_copy(struct mnt *m, const char *from, const char *to, int64_t if_source,
                        int64_t if_generation, struct attrs **ret) {
        _cleanup_free_ char *token = NULL;

        for (;;) {
                _cleanup_answer_ struct remote_answer answer = {};
                struct gcs_request q;
                struct gcs_object o;
                const char *next = NULL;
                struct errmsg em;
                struct arena a;
                int r;

                gcs_request_init(&q, GCS_REWRITE, from);
                q.dest = to;
                q.if_source_generation = if_source;
                q.if_generation = if_generation;
                q.token = token;
                q.budget_for = m->o.commit_budget_for;
                r = remote_call(m->remote, &q, &answer);
                if (r < 0)
                        return r;
                arena_init(&a, 0);
                r = gcs_object_parse_rewrite(&a, answer.body ?: "", answer.body_len, &o, &next,
                                             &em);
                if (r >= 0 && !next && ret && !(*ret = attrs_new(&o)))
                        r = -ENOMEM;
                mem_free(token);
                token = mem_strdup(next);
                arena_done(&a);
                if (r < 0 || !token)
                        return r;
        }
}

/* Does the service know moveTo at all? Who does not answers 404 without JSON, or 405, 501. */
static bool entries_knows_move(const struct remote_answer *a) {
        if (a->error == -ENOSYS || a->status == 400)
                return false;
        return !(a->error == -ENOENT && (!a->body || a->body[strspn(a->body, " \r\n")] != '{'));
}

/* Refused: because a try before was carried out and its answer lost (curl, too, tries again without
 * saying so)? Then what was to be moved is there, and newer. 0: yes; 1: no. */
static int entries_moved(struct mnt *m, const char *to, const struct attrs *source,
                         int64_t if_generation, bool unsure, struct attrs **ret) {
        _cleanup_(attrs_unrefp) struct attrs *now = NULL;
        int r = source || unsure ? lookup_object(m, to, &now) : -ENOENT;

        if (r < 0)
                return r == -ENOENT ? 1 : r;
        if (if_generation != GCS_ANY && now->generation == if_generation)
                return 1;
        if (source && (now->generation <= source->generation || now->size != source->size ||
                       (source->has_crc32c && now->crc32c != source->crc32c)))
                return 1;
        if (ret)
                *ret = TAKE_PTR(now);
        return 0;
}

int entries_move(struct mnt *m, const char *from, const char *to, const struct attrs *source,
                 int64_t if_generation, bool keep, struct attrs **ret) {
        int64_t if_source = source ? source->generation : GCS_ANY;
        int r;

        if (!keep && !m->no_move) {
                _cleanup_answer_ struct remote_answer answer = {};
                struct gcs_request q;

                gcs_request_init(&q, GCS_MOVE, from);
                q.dest = to;
                q.if_source_generation = if_source;
                q.if_generation = if_generation;
                q.budget_for = m->o.metadata_budget_for;
                r = remote_call(m->remote, &q, &answer);
                if (r >= 0)
                        return ret ? commit_parse(&answer, ret) : 0;
                if (r == -ENOENT || r == -ESTALE) {
                        int x = entries_moved(m, to, source, if_generation, answer.unsure, ret);

                        if (x <= 0)
                                return x;
                }
                if (entries_knows_move(&answer))
                        return r;
        }
        r = entries_copy(m, from, to, if_source, if_generation, ret);
        if (r >= 0 && !keep) {
                m->no_move = true;
                r = entries_delete(m, from, if_source);
        }
        return r;
}

/* --- open and gone --------------------------------------------------------------------------- */

/* Under the inode's lock. aside: where its object (a) is now; NULL: nowhere. */
static int entries_parked(struct mnt *m, struct inode *i, char *aside, struct attrs *a) {
        pthread_mutex_lock(&m->tree);
        inode_unlink(m, i, aside);
        if (a) {
                attrs_unref(i->attrs);
                i->attrs = attrs_ref(a);
        }
        if (a && i->writer && i->writer->base) {
                attrs_unref(i->writer->base);
                i->writer->base = attrs_ref(a);
        }
        pthread_mutex_unlock(&m->tree);
        return a != NULL;
}

int entries_park(struct mnt *m, const char *path, bool keep) {
        struct inode *i = entries_inode(m, path);
        char *aside = NULL;
        bool is_open, has_object;
        struct attrs *a = NULL;
        int r = 0;

        if (!i)
                return 0;
        pthread_mutex_lock(&i->lock);
        /* What was sent already is in an upload for this very name. */
        if (i->writer && writer_is_sending(i->writer))
                r = commit_inode(m, i);
        pthread_mutex_lock(&m->tree);
        is_open = i->n_open > 0;
        has_object = i->attrs && i->attrs->generation > 0 && i->attrs->size > 0 &&
                     !(i->writer && i->writer->o.base_valid == 0);
        pthread_mutex_unlock(&m->tree);
        if (r >= 0 && is_open && has_object) {
                aside = mnt_temp_name(m, NAMES_OPEN);
                r = aside ? entries_move(m, path, aside, NULL, GCS_ANY, keep, &a) : -ENOMEM;
                /* The name is ours alone: what is there came by a try whose answer was lost. */
                if (r == -ENOENT && entries_moved(m, aside, NULL, GCS_ANY, true, &a) == 0)
                        r = 0;
        }
        if (r >= 0)
                r = entries_parked(m, i, TAKE_PTR(aside), a);
        pthread_mutex_unlock(&i->lock);
        attrs_unref(a);
        mem_free(aside);
        entries_inode_put(m, i);
        return r;
}

void entries_unpark(struct mnt *m, struct inode *i) {
        _cleanup_free_ char *path = NULL;

        pthread_mutex_lock(&m->tree);
        if (i->is_parked)
                path = mem_strdup(i->path);
        i->is_parked = false;
        pthread_mutex_unlock(&m->tree);
        if (path)
                sweep_object(m, path);
}

static struct inode *entries_next_parked(struct mnt *m) {
        struct inode *i;

        pthread_mutex_lock(&m->tree);
        for (i = m->unlinked; i && !i->is_parked; i = i->next_in_slot)
                ;
        if (i)
                i->n_lookup++;
        pthread_mutex_unlock(&m->tree);
        return i;
}

void entries_unpark_all(struct mnt *m) {
        struct inode *i;

        while ((i = entries_next_parked(m))) {
                entries_unpark(m, i);
                entries_inode_put(m, i);
        }
}

/* --- making ---------------------------------------------------------------------------------- */

/* -EEXIST, when something of the name is there. ret_at: of when it is that there is nothing. */
static int entries_must_be_free(struct mnt *m, const char *dir, const char *name, usec_t *ret_at) {
        _cleanup_found_ struct lookup_found f = {};
        int r = names_check(dir, name);

        if (r < 0)
                return r;
        r = lookup_name(m, dir, name, &f);
        if (r == -ENOENT)
                *ret_at = f.heard_at;
        return r == -ENOENT ? 0 : r < 0 ? r : -EEXIST;
}

static int entries_make_folder(struct mnt *m, const char *path) {
        _cleanup_answer_ struct remote_answer answer = {};
        _cleanup_buf_ struct buf json = {};
        struct gcs_request q;
        struct json_write w;
        int r;

        json_write_init(&w, &json, 0);
        json_write_object(&w);
        json_write_kv_str(&w, "name", path);
        json_write_end(&w);
        r = json_write_finish(&w);
        if (r < 0)
                return r;
        gcs_request_init(&q, GCS_FOLDER_INSERT, NULL);
        q.json = json.data;
        q.budget_for = m->o.metadata_budget_for;
        r = remote_call(m->remote, &q, &answer);
        return r == -EEXIST && answer.unsure ? 0 : r;
}

static int entries_make_placeholder(struct mnt *m, const char *path) {
        _cleanup_(attrs_unrefp) struct attrs *a = NULL;
        _cleanup_buf_ struct buf json = {};
        struct timespec now = mnt_time();
        int r = commit_resource(&json, NULL, path, NULL, now, NULL);

        if (r >= 0)
                r = commit_insert(m, path, 0, json.data, "text/plain; charset=utf-8", &now, NULL, 0,
                                  &a);
        return r == -ESTALE ? -EEXIST : r;
}

int entries_mkdir(struct mnt *m, const char *dir, const char *name, char **ret_path) {
        _cleanup_free_ char *path = NULL;
        usec_t free_at;
        int r = entries_must_be_free(m, dir, name, &free_at);

        if (r < 0)
                return r;
        path = names_join(dir, name, true);
        if (!path)
                return -ENOMEM;
        r = m->o.is_hierarchical ? entries_make_folder(m, path) : entries_make_placeholder(m, path);
        if (r < 0)
                return r;
        pthread_mutex_lock(&m->tree);
        (void) stat_cache_put_file(m->stats, path, strlen(path) - 1, NULL, STAT_CACHE_OURS,
                                   mnt_now());
        (void) stat_cache_put_dir(m->stats, path, strlen(path) - 1, true, true, STAT_CACHE_OURS,
                                  mnt_now());
        /* There was nothing of the name, so there is nothing below it. */
        (void) stat_cache_put_made(m->stats, path, free_at);
        pthread_mutex_unlock(&m->tree);
        *ret_path = TAKE_PTR(path);
        return 0;
}

int entries_symlink(struct mnt *m, const char *dir, const char *name, const char *target,
                    char **ret_path, struct attrs **ret) {
        _cleanup_free_ char *path = NULL;
        _cleanup_buf_ struct buf metadata = {}, json = {};
        struct iovec body = {(char *) target, strlen(target)};
        struct timespec now = mnt_time();
        usec_t free_at;
        int r = entries_must_be_free(m, dir, name, &free_at);

        if (r >= 0)
                r = attrs_print_symlink(&metadata, target, m->o.standard_symlinks, now);
        if (r < 0)
                return r;
        path = names_join(dir, name, false);
        buf_printf(&json, "{\"metadata\":%s}", metadata.data);
        if (!path || buf_error(&json) < 0)
                return -ENOMEM;
        r = commit_insert(m, path, 0, json.data, "text/plain; charset=utf-8", &now, &body,
                          m->o.standard_symlinks, ret);
        if (r < 0)
                return r == -ESTALE ? -EEXIST : r;
        pthread_mutex_lock(&m->tree);
        (void) stat_cache_put_file(m->stats, path, strlen(path), *ret, STAT_CACHE_OURS, mnt_now());
        (void) stat_cache_put_dir(m->stats, path, strlen(path), false, false, STAT_CACHE_OURS,
                                  mnt_now());
        pthread_mutex_unlock(&m->tree);
        *ret_path = TAKE_PTR(path);
        return 0;
}

int entries_readlink(struct mnt *m, struct inode *i, char **ret) {
        struct block_fetch_source s = {};
        struct prefetch none = {};
        _cleanup_free_ char *path = NULL, *target = NULL;
        ssize_t n;

        pthread_mutex_lock(&m->tree);
        if (i->attrs && i->attrs->target)
                target = mem_strdup(i->attrs->target);
        path = mem_strdup(i->path);
        if (path && i->attrs)
                block_fetch_source_init(&s, path, i->attrs);
        pthread_mutex_unlock(&m->tree);
        if (!path || s.size > 65536)
                return path ? -EIO : -ENOMEM;
        if (!target) {
                target = mem_zalloc((size_t) s.size + 1);
                if (!target)
                        return -ENOMEM;
                n = reader_copy(m, &s, &none, 0, target, (size_t) s.size);
                if (n < 0)
                        return (int) n;
        }
        *ret = TAKE_PTR(target);
        return 0;
}

int entries_create(struct mnt *m, const char *dir, const char *name, struct inode **ret) {
        _cleanup_(attrs_unrefp) struct attrs *a = attrs_new_local(0, mnt_time());
        _cleanup_free_ char *path = names_join(dir, name, false);
        struct inode *i;
        int r = names_check(dir, name);

        if (r < 0)
                return r;
        if (!a || !path)
                return -ENOMEM;
        pthread_mutex_lock(&m->tree);
        i = inode_find(m, path);
        /* What the kernel had of a file that is gone is another file. */
        if (i && !i->is_local)
                inode_unlink(m, i, NULL);
        r = inode_get(m, path, a, USEC_INFINITY, &i);
        if (r >= 0) {
                inode_set_local(m, i, true);
                i->kernel_has = 0;
        }
        pthread_mutex_unlock(&m->tree);
        if (r < 0)
                return r;
        pthread_mutex_lock(&i->lock);
        if (!i->writer)
                r = writer_begin(m, i, true);
        pthread_mutex_unlock(&i->lock);
        *ret = i;
        return r;
}

/* --- removing -------------------------------------------------------------------------------- */

struct entries_unshown {
        struct mnt *m;
        size_t len; /* of the directory's path */
};

static int entries_delete_unshown_of(void *ctx, const struct gcs_object_list *l,
                                     struct gcs_request *q) {
        const struct entries_unshown *u = ctx;
        int r = 0;

        for (size_t k = 0; r >= 0 && k < l->n_items; k++) {
                const char *part = l->items[k].name + u->len;

                if (*part && !names_is_shown(part, strcspn(part, "/")))
                        r = entries_delete(u->m, l->items[k].name, GCS_ANY);
                r = r == -ENOENT ? 0 : r;
        }
        return r;
}

/* What no directory can show goes with the directory it is in. */
static int entries_delete_unshown(struct mnt *m, const char *dir) {
        struct entries_unshown u = {m, strlen(dir)};
        struct gcs_request q;

        gcs_request_init(&q, GCS_LIST, NULL);
        q.prefix = dir;
        q.n_max = 1000;
        q.fields = "nextPageToken,items(name,generation)";
        q.budget_for = m->o.metadata_budget_for;
        return remote_each_page(m->remote, &q, entries_delete_unshown_of, &u);
}

int entries_delete_folder(struct mnt *m, const char *path) {
        _cleanup_answer_ struct remote_answer answer = {};
        struct gcs_request q;
        int r;

        gcs_request_init(&q, GCS_FOLDER_DELETE, path);
        q.budget_for = m->o.metadata_budget_for;
        r = remote_call(m->remote, &q, &answer);
        return r == -ENOENT && answer.unsure ? 0 : r;
}

int entries_must_be_empty(struct mnt *m, const char *path, struct lookup_children *ret) {
        int r = lookup_children(m, path, ret);

        if (r >= 0 && ret->has_shown)
                r = -ENOTEMPTY;
        pthread_mutex_lock(&m->tree);
        for (struct inode *i = m->locals; i && r >= 0; i = i->next_local)
                if (str_starts(i->path, path))
                        r = -ENOTEMPTY;
        pthread_mutex_unlock(&m->tree);
        return r;
}

/* There is something in it: what the kernel keeps of its list may not have it. */
static void entries_know_more(struct mnt *m, const char *path) {
        struct inode *i;

        pthread_mutex_lock(&m->tree);
        i = inode_find(m, path);
        if (i)
                i->listed_at = 0;
        pthread_mutex_unlock(&m->tree);
}

int entries_rmdir(struct mnt *m, const char *dir, const char *name) {
        _cleanup_found_ struct lookup_found f = {};
        struct lookup_children c;
        int r = lookup_name(m, dir, name, &f);

        if (r < 0)
                return r;
        if (f.attrs)
                return -ENOTDIR;
        r = entries_must_be_empty(m, f.path, &c);
        if (r == -ENOTEMPTY)
                entries_know_more(m, f.path);
        if (r >= 0 && c.has_unshown)
                r = entries_delete_unshown(m, f.path);
        if (r < 0)
                return r;
        if (m->o.is_hierarchical)
                r = entries_delete_folder(m, f.path);
        if (c.has_placeholder)
                r = entries_delete(m, f.path, GCS_ANY);
        else if (f.is_explicit && !m->o.is_hierarchical)
                r = -ENOENT; /* removed elsewhere since we heard of it */
        if (r < 0 && r != -ENOENT)
                return r;
        entries_know_gone(m, f.path, true);
        (void) entries_park(m, f.path, false);
        return f.is_explicit ? r : 0;
}

int entries_unlink(struct mnt *m, const char *dir, const char *name) {
        _cleanup_found_ struct lookup_found f = {};
        int r = lookup_name(m, dir, name, &f);

        if (r < 0)
                return r;
        if (!f.attrs)
                return -EISDIR;
        r = entries_park(m, f.path, false);
        if (r < 0 && r != -ENOENT && r != -ESTALE)
                return r;
        if (r == 0 && f.attrs->generation > 0) {
                r = entries_delete(m, f.path, f.attrs->generation);
                /* Written over meanwhile, elsewhere: it is the name that shall go. */
                if (r == -ESTALE)
                        r = entries_delete(m, f.path, GCS_ANY);
                if (r == -ENOENT)
                        r = 0;
        }
        if (r < 0)
                return r;
        entries_know_gone(m, f.path, false);
        return 0;
}
