#include "fuse-gcs/commit.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "fuse-gcs/block_cache.h"
#include "fuse-gcs/commit_compose.h"
#include "fuse-gcs/commit_plan.h"
#include "fuse-gcs/lineage.h"
#include "fuse-gcs/lookup.h"
#include "fuse-gcs/mime.h"
#include "fuse-gcs/names.h"
#include "fuse-gcs/writer.h"
#include "lib/base/crc32c.h"
#include "lib/base/json_write.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

#define COMMIT_PIECES 1024                      /* pages in one request: 64 MiB */
#define COMMIT_ONE_REQUEST ((uint64_t) 8 << 20) /* what is merged and no larger goes at once */
#define COMMIT_FEED_MAX ((uint64_t) 2 << 20)    /* what is no larger stays in the block cache */

/* --- resources ------------------------------------------------------------------------------- */

const char *commit_content_type(const struct attrs *base, const char *path,
                                const struct iovec *start) {
        const char *known = base ? base->content_type : NULL;

        known = known ?: mime_of(path);
        if (!known)
                known = start ? mime_sniff(start->iov_base, start->iov_len)
                              : "application/octet-stream";
        return known;
}

int commit_resource(struct buf *out, const struct attrs *base, const char *path,
                    const struct iovec *start, struct timespec mtime, const uint32_t *crc32c) {
        _cleanup_buf_ struct buf metadata = {};
        struct json_write w;
        char text[CRC32C_TEXT_SIZE];
        int r = attrs_print_metadata(&metadata, base, mtime);

        if (r < 0)
                return r;
        json_write_init(&w, out, 0);
        json_write_object(&w);
        json_write_kv_str(&w, "name", path);
        json_write_kv_str(&w, "contentType", commit_content_type(base, path, start));
        if (base && base->content_encoding)
                json_write_kv_str(&w, "contentEncoding", base->content_encoding);
        if (crc32c)
                json_write_kv_str(&w, "crc32c", crc32c_print(*crc32c, text));
        json_write_key(&w, "metadata");
        json_write_raw(&w, metadata.data, metadata.len);
        json_write_end(&w);
        return json_write_finish(&w);
}

int commit_parse(const struct remote_answer *answer, struct attrs **ret) {
        return attrs_parse(answer->body, answer->body_len, ret);
}

/* Is what is there what we sent? Then an answer was lost, and nothing else. */
int commit_recognise(struct mnt *m, const char *path, uint64_t size, uint32_t crc32c,
                     const struct attrs *base, struct attrs **ret) {
        _cleanup_(attrs_unrefp) struct attrs *now = NULL;
        int r = lookup_object(m, path, &now);

        if (r >= 0 && now->size == size && now->has_crc32c && now->crc32c == crc32c &&
            (!base || now->generation != base->generation)) {
                *ret = TAKE_PTR(now);
                return 0;
        }
        if (r < 0 && r != -ENOENT)
                return r;
        log_warning("%s: not written: it was generation %" PRId64 " when it was opened and is "
                    "%" PRId64 " (%" PRIu64 " bytes) now; ours of %" PRIu64
                    " bytes is dropped at the last close",
                    path, base ? base->generation : (int64_t) 0,
                    now ? now->generation : (int64_t) 0, now ? now->size : (uint64_t) 0, size);
        return -ESTALE;
}

int commit_check(const char *path, const struct attrs *a, uint64_t size, uint32_t crc32c) {
        if (a->size == size && (!a->has_crc32c || a->crc32c == crc32c))
                return 0;
        log_error("%s: the bucket has %" PRIu64 " bytes with checksum %08x, sent were %" PRIu64
                  " with %08x",
                  path, a->size, a->crc32c, size, crc32c);
        return -EIO;
}

static uint32_t commit_crc32c(const struct iovec *iov, size_t n) {
        uint32_t crc = 0;

        for (size_t k = 0; k < n; k++)
                crc = crc32c_add(crc, iov[k].iov_base, iov[k].iov_len);
        return crc;
}

/* Was it us? */
static int commit_insert_ours(struct mnt *m, const char *path, const struct timespec *mtime,
                              struct attrs **ret) {
        _cleanup_(attrs_unrefp) struct attrs *now = NULL;
        int r = lookup_object(m, path, &now);

        if (r < 0)
                return r == -ENOENT ? -ESTALE : r;
        if (now->mtime.tv_sec != mtime->tv_sec || now->mtime.tv_nsec != mtime->tv_nsec)
                return -ESTALE;
        *ret = TAKE_PTR(now);
        return 0;
}

