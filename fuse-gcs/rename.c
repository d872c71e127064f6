#include "fuse-gcs/rename.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "fuse-gcs/commit.h"
#include "fuse-gcs/commit_compose.h"
#include "fuse-gcs/entries.h"
#include "fuse-gcs/lookup.h"
#include "fuse-gcs/names.h"
#include "lib/base/json_write.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE 1
#endif
#define RENAME_AT_ONCE 32
#define RENAME_MARK "fuse-gcs-renamed-from"

/* --- a file ---------------------------------------------------------------------------------- */

/* What is being written is in the bucket before it moves. */
static int rename_commit(struct mnt *m, const char *path) {
        struct inode *i = entries_inode(m, path);
        int r = 0;

        if (!i)
                return 0;
        if (i->is_dirty) {
                pthread_mutex_lock(&i->lock);
                r = commit_inode(m, i);
                pthread_mutex_unlock(&i->lock);
        }
        pthread_mutex_lock(&m->tree);
        inode_forget(m, i, 1);
        pthread_mutex_unlock(&m->tree);
        return r;
}

static int rename_know(struct mnt *m, const char *from, const char *to, struct attrs *a) {
        usec_t now = mnt_now();
        struct inode *i;
        int r = 0;

        pthread_mutex_lock(&m->tree);
        (void) stat_cache_put_file(m->stats, from, strlen(from), NULL, STAT_CACHE_OURS, now);
        (void) stat_cache_put_file(m->stats, to, strlen(to), a, STAT_CACHE_OURS, now);
        (void) stat_cache_put_dir(m->stats, to, strlen(to), false, false, STAT_CACHE_OURS, now);
        i = inode_find(m, from);
        if (i) {
                r = inode_rename(m, i, to);
                inode_set_attrs(i, a, now + m->o.ttl_for);
                i->kernel_has = names_content(to, a->generation);
        }
        pthread_mutex_unlock(&m->tree);
        return r;
}

static int rename_file(struct mnt *m, const char *from, struct attrs *source, const char *to,
                       struct attrs *target, bool no_replace) {
        _cleanup_(attrs_unrefp) struct attrs *a = NULL, *s = attrs_ref(source),
                                             *t = attrs_ref(target);
        int r = -ESTALE;

        if (t) {
                r = entries_park(m, to, true);
                if (r < 0)
                        return r;
                /* Ours that was nowhere but here is gone with that. */
                if (t->generation == 0)
                        t = attrs_unref(t);
        }
        for (unsigned n_tries = 0; n_tries < 2; n_tries++) {
                r = entries_move(m, from, to, s, t ? t->generation : 0, false, &a);
                if (r != -ESTALE || no_replace)
                        break;
                /* One of both was written elsewhere since we looked: once more with what it is. */
                s = attrs_unref(s);
                t = attrs_unref(t);
                r = lookup_object(m, from, &s);
                if (r >= 0) {
                        r = lookup_object(m, to, &t);
                        if (r == -ENOENT)
                                r = 0;
                }
                if (r < 0)
                        return r;
                r = -ESTALE;
        }
        if (r < 0)
                return r == -ESTALE && no_replace ? -EEXIST : r;
        return rename_know(m, from, to, a);
}

/* --- a directory of a bucket with folders ---------------------------------------------------- */

static int rename_wait_operation(struct mnt *m, const char *name) {
        usec_t began_at = mnt_now(), nap = 50 * USEC_PER_MSEC;

        while (mnt_now() - began_at < m->o.commit_budget_for && !m->stopping) {
                _cleanup_answer_ struct remote_answer answer = {};
                struct timespec t = {0, (long) nap * NSEC_PER_USEC};
                struct gcs_request q;
                struct arena a;
                struct json *j;
                bool done = false, failed;
                int r;

                gcs_request_init(&q, GCS_OPERATION, name);
                r = remote_call(m->remote, &q, &answer);
                if (r < 0)
                        return r;
                arena_init(&a, 0);
                r = json_parse_copy(&a, answer.body ?: "", answer.body_len, &j, NULL);
                if (r >= 0)
                        (void) json_bool(json_get(j, "done"), &done);
                failed = r >= 0 && json_get(j, "error");
                arena_done(&a);
                if (r < 0 || done)
                        return r < 0 ? -EPROTO : failed ? -EIO : 0;
                (void) nanosleep(&t, NULL);
                nap = MIN(nap * 2, 900 * USEC_PER_MSEC);
        }
        return -ETIMEDOUT;
}

