#include "fuse-gcs/commit_compose.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "fuse-gcs/commit.h"
#include "fuse-gcs/names.h"
#include "fuse-gcs/sweep.h"
#include "lib/base/crc32c.h"
#include "lib/base/json_write.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

/* --- streams --------------------------------------------------------------------------------- */

int commit_compose_begin(struct mnt *m, struct inode *i, bool tail) {
        _cleanup_buf_ struct buf json = {};
        _cleanup_free_ char *path = NULL;
        struct writer *w = i->writer;
        struct push_target t = {.if_generation = 0, .if_metageneration = GCS_ANY};
        int r;

        pthread_mutex_lock(&m->tree);
        path = mem_strdup(i->path);
        pthread_mutex_unlock(&m->tree);
        if (!path || (tail && !(w->up_name = mnt_temp_name(m, NAMES_TMP))))
                return -ENOMEM;
        w->streams_tail = tail;
        w->up_mtime = w->mtime;
        t.name = tail ? w->up_name : path;
        if (!tail && w->base)
                t.if_generation = w->base->generation;
        r = commit_resource(&json, tail ? NULL : w->base, t.name, NULL, w->mtime, NULL);
        t.json = json.data;
        t.content_type = commit_content_type(tail ? NULL : w->base, t.name, NULL);
        return r < 0 ? r : push_begin(m, &t, &w->up);
}

int commit_compose_rest(struct mnt *m, struct inode *i, uint64_t end, struct remote_answer *ret) {
        struct writer *w = i->writer;
        size_t block = MIN(m->o.block_size, (size_t) 8 << 20);

        for (;;) {
                size_t n = (size_t) MIN((uint64_t) block, end - w->up_to);
                char *data = n > 0 ? mem_alloc(n) : NULL;
                ssize_t got = n > 0 ? -ENOMEM : 0;
                struct push_piece piece;
                int r;

                if (data)
                        got = writer_content(m, i, w->up_to, data, n);
                if (got < 0) {
                        mem_free(data);
                        return (int) got;
                }
                r = push_piece_init(&piece, data, n);
                if (r < 0)
                        return r;
                w->up_to += n;
                if (w->up_to >= end)
                        return push_finish(w->up, &piece, ret);
                r = push_put(w->up, &piece);
                if (r < 0)
                        return r;
        }
}

/* --- appends --------------------------------------------------------------------------------- */

int commit_compose_body(struct buf *out, const char *resource,
                        const struct commit_compose_source *sources, size_t n, bool deletes) {
        struct json_write j;

        json_write_init(&j, out, 0);
        json_write_object(&j);
        json_write_kv_str(&j, "kind", "storage#composeRequest");
        json_write_kv_array(&j, "sourceObjects");
        for (size_t k = 0; k < n; k++) {
                char generation[24];

                snprintf(generation, sizeof(generation), "%" PRId64, sources[k].generation);
                json_write_object(&j);
                json_write_kv_str(&j, "name", sources[k].name);
                json_write_kv_str(&j, "generation", generation);
                json_write_end(&j);
        }
        json_write_end(&j);
        json_write_key(&j, "destination");
        json_write_raw(&j, resource, strlen(resource));
        json_write_kv_bool(&j, "deleteSourceObjects", deletes);
        json_write_end(&j);
        return json_write_finish(&j);
}

int commit_compose_call(struct mnt *m, const char *path, int64_t if_generation, const char *body,
                        struct attrs **ret) {
        _cleanup_answer_ struct remote_answer answer = {};
        struct gcs_request q;
        int r;

        gcs_request_init(&q, GCS_COMPOSE, path);
        q.if_generation = if_generation;
        q.json = body;
        q.budget_for = m->o.commit_budget_for;
        r = remote_call(m->remote, &q, &answer);
        return r < 0 ? r : commit_parse(&answer, ret);
}

/* [object, tail], both of these generations. */
static int commit_compose_two(struct mnt *m, const struct writer *w, const char *path,
                              const struct attrs *tail, struct attrs **ret) {
        const struct commit_compose_source sources[] = {{path, w->base->generation},
                                                        {w->up_name, tail->generation}};
        _cleanup_buf_ struct buf resource = {}, body = {};
        int r = commit_resource(&resource, w->base, path, NULL, w->mtime, NULL);

        if (r >= 0)
                r = commit_compose_body(&body, resource.data, sources, ARRAY_SIZE(sources), true);
        return r < 0 ? r : commit_compose_call(m, path, w->base->generation, body.data, ret);
}

/* The tail in one request, or the end of its upload. */
static int commit_compose_tail(struct mnt *m, struct inode *i, struct attrs **ret,
                               uint32_t *ret_crc) {
        _cleanup_answer_ struct remote_answer answer = {};
        _cleanup_buf_ struct buf json = {};
        _cleanup_free_ char *data = NULL;
        struct writer *w = i->writer;
        uint64_t n = w->o.size - w->o.base_valid;
        struct iovec iov;
        ssize_t got;
        int r;

        if (!w->up && n > m->o.block_size) {
                w->up_from = w->up_to = w->o.base_valid;
                r = commit_compose_begin(m, i, true);
                if (r < 0)
                        return r;
        }
        if (w->up) {
                r = commit_compose_rest(m, i, w->o.size, &answer);
                *ret_crc = push_crc32c(w->up);
                return r < 0 ? r : commit_parse(&answer, ret);
        }
        mem_free(w->up_name);
        w->up_name = mnt_temp_name(m, NAMES_TMP);
        data = mem_alloc((size_t) n);
        if (!w->up_name || !data)
                return -ENOMEM;
        got = writer_content(m, i, w->o.base_valid, data, (size_t) n);
        if (got < 0)
                return (int) got;
        *ret_crc = crc32c_add(0, data, (size_t) n);
        r = commit_resource(&json, NULL, w->up_name, NULL, w->mtime, ret_crc);
        iov = (struct iovec){data, (size_t) n};
        if (r >= 0)
                r = commit_insert(m, w->up_name, 0, json.data, "application/octet-stream", NULL,
                                  &iov, 1, ret);
        if (r == -ESTALE || r == -EEXIST)
                r = commit_recognise(m, w->up_name, n, *ret_crc, NULL, ret);
        return r;
}

