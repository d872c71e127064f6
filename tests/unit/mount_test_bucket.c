#include "tests/unit/mount_test_bucket.h"

#include <inttypes.h>

#include "fuse-gcs/block_fetch.h"
#include "lib/base/crc32c.h"
#include "lib/base/json_write.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

static void free_object(void *p) {
        struct mount_test_object *o = p;

        mem_free(o->data);
        mem_free(o->metadata);
        mem_free(o->content_type);
        mem_free(o);
}

static void answer(struct gcs_request *q, int status, struct buf *body) {
        struct gcs_answer a = {
                .status = status,
                .error = gcs_retry_status_errno(status),
                .text = "",
                .body = body ? buf_cstr(body) : "",
                .body_len = body ? body->len : 0,
                .generation = GCS_ANY,
        };

        q->done(q->ctx, &a);
}

static void print_object(const struct mount_test_bucket *b, struct buf *out, const char *name,
                         const struct mount_test_object *o) {
        char crc[CRC32C_TEXT_SIZE];

        buf_printf(out,
                   "{\"name\":\"%s\",\"size\":\"%zu\",\"generation\":\"%" PRId64
                   "\",\"metageneration\":\"%" PRId64
                   "\",\"updated\":\"2026-01-02T03:04:05Z\",\"crc32c\":\"%s\","
                   "\"componentCount\":%u,\"contentType\":\"%s\",%s\"metadata\":%s}",
                   name, o->n, o->generation, o->metageneration,
                   crc32c_print(crc32c_add(0, o->data, o->n), crc), o->n_components,
                   o->content_type ?: "",
                   b->retains ? "\"retentionExpirationTime\":\"2036-01-02T03:04:05Z\"," : "",
                   o->metadata ?: "{}");
}

static void answer_object(const struct mount_test_bucket *b, struct gcs_request *q,
                          const char *name, const struct mount_test_object *o) {
        _cleanup_buf_ struct buf body = {};

        print_object(b, &body, name, o);
        answer(q, 200, &body);
}

struct mount_test_object *mount_test_bucket_get(struct mount_test_bucket *b, const char *name) {
        return strmap_get(&b->objects, name);
}

static struct mount_test_object *put(struct mount_test_bucket *b, const char *name,
                                     const char *data, size_t n, const char *json) {
        struct mount_test_object *o = mem_new(struct mount_test_object);
        struct arena a;
        struct json *j;
        const char *type;

        o->data = mem_memdup(data, n);
        o->n = n;
        o->generation = ++b->generation;
        o->metageneration = 1;
        arena_init(&a, 0);
        if (json && json_parse_copy(&a, json, strlen(json), &j, NULL) >= 0) {
                struct buf text = {};
                struct json_write w;

                if (json_get(j, "metadata")) {
                        json_write_init(&w, &text, 0);
                        json_write_node(&w, json_get(j, "metadata"));
                        json_write_finish(&w);
                        o->metadata = buf_take(&text, NULL);
                }
                if (json_str(json_get(j, "contentType"), &type) == 0)
                        o->content_type = mem_strdup(type);
        }
        arena_done(&a);
        assert_int_equal(strmap_set(&b->objects, name, o), 0);
        return o;
}

void mount_test_bucket_put(struct mount_test_bucket *b, const char *name, const char *data) {
        put(b, name, data, strlen(data), NULL);
}

void mount_test_bucket_remove(struct mount_test_bucket *b, const char *name) {
        strmap_remove(&b->objects, name);
}

void mount_test_bucket_assert(struct mount_test_bucket *b, const char *name, const char *data) {
        struct mount_test_object *o = mount_test_bucket_get(b, name);

        if (!o)
                fail_msg("%s is not there", name);
        assert_int_equal(o->n, strlen(data));
        assert_memory_equal(o->data, data, o->n);
}

unsigned mount_test_bucket_n_calls(const struct mount_test_bucket *b) {
        unsigned n = 0;

        for (unsigned v = 0; v < GCS_N_VERBS; v++)
                n += b->n_calls[v];
        return n;
}

void mount_test_bucket_forget_calls(struct mount_test_bucket *b) {
        memset(b->n_calls, 0, sizeof(b->n_calls));
}

/* --- verbs ----------------------------------------------------------------------------------- */

static bool holds(const struct mount_test_object *o, int64_t if_generation) {
        return if_generation == GCS_ANY || (o ? o->generation : 0) == if_generation;
}

static int compare_names(const void *a, const void *b) {
        return strcmp(*(const char *const *) a, *(const char *const *) b);
}