static int rename_folder(struct mnt *m, const char *from, const char *to) {
        _cleanup_answer_ struct remote_answer answer = {};
        _cleanup_free_ char *operation = NULL;
        struct gcs_request q;
        struct arena a;
        struct json *j;
        const char *name;
        bool done = false;
        int r;

        gcs_request_init(&q, GCS_FOLDER_RENAME, from);
        q.dest = to;
        q.budget_for = m->o.metadata_budget_for;
        r = remote_call(m->remote, &q, &answer);
        if (r < 0)
                return r;
        arena_init(&a, 0);
        if (json_parse_copy(&a, answer.body ?: "", answer.body_len, &j, NULL) >= 0) {
                (void) json_bool(json_get(j, "done"), &done);
                if (!done && json_str(json_get(j, "name"), &name) == 0) {
                        const char *slash = strrchr(name, '/');

                        operation = mem_strdup(slash ? slash + 1 : name);
                }
        }
        arena_done(&a);
        return operation ? rename_wait_operation(m, operation) : 0;
}

/* --- a directory of a flat bucket ------------------------------------------------------------ */

struct rename_tree {
        struct mnt *m;
        const char *from, *to;
        struct buf names; /* all objects below, without the prefix, one behind the other */
        size_t n;
        size_t n_moved;
        int error; /* the first one */
        char failed[256];
};

static int rename_list_page(void *ctx, const struct gcs_object_list *l, struct gcs_request *q) {
        struct rename_tree *t = ctx;

        for (size_t k = 0; k < l->n_items; k++) {
                const char *below = str_after(l->items[k].name, t->from);
                int r;

                if (!below || !*below)
                        continue;
                t->n++;
                r = buf_add(&t->names, below, strlen(below) + 1);
                if (r < 0)
                        return r;
        }
        return t->n > t->m->o.rename_limit ? -EMFILE : 0;
}

static int rename_list(struct rename_tree *t) {
        struct gcs_request q;

        gcs_request_init(&q, GCS_LIST, NULL);
        q.prefix = t->from;
        q.n_max = 5000;
        q.fields = "nextPageToken,items(name,generation)";
        q.budget_for = t->m->o.metadata_budget_for;
        return remote_each_page(t->m->remote, &q, rename_list_page, t);
}

static int rename_mark(struct rename_tree *t) {
        _cleanup_(attrs_unrefp) struct attrs *a = NULL;
        _cleanup_buf_ struct buf json = {};
        struct json_write w;
        int r;

        json_write_init(&w, &json, 0);
        json_write_object(&w);
        json_write_kv_object(&w, "metadata");
        json_write_kv_str(&w, RENAME_MARK, t->from);
        json_write_end(&w);
        json_write_end(&w);
        r = json_write_finish(&w);
        if (r >= 0)
                r = commit_insert(t->m, t->to, GCS_ANY, json.data, "text/plain; charset=utf-8",
                                  NULL, NULL, 0, &a);
        return r;
}

static int rename_unmark(struct rename_tree *t) {
        _cleanup_(attrs_unrefp) struct attrs *a = NULL;

        return commit_insert(t->m, t->to, GCS_ANY, "{}", "text/plain; charset=utf-8", NULL, NULL, 0,
                             &a);
}

/* Did a rename of the same two break off? */
static bool rename_is_resumed(struct mnt *m, const char *from, const char *to) {
        _cleanup_answer_ struct remote_answer answer = {};
        struct gcs_request q;
        struct gcs_object o;
        struct errmsg em;
        struct arena a;
        bool is = false;

        gcs_request_init(&q, GCS_STAT, to);
        q.budget_for = m->o.metadata_budget_for;
        if (remote_call(m->remote, &q, &answer) < 0)
                return false;
        arena_init(&a, 0);
        if (gcs_object_parse(&a, answer.body ?: "", answer.body_len, &o, &em) >= 0)
                is = str_eq(gcs_object_metadata(&o, RENAME_MARK) ?: "", from);
        arena_done(&a);
        return is;
}