int commit_compose_append(struct mnt *m, struct inode *i, const char *path, struct attrs **ret) {
        struct writer *w = i->writer;
        _cleanup_(attrs_unrefp) struct attrs *tail = NULL;
        uint64_t size = w->o.size, n = size - w->base->size;
        uint32_t crc = 0;
        int r = commit_compose_tail(m, i, &tail, &crc);

        if (r >= 0)
                r = commit_check(w->up_name, tail, n, crc);
        if (r >= 0) {
                crc = crc32c_combine(w->base->crc32c, crc, n);
                r = commit_compose_two(m, w, path, tail, ret);
                if (r == -ESTALE || r == -EEXIST || r == -ENOENT)
                        r = commit_recognise(m, path, size, crc, w->base, ret);
                if (r >= 0 && w->base->has_crc32c)
                        r = commit_check(path, *ret, size, crc);
        }
        if (w->up_name && !(r >= 0 && m->sure_delete))
                sweep_object(m, w->up_name);
        return r;
}

/* --- parts ----------------------------------------------------------------------------------- */

/* What has not left yet. */
static int commit_compose_put_rest(struct mnt *m, struct inode *i) {
        struct writer *w = i->writer;
        int r = 0;

        while (w->up_to < w->o.size && r >= 0) {
                size_t n = (size_t) MIN((uint64_t) m->o.block_size, w->o.size - w->up_to);
                char *data = mem_alloc(n);
                ssize_t got = data ? writer_content(m, i, w->up_to, data, n) : -ENOMEM;
                struct push_piece piece;

                if (got < 0) {
                        mem_free(data);
                        return (int) got;
                }
                r = push_piece_init(&piece, data, n);
                if (r >= 0)
                        r = push_parts_put(w->parts, &piece);
                w->up_to += n;
        }
        return r;
}

int commit_compose_parts(struct mnt *m, struct inode *i, const char *path, struct attrs **ret) {
        _cleanup_buf_ struct buf resource = {};
        struct writer *w = i->writer;
        struct push_parts_target t = {.name = path, .base = w->streams_tail ? w->base : NULL};
        uint64_t size = w->o.size;
        uint32_t crc = 0;
        int r = commit_resource(&resource, w->base, path, NULL, w->mtime, NULL);

        if (r >= 0)
                r = commit_compose_put_rest(m, i);
        if (r < 0)
                return r;
        crc = push_parts_crc32c(w->parts);
        if (t.base)
                crc = crc32c_combine(t.base->crc32c, crc, push_parts_n_sent(w->parts));
        t.json = resource.data;
        t.if_generation = w->base ? w->base->generation : 0;
        r = push_parts_finish(w->parts, &t, ret);
        if (r == -ESTALE || r == -EEXIST || r == -ENOENT)
                r = commit_recognise(m, path, size, crc, w->base, ret);
        if (r >= 0 && (!t.base || t.base->has_crc32c))
                r = commit_check(path, *ret, size, crc);
        return r;
}

/* --- times ----------------------------------------------------------------------------------- */

int commit_compose_patch(struct mnt *m, const char *path, int64_t generation, struct timespec mtime,
                         struct attrs **ret) {
        _cleanup_answer_ struct remote_answer answer = {};
        _cleanup_buf_ struct buf metadata = {};
        _cleanup_free_ char *json = NULL;
        struct gcs_request q;
        int r = attrs_print_metadata(&metadata, NULL, mtime);

        if (r >= 0 && !(json = str_printf("{\"metadata\":%s}", metadata.data)))
                r = -ENOMEM;
        if (r < 0)
                return r;
        gcs_request_init(&q, GCS_PATCH, path);
        q.generation = generation;
        q.json = json;
        q.budget_for = m->o.commit_budget_for;
        r = remote_call(m->remote, &q, &answer);
        return r < 0 ? r : commit_parse(&answer, ret);
}

int commit_compose_mtime(struct mnt *m, struct inode *i, struct timespec mtime) {
        _cleanup_(attrs_unrefp) struct attrs *a = NULL;
        _cleanup_free_ char *path = NULL;
        int64_t generation = 0;
        bool is_unlinked;
        int r;

        pthread_mutex_lock(&m->tree);
        path = mem_strdup(i->path);
        generation = i->attrs ? i->attrs->generation : 0;
        is_unlinked = i->is_unlinked && !i->is_parked;
        pthread_mutex_unlock(&m->tree);
        if (!path)
                return -ENOMEM;
        if (is_unlinked || generation == 0)
                return 0;
        r = commit_compose_patch(m, path, generation, mtime, &a);
        if (r < 0)
                return r == -ENOENT ? -ESTALE : r;
        pthread_mutex_lock(&m->tree);
        inode_set_attrs(i, a, mnt_now() + m->o.ttl_for);
        if (!i->is_unlinked)
                (void) stat_cache_put_file(m->stats, path, strlen(path), a, STAT_CACHE_OURS,
                                           mnt_now());
        pthread_mutex_unlock(&m->tree);
        return 0;
}