int commit_insert(struct mnt *m, const char *path, int64_t if_generation, const char *json,
                  const char *content_type, const struct timespec *mtime, const struct iovec *data,
                  size_t n_data, struct attrs **ret) {
        _cleanup_answer_ struct remote_answer answer = {};
        struct gcs_request q;
        int r;

        gcs_request_init(&q, GCS_INSERT, path);
        q.if_generation = if_generation;
        q.json = json;
        q.content_type = content_type;
        q.data = data;
        q.n_data = n_data;
        q.budget_for = m->o.commit_budget_for;
        r = remote_call(m->remote, &q, &answer);
        if (r == -ESTALE && mtime)
                return commit_insert_ours(m, path, mtime, ret);
        return r < 0 ? r : commit_parse(&answer, ret);
}

/* --- whole ----------------------------------------------------------------------------------- */

struct commit {
        struct mnt *m;
        struct inode *i;
        struct writer *w;
        char *path;
        int64_t if_generation;
        char *body; /* of what went in one request, to feed the cache with */
        size_t n_body;
};

static int commit_one_request(struct commit *c, const struct iovec *iov, size_t n,
                              struct attrs **ret) {
        _cleanup_buf_ struct buf json = {};
        const struct iovec none = {}, *start = n > 0 ? iov : &none;
        uint32_t crc = commit_crc32c(iov, n);
        int r = commit_resource(&json, c->w->base, c->path, start, c->w->mtime, &crc);

        if (r >= 0)
                r = commit_insert(c->m, c->path, c->if_generation, json.data,
                                  commit_content_type(c->w->base, c->path, start), NULL, iov, n,
                                  ret);
        if (r == -ESTALE || r == -EEXIST)
                r = commit_recognise(c->m, c->path, c->w->o.size, crc, c->w->base, ret);
        return r < 0 ? r : commit_check(c->path, *ret, c->w->o.size, crc);
}

/* The end of an upload that holds the object from its start; the rest of it is here. */
static int commit_finish(struct commit *c, struct attrs **ret) {
        _cleanup_answer_ struct remote_answer answer = {};
        struct writer *w = c->w;
        int r = commit_compose_rest(c->m, c->i, w->o.size, &answer);
        uint64_t size = w->o.size;
        uint32_t crc = push_crc32c(w->up);

        if (r == -ESTALE || r == -EEXIST)
                r = commit_recognise(c->m, c->path, size, crc, w->base, ret);
        else if (r >= 0)
                r = commit_parse(&answer, ret);
        return r < 0 ? r : commit_check(c->path, *ret, size, crc);
}

static int commit_merge(struct commit *c, struct attrs **ret) {
        struct iovec iov;
        ssize_t n;
        int r;

        if (c->w->o.size > COMMIT_ONE_REQUEST) {
                c->w->up_from = c->w->up_to = 0;
                r = commit_compose_begin(c->m, c->i, false);
                return r < 0 ? r : commit_finish(c, ret);
        }
        c->body = mem_alloc((size_t) c->w->o.size + 1);
        if (!c->body)
                return -ENOMEM;
        n = writer_content(c->m, c->i, 0, c->body, (size_t) c->w->o.size);
        if (n < 0)
                return (int) n;
        c->n_body = (size_t) n;
        iov = (struct iovec){c->body, c->n_body};
        return commit_one_request(c, &iov, n > 0, ret);
}

static int commit_whole(struct commit *c, struct attrs **ret) {
        struct iovec *iov;
        int n = -E2BIG, r;

        iov = mem_alloc_array(COMMIT_PIECES, sizeof(*iov));
        if (!iov)
                return -ENOMEM;
        if (c->w->o.n_extents <= 1 && overlay_n_local(&c->w->o) == c->w->o.size)
                n = overlay_pieces(&c->w->o, 0, c->w->o.size, iov, COMMIT_PIECES);
        r = n >= 0 ? commit_one_request(c, iov, (size_t) n, ret) : commit_merge(c, ret);
        mem_free(iov);
        return r;
}

/* --- the choice ------------------------------------------------------------------------------ */

static enum commit_plan commit_choose(const struct writer *w) {
        struct commit_plan_facts f = {
                .has_base = w->base,
                .base_size = w->base ? w->base->size : 0,
                .base_valid = w->o.base_valid,
                .size = w->o.size,
                .first_local = w->o.n_extents > 0 ? w->o.extents[0].from : UINT64_MAX,
                .is_streaming = w->up,
                .streams_tail = w->streams_tail,
                .compose_min = WRITER_COMPOSE_MIN,
        };

        /* Many small components: written anew, so that they stay few for the bytes they hold. */
        if (w->base && w->base->n_components >= 32 &&
            w->base->size / w->base->n_components < (64 << 10))
                f.compose_min = UINT64_MAX;
        return commit_plan_choose(&f);
}