struct rename_slot {
        struct remote_wait wait;
        char *from, *to;
        bool is_busy;
};

static void rename_note(struct rename_tree *t, const char *name, int r) {
        if (r >= 0 || r == -ENOENT) { /* gone elsewhere: nothing to be moved */
                t->n_moved++;
        } else if (t->error == 0) {
                t->error = r;
                snprintf(t->failed, sizeof(t->failed), "%s: %s", name, errmsg_strerror(r));
        }
}

/* What moved is known, and open, under its new name at once. Directories below follow with the
 * whole: before that, files in them are still found where they were. */
static void rename_slot_know(struct rename_tree *t, const struct rename_slot *s, struct attrs *a) {
        if (a && !str_ends(s->from, "/"))
                (void) rename_know(t->m, s->from, s->to, a);
}

static void rename_slot_end(struct rename_tree *t, struct rename_slot *s) {
        _cleanup_answer_ struct remote_answer answer = {};
        _cleanup_(attrs_unrefp) struct attrs *a = NULL;
        int r;

        if (!s->is_busy)
                return;
        r = remote_wait_end(&s->wait, &answer);
        if (r >= 0)
                (void) commit_parse(&answer, &a);
        /* The slow way knows what to make of it. */
        else if (!answer.unsure || r != -ENOENT)
                r = entries_move(t->m, s->from, s->to, NULL, GCS_ANY, false, &a);
        rename_slot_know(t, s, a);
        rename_note(t, s->from, r);
        s->is_busy = false;
        s->from = mem_free(s->from);
        s->to = mem_free(s->to);
}

static void rename_slot_begin(struct rename_tree *t, struct rename_slot *s, const char *below) {
        _cleanup_(attrs_unrefp) struct attrs *a = NULL;
        int r = -ENOMEM;

        s->from = str_printf("%s%s", t->from, below);
        s->to = str_printf("%s%s", t->to, below);
        if (s->from && s->to && t->m->no_move) {
                r = entries_move(t->m, s->from, s->to, NULL, GCS_ANY, false, &a);
                rename_slot_know(t, s, a);
        } else if (s->from && s->to) {
                s->wait = (struct remote_wait){};
                gcs_request_init(&s->wait.q, GCS_MOVE, s->from);
                s->wait.q.dest = s->to;
                s->wait.q.budget_for = t->m->o.metadata_budget_for;
                r = remote_wait_begin(t->m->remote, &s->wait);
                s->is_busy = r >= 0;
                if (s->is_busy)
                        return;
        }
        rename_note(t, below, r);
        s->from = mem_free(s->from);
        s->to = mem_free(s->to);
}

static int rename_move_all(struct rename_tree *t) {
        struct rename_slot *slots = mem_zalloc_array(RENAME_AT_ONCE, sizeof(*slots));
        const char *below = t->names.data;
        size_t k = 0;

        if (!slots)
                return -ENOMEM;
        for (; k < t->n && t->error == 0; k++, below += strlen(below) + 1) {
                struct rename_slot *s = &slots[k % RENAME_AT_ONCE];

                rename_slot_end(t, s);
                rename_slot_begin(t, s, below);
        }
        for (size_t n = 0; n < RENAME_AT_ONCE; n++)
                rename_slot_end(t, &slots[n]);
        mem_free(slots);
        return t->error;
}

static int rename_flat(struct mnt *m, const char *from, const char *to) {
        struct rename_tree t = {.m = m, .from = from, .to = to};
        int r = rename_list(&t);

        if (r >= 0)
                r = rename_mark(&t);
        if (r >= 0) {
                r = rename_move_all(&t);
                if (r < 0)
                        log_error("%s to %s: %zu of %zu objects are renamed, then %s; the same "
                                  "rename again goes on with the rest",
                                  from, to, t.n_moved, t.n, t.failed);
        }
        if (r >= 0) {
                r = entries_delete(m, from, GCS_ANY);
                if (r == -ENOENT)
                        r = 0;
        }
        if (r >= 0)
                r = rename_unmark(&t);
        buf_done(&t.names);
        return r;
}