struct page {
        struct buf items, prefixes;
        const char *last_prefix; /* a name below it */
};

/* The "/" that ends the prefix `name` stands below, or NULL. */
static const char *prefix_end(const struct gcs_request *q, const char *name) {
        return q->delimiter ? strchr(name + strlen(q->prefix ?: ""), '/') : NULL;
}

static bool is_listed(const struct gcs_request *q, const struct page *p, const char *name) {
        const char *slash;

        if (!str_starts(name, q->prefix ?: "") ||
            (q->page_token && strcmp(name, q->page_token) < 0))
                return false;
        slash = prefix_end(q, name);
        return !slash || !p->last_prefix ||
               strncmp(p->last_prefix, name, (size_t) (slash + 1 - name)) != 0;
}

static void add_to_page(struct mount_test_bucket *b, const struct gcs_request *q, struct page *p,
                        const char *name) {
        const char *slash = prefix_end(q, name);

        if (slash) {
                p->last_prefix = name;
                buf_printf(&p->prefixes, "%s\"%.*s\"", p->prefixes.len > 0 ? "," : "",
                           (int) (slash + 1 - name), name);
        }
        if (!slash || (q->trailing_delimiter && !slash[1])) {
                buf_add_str(&p->items, p->items.len > 0 ? "," : "");
                print_object(b, &p->items, name, mount_test_bucket_get(b, name));
        }
}

static void list(struct mount_test_bucket *b, struct gcs_request *q) {
        const char **names = mem_alloc_array(b->objects.n + 1, sizeof(*names)), *next = NULL;
        size_t n = 0, shown = 0, most = b->page_max ?: SIZE_MAX;
        _cleanup_buf_ struct buf body = {};
        struct page p = {};
        struct strmap_entry *e;

        if (q->n_max > 0)
                most = MIN(most, (size_t) q->n_max);
        map_each (e, &b->objects)
                names[n++] = e->key;
        if (n > 0)
                qsort(names, n, sizeof(*names), compare_names);
        for (size_t i = 0; i < n && !next; i++) {
                if (!is_listed(q, &p, names[i]))
                        continue;
                if (shown++ == most)
                        next = names[i];
                else
                        add_to_page(b, q, &p, names[i]);
        }
        buf_printf(&body, "{\"items\":[%s],\"prefixes\":[%s]%s%s%s}", buf_cstr(&p.items),
                   buf_cstr(&p.prefixes), next ? ",\"nextPageToken\":\"" : "", next ?: "",
                   next ? "\"" : "");
        mem_free(names);
        buf_done(&p.items);
        buf_done(&p.prefixes);
        answer(q, 200, &body);
}

static void read_object(struct mount_test_bucket *b, struct gcs_request *q) {
        struct mount_test_object *o = mount_test_bucket_get(b, q->name);
        struct gcs_answer a = {.status = 206, .text = "", .body = "", .generation = GCS_ANY};
        size_t n;

        if (!o || (q->generation != GCS_ANY && o->generation != q->generation)) {
                answer(q, 404, NULL);
                return;
        }
        n = q->offset < o->n ? (size_t) MIN((uint64_t) (o->n - q->offset), q->length) : 0;
        a.error = n > 0 ? q->sink(q->sink_ctx, o->data + q->offset, n) : 0;
        a.n_read = n;
        q->done(q->ctx, &a);
}

static char *gather(const struct gcs_request *q, size_t *ret_n) {
        struct buf all = {};

        for (size_t i = 0; i < q->n_data; i++)
                buf_add(&all, q->data[i].iov_base, q->data[i].iov_len);
        *ret_n = all.len;
        return buf_take(&all, NULL);
}

static void insert(struct mount_test_bucket *b, struct gcs_request *q) {
        _cleanup_free_ char *data = NULL;
        size_t n;

        if (!holds(mount_test_bucket_get(b, q->name), q->if_generation)) {
                answer(q, 412, NULL);
                return;
        }
        data = gather(q, &n);
        answer_object(b, q, q->name, put(b, q->name, data, n, q->json));
}

static void upload_begin(struct mount_test_bucket *b, struct gcs_request *q) {
        struct gcs_answer a = {.status = 200, .text = "", .body = "", .location = "http://u/1"};

        mem_free(b->upload_name);
        mem_free(b->upload_json);
        b->upload_name = mem_strdup(q->name);
        b->upload_json = mem_strdup(q->json);
        b->upload_if = q->if_generation;
        buf_reset(&b->upload);
        q->done(q->ctx, &a);
}