/* Small files are read again soon, or appended to. */
static void commit_feed(struct commit *c, const struct attrs *a) {
        uint64_t content = names_content(c->path, a->generation);
        _cleanup_free_ char *copy = NULL;
        const char *data = c->body;

        if (a->size == 0 || a->size > COMMIT_FEED_MAX)
                return;
        if (!data) {
                if (overlay_n_local(&c->w->o) != a->size)
                        return;
                data = copy = mem_alloc((size_t) a->size);
                if (!copy || overlay_get(&c->w->o, 0, copy, (size_t) a->size) < 0)
                        return;
        }
        for (uint64_t at = 0; at < a->size; at += BLOCK_CACHE_SIZE)
                block_cache_add(c->m->blocks, content, at / BLOCK_CACHE_SIZE, data + at,
                                (uint32_t) MIN(a->size - at, (uint64_t) BLOCK_CACHE_SIZE), NULL);
}

/* The inode is what is in the bucket. */
static void commit_adopt(struct commit *c, struct attrs *a) {
        struct mnt *m = c->m;
        struct inode *i = c->i;
        size_t len = strlen(c->path);
        usec_t now = mnt_now();

        commit_feed(c, a);
        if (a->is_held)
                m->no_temporaries = true;
        if (a->generation != c->if_generation)
                lineage_note(m->o.lineage, i->by_try, true, m->o.bucket, c->path, a->generation);
        pthread_mutex_lock(&m->tree);
        i->is_dirty = false;
        inode_set_attrs(i, a, now + m->o.ttl_for);
        inode_set_local(m, i, false);
        /* Its pages are what was written. */
        i->kernel_has = names_content(c->path, a->generation);
        (void) stat_cache_put_file(m->stats, c->path, len, a, STAT_CACHE_OURS, now);
        (void) stat_cache_put_dir(m->stats, c->path, len, false, false, STAT_CACHE_OURS, now);
        pthread_mutex_unlock(&m->tree);
        i->writer = writer_free(i->writer);
}

/* The upload began before the last change: its time is set now. */
static void commit_fix_mtime(struct commit *c, struct attrs **a) {
        struct attrs *fixed = NULL;

        if (!c->w->up || (c->w->up_mtime.tv_sec == c->w->mtime.tv_sec &&
                          c->w->up_mtime.tv_nsec == c->w->mtime.tv_nsec))
                return;
        if (commit_compose_patch(c->m, c->path, (*a)->generation, c->w->mtime, &fixed) >= 0) {
                attrs_unref(*a);
                *a = fixed;
        }
}

static int commit_carry_out(struct commit *c, struct attrs **ret) {
        int r;

        if (c->w->parts)
                return commit_compose_parts(c->m, c->i, c->path, ret);
        switch (commit_choose(c->w)) {
        case COMMIT_PLAN_NOTHING:
                return commit_compose_patch(c->m, c->path, c->w->base->generation, c->w->mtime,
                                            ret);
        case COMMIT_PLAN_WHOLE:
                r = commit_whole(c, ret);
                break;
        case COMMIT_PLAN_FINISH:
                r = commit_finish(c, ret);
                break;
        case COMMIT_PLAN_APPEND:
                return commit_compose_append(c->m, c->i, c->path, ret);
        default:
                r = commit_merge(c, ret);
        }
        if (r >= 0)
                commit_fix_mtime(c, ret);
        return r;
}

int commit_inode(struct mnt *m, struct inode *i) {
        struct commit c = {.m = m, .i = i, .w = i->writer};
        struct attrs *a = NULL;
        bool is_unlinked, had_upload = c.w && writer_is_sending(c.w);
        int r;

        if (!c.w || c.w->broken)
                return c.w ? c.w->broken : 0;
        pthread_mutex_lock(&m->tree);
        is_unlinked = i->is_unlinked;
        c.path = mem_strdup(i->path);
        pthread_mutex_unlock(&m->tree);
        if (!c.path)
                return -ENOMEM;
        c.if_generation = c.w->base ? c.w->base->generation : 0;
        /* What is in no directory goes nowhere. */
        r = is_unlinked ? 0 : commit_carry_out(&c, &a);
        if (r >= 0 && !is_unlinked)
                commit_adopt(&c, a);
        else if (r < 0 && (had_upload || r == -ESTALE))
                c.w->broken = r; /* the upload is used up; or it can never go well */
        else if (r < 0)
                c.w->up = push_free(c.w->up); /* all of it is still here */
        attrs_unref(a);
        mem_free(c.body);
        mem_free(c.path);
        return r;
}