/* All below that is being written is in the bucket before. */
static int rename_commit_below(struct mnt *m, const char *dir) {
        int r = 0;

        while (r >= 0) {
                _cleanup_free_ char *path = NULL;

                pthread_mutex_lock(&m->tree);
                for (size_t s = 0; s < m->n_inode_slots && !path; s++)
                        for (struct inode *i = m->inodes[s]; i && !path; i = i->next_in_slot)
                                if (i->is_dirty && str_starts(i->path, dir))
                                        path = mem_strdup(i->path);
                pthread_mutex_unlock(&m->tree);
                if (!path)
                        return 0;
                r = rename_commit(m, path);
        }
        return r;
}

static int rename_by_folder(struct mnt *m, const char *from, const char *to, bool has_target) {
        /* It is empty: what is renamed comes in its place. */
        int r = has_target ? entries_delete_folder(m, to) : 0;

        return r < 0 && r != -ENOENT ? r : rename_folder(m, from, to);
}

static int rename_dir(struct mnt *m, const char *from, const char *to, bool has_target) {
        struct lookup_children c;
        struct inode *i;
        int r = 0;

        if (str_starts(to, from))
                return -EINVAL;
        if (has_target && !rename_is_resumed(m, from, to)) {
                r = entries_must_be_empty(m, to, &c);
                if (r < 0)
                        return r;
        }
        r = rename_commit_below(m, from);
        if (r >= 0)
                r = m->o.is_hierarchical ? rename_by_folder(m, from, to, has_target)
                                         : rename_flat(m, from, to);
        pthread_mutex_lock(&m->tree);
        stat_cache_forget_below(m->stats, from);
        stat_cache_forget_below(m->stats, to);
        if (r >= 0) {
                (void) stat_cache_put_dir(m->stats, from, strlen(from) - 1, false, false,
                                          STAT_CACHE_OURS, mnt_now());
                (void) stat_cache_put_file(m->stats, to, strlen(to) - 1, NULL, STAT_CACHE_OURS,
                                           mnt_now());
                (void) stat_cache_put_dir(m->stats, to, strlen(to) - 1, true, true, STAT_CACHE_OURS,
                                          mnt_now());
                i = inode_find(m, to);
                if (i)
                        inode_unlink(m, i, NULL);
                i = inode_find(m, from);
                if (i)
                        r = inode_rename(m, i, to);
        }
        pthread_mutex_unlock(&m->tree);
        return r;
}

/* --- which of both --------------------------------------------------------------------------- */

/* The source, with nothing of it still to be written. */
static int rename_source(struct mnt *m, const char *dir, const char *name,
                         struct lookup_found *ret) {
        int r = lookup_name(m, dir, name, ret);

        if (r < 0 || !ret->attrs)
                return r;
        r = rename_commit(m, ret->path);
        lookup_found_done(ret);
        return r < 0 ? r : lookup_name(m, dir, name, ret);
}

/* May it be replaced by that? */
static int rename_check_target(const struct lookup_found *from, const struct lookup_found *to,
                               bool no_replace) {
        if (no_replace)
                return -EEXIST;
        if (from->attrs && !to->attrs)
                return -EISDIR;
        return !from->attrs && to->attrs ? -ENOTDIR : 0;
}

int rename_entry(struct mnt *m, const char *from_dir, const char *from_name, const char *to_dir,
                 const char *to_name, unsigned flags) {
        _cleanup_found_ struct lookup_found from = {}, to = {};
        _cleanup_free_ char *path = NULL;
        bool no_replace = flags & RENAME_NOREPLACE, has_target;
        int r;

        if (flags & ~(unsigned) RENAME_NOREPLACE)
                return -EINVAL;
        r = names_check(to_dir, to_name);
        if (r >= 0)
                r = rename_source(m, from_dir, from_name, &from);
        if (r < 0)
                return r;
        r = lookup_name(m, to_dir, to_name, &to);
        has_target = r >= 0;
        if (has_target)
                r = rename_check_target(&from, &to, no_replace);
        if (r < 0 && r != -ENOENT)
                return r;
        path = names_join(to_dir, to_name, !from.attrs);
        if (!path)
                return -ENOMEM;
        if (str_eq(path, from.path))
                return 0;
        if (!from.attrs)
                return rename_dir(m, from.path, path, has_target);
        return rename_file(m, from.path, from.attrs, path, to.attrs, no_replace);
}