static void upload_put(struct mount_test_bucket *b, struct gcs_request *q) {
        struct gcs_answer a = {.status = 308, .text = "", .body = ""};
        size_t n;
        _cleanup_free_ char *data = gather(q, &n);

        if (!b->upload_name) {
                answer(q, 410, NULL);
                return;
        }
        if (n > 0) {
                assert_true(q->upload_offset <= b->upload.len);
                buf_truncate(&b->upload, q->upload_offset);
                buf_add(&b->upload, data, n);
        }
        if (q->upload_total >= 0 && (uint64_t) q->upload_total == b->upload.len) {
                if (!holds(mount_test_bucket_get(b, b->upload_name), b->upload_if)) {
                        answer(q, 412, NULL);
                        return;
                }
                answer_object(b, q, b->upload_name,
                              put(b, b->upload_name, buf_cstr(&b->upload), b->upload.len,
                                  b->upload_json));
                return;
        }
        a.n_committed = b->upload.len;
        q->done(q->ctx, &a);
}

static void delete_sources(struct mount_test_bucket *b, struct gcs_request *q,
                           const struct json *body) {
        const struct json *item;
        const char *name;
        bool deletes = false;

        (void) json_bool(json_get(body, "deleteSourceObjects"), &deletes);
        if (b->knows_no_delete_sources || !deletes)
                return;
        json_each (item, json_get(body, "sourceObjects")) {
                if (json_str(json_get(item, "name"), &name) == 0 && !str_eq(name, q->name))
                        strmap_remove(&b->objects, name);
        }
}

static void compose(struct mount_test_bucket *b, struct gcs_request *q) {
        struct mount_test_object *o = mount_test_bucket_get(b, q->name), *made;
        _cleanup_buf_ struct buf all = {}, resource = {};
        const struct json *item;
        struct json_write w;
        struct arena a;
        struct json *j;
        unsigned n = 0, n_sources = 0;

        if (!holds(o, q->if_generation)) {
                answer(q, 412, NULL);
                return;
        }
        arena_init(&a, 0);
        assert_int_equal(json_parse_copy(&a, q->json, strlen(q->json), &j, NULL), 0);
        json_each (item, json_get(j, "sourceObjects")) {
                const char *name;

                assert_int_equal(json_str(json_get(item, "name"), &name), 0);
                o = mount_test_bucket_get(b, name);
                assert_non_null(o);
                assert_true(n_sources++ < 32);
                n += o->n_components ?: 1;
                buf_add(&all, o->data, o->n);
        }
        json_write_init(&w, &resource, 0);
        json_write_node(&w, json_get(j, "destination"));
        json_write_finish(&w);
        made = put(b, q->name, buf_cstr(&all), all.len, resource.data);
        made->n_components = n;
        answer_object(b, q, q->name, made);
        delete_sources(b, q, j);
        arena_done(&a);
}

static void move(struct mount_test_bucket *b, struct gcs_request *q) {
        struct mount_test_object *o = mount_test_bucket_get(b, q->name), *made;
        _cleanup_buf_ struct buf body = {};

        if (q->verb == GCS_MOVE && b->knows_no_move) {
                answer(q, 405, NULL);
        } else if (!o) {
                buf_add_str(&body, "{\"error\":{}}");
                answer(q, 404, &body);
        } else if (!holds(o, q->if_source_generation) ||
                   !holds(mount_test_bucket_get(b, q->dest), q->if_generation)) {
                answer(q, 412, NULL);
        } else {
                made = put(b, q->dest, o->data, o->n, NULL);
                made->metadata = mem_strdup(o->metadata);
                made->content_type = mem_strdup(o->content_type);
                if (q->verb == GCS_MOVE) {
                        strmap_remove(&b->objects, q->name);
                        answer_object(b, q, q->dest, made);
                } else {
                        buf_add_str(&body, "{\"done\":true,\"resource\":");
                        print_object(b, &body, q->dest, made);
                        buf_add_str(&body, "}");
                        answer(q, 200, &body);
                }
        }
}

static void patch(struct mount_test_bucket *b, struct gcs_request *q) {
        struct mount_test_object *o = mount_test_bucket_get(b, q->name);

        if (!o || (q->generation != GCS_ANY && o->generation != q->generation)) {
                answer(q, 404, NULL);
                return;
        }
        mem_free(o->metadata);
        /* {"metadata":X} */
        o->metadata = mem_strndup(q->json + 12, strlen(q->json) - 13);
        o->metageneration++;
        answer_object(b, q, q->name, o);
}

static void stat_or_delete(struct mount_test_bucket *b, struct gcs_request *q) {
        struct mount_test_object *o = mount_test_bucket_get(b, q->name);

        if (!o)
                answer(q, 404, NULL);
        else if (!holds(o, q->if_generation))
                answer(q, 412, NULL);
        else if (q->verb == GCS_STAT)
                answer_object(b, q, q->name, o);
        else {
                strmap_remove(&b->objects, q->name);
                answer(q, 204, NULL);
        }
}

static void carry_out(struct mount_test_bucket *b, struct gcs_request *q) {
        switch (q->verb) {
        case GCS_LIST:
                list(b, q);
                return;
        case GCS_READ:
                read_object(b, q);
                return;
        case GCS_INSERT:
                insert(b, q);
                return;
        case GCS_UPLOAD_BEGIN:
                upload_begin(b, q);
                return;
        case GCS_UPLOAD_PUT:
        case GCS_UPLOAD_STATUS:
                upload_put(b, q);
                return;
        case GCS_COMPOSE:
                compose(b, q);
                return;
        case GCS_MOVE:
        case GCS_REWRITE:
                move(b, q);
                return;
        case GCS_PATCH:
                patch(b, q);
                return;
        case GCS_STAT:
        case GCS_DELETE:
                stat_or_delete(b, q);
                return;
        default:
                answer(q, 501, NULL);
        }
}

static void ignore(void *ctx, const struct gcs_answer *a) {
}

static void answer_call(struct mount_test_bucket *b, struct gcs_request *q) {
        b->n_calls[q->verb]++;
        if (b->fault.n > 0 && b->fault.verb == q->verb) {
                struct gcs_answer a = {
                        .status = b->fault.status,
                        .error = gcs_retry_status_errno(b->fault.status),
                        .text = "fault",
                        .body = "{}",
                        .body_len = 2,
                        .unsure = b->fault.after,
                };

                b->fault.n--;
                if (b->fault.after) {
                        struct gcs_request silent = *q;

                        silent.done = ignore;
                        carry_out(b, &silent);
                }
                q->done(q->ctx, &a);
                return;
        }
        carry_out(b, q);
}

static int start(struct remote *r, struct gcs_request *q) {
        struct mount_test_bucket *b = container_of(r, struct mount_test_bucket, remote);

        pthread_mutex_lock(&b->lock);
        answer_call(b, q);
        pthread_mutex_unlock(&b->lock);
        return 0;
}

void mount_test_bucket_init(struct mount_test_bucket *b) {
        static const struct remote_ops ops = {.start = start};
        pthread_mutexattr_t again;

        *b = (struct mount_test_bucket){.remote.ops = &ops};
        pthread_mutexattr_init(&again);
        pthread_mutexattr_settype(&again, PTHREAD_MUTEX_RECURSIVE);
        pthread_mutex_init(&b->lock, &again);
        pthread_mutexattr_destroy(&again);
        strmap_init(&b->objects, free_object);
}

void mount_test_bucket_done(struct mount_test_bucket *b) {
        pthread_mutex_destroy(&b->lock);
        strmap_done(&b->objects);
        mem_free(b->upload_name);
        mem_free(b->upload_json);
        buf_done(&b->upload);
}

/* --- a mount --------------------------------------------------------------------------------- */

int mount_test_setup(void **state) {
        static const struct mnt_settings settings = {
                .root = "",
                .file_mode = 0644,
                .dir_mode = 0755,
                .implicit_dirs = true,
                .atomic_rename = true,
                .prefetch_metadata = true,
                .standard_symlinks = true,
                .streams = true,
                .ttl_for = 60 * USEC_PER_SEC,
                .negative_for = 5 * USEC_PER_SEC,
                .metadata_budget_for = USEC_PER_SEC,
                .commit_budget_for = 10 * USEC_PER_SEC,
                .block_size = 1 << 20,
                .n_upload_blocks_max = 4,
                .temp_dir = "/tmp",
                .temp_bytes_max = 64 << 20,
                .rename_limit = 1000,
                .read_bytes_max = 4 << 20,
                .read_ahead_max = 2 << 20,
                .stat_bytes_max = 1 << 20,
        };
        struct mount_test *t = mem_new(struct mount_test);

        assert_non_null(t);
        mount_test_bucket_init(&t->bucket);
        assert_int_equal(mnt_init(&t->m, &settings, &t->bucket.remote), 0);
        *state = t;
        return 0;
}

int mount_test_teardown(void **state) {
        struct mount_test *t = *state;

        t->m.stopping = true;
        mnt_done(&t->m);
        mount_test_bucket_done(&t->bucket);
        mem_free(t);
        return 0;
}
