#include "daemons/tracking/artifact_reply.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemons/tracking/artifact_mime.h"
#include "daemons/tracking/artifact_uri.h"
#include "lib/base/errmsg.h"
#include "lib/base/log.h"
#include "lib/base/str.h"
#include "lib/net/http_request.h"
#include "lib/store/store.h"

static const struct tracking *tracking_of(const struct ask *q) {
        return q->req->ctx;
}

int artifact_reply_need_store(struct ask *q) {
        if (q->result == 0 && !tracking_of(q)->store)
                ask_check(q, refusal_set(&q->refusal, REFUSAL_TEMPORARILY_UNAVAILABLE,
                                         "Endpoint: %s disabled due to the mlflow server running "
                                         "with `--no-serve-artifacts`. To enable artifacts server "
                                         "functionality, run `mlflow server` with "
                                         "`--serve-artifacts`",
                                         q->req->path));
        return q->result;
}

int artifact_reply_locate(struct ask *q, const char *uri, const char *path, const char **ret) {
        bool oom = false;
        const char *root;

        if (artifact_reply_need_store(q) != 0)
                return q->result;
        root = artifact_uri_store_name(q->arena, uri, &oom);
        if (!root && !oom)
                ask_check(q, refusal_set(&q->refusal, REFUSAL_NOT_IMPLEMENTED,
                                         "The artifacts at '%s' are not served by this server: "
                                         "read them with a client that can reach them.",
                                         uri));
        if (q->result == 0)
                *ret = root ? artifact_uri_join(q->arena, root, path) : NULL;
        if (q->result == 0 && !*ret)
                ask_check(q, -ENOMEM);
        return q->result;
}

/* The store's answer in the client's words. */
static void refuse_store(struct ask *q, int r, const char *shown, const struct errmsg *em) {
        if (r == -ENOENT || r == -ENOTDIR)
                ask_check(q, refusal_set(&q->refusal, REFUSAL_RESOURCE_DOES_NOT_EXIST,
                                         "No such artifact: '%s'", shown));
        else if (r == -EISDIR)
                ask_check(q, refusal_invalid(&q->refusal,
                                             "Artifact path refers to a directory, not a file: "
                                             "'%s'",
                                             shown));
        else if (r == -EINVAL)
                ask_check(q, refusal_invalid(&q->refusal, "Invalid path: %s", em->text));
        else
                ask_check(q, r);
        if (q->result < 0)
                log_error("artifact %s: %s", shown, em->text);
}

struct one_entry {
        bool any;
};

static int see_any(const struct store_entry *entry, void *userdata) {
        struct one_entry *one = userdata;

        one->any = true;
        return 1;
}

/* A name that only begins names of others is a directory. */
static bool is_prefix(const struct ask *q, const char *name) {
        const char *prefix = arena_printf(q->arena, "%s/", name);
        struct one_entry one = {};

        if (prefix)
                (void) store_list(tracking_of(q)->store,
                                  &(struct store_list){.prefix = prefix, .n_max = 1}, see_any, &one,
                                  NULL, NULL);
        return one.any;
}

int artifact_reply_file(struct ask *q, const char *name, const char *shown) {
        struct store *store = tracking_of(q)->store;
        struct http_request_file file = {.type = artifact_mime_of(name),
                                         .filename = artifact_uri_base(shown)};
        struct store_info info;
        struct store_get *get;
        struct errmsg em = {};
        int r;

        if (artifact_reply_need_store(q) != 0)
                return job_refuse(q);
        r = store_get_open(store, name, &em, &info, &get);
        if (r == -ENOENT && is_prefix(q, name))
                r = -EISDIR;
        if (r < 0) {
                refuse_store(q, r, shown, &em);
                return job_refuse(q);
        }
        file.fd = store_get_fd(store, get);
        store_get_close(store, get);
        if (file.fd < 0)
                return file.fd;
        file.size = info.size;
        file.etag = info.etag;
        file.modified_at_s = (int64_t) (info.modified_at / USEC_PER_SEC);
        return http_request_reply_file(q->req, &file);
}

struct entry {
        const char *base;
        bool is_dir;
        uint64_t size;
};

struct listing {
        struct arena *arena;
        const char *last; /* whole name of the last one seen */
        struct entry *entries;
        size_t n, n_max;
        size_t prefix_size;
};

static int grow(struct listing *l) {
        size_t n_max = l->n_max ? l->n_max * 2 : 64;
        struct entry *entries = arena_zalloc_array(l->arena, n_max, sizeof(*entries));

        if (!entries)
                return -ENOMEM;
        if (l->n > 0)
                memcpy(entries, l->entries, l->n * sizeof(*entries));
        l->entries = entries;
        l->n_max = n_max;
        return 0;
}

static int add_entry(const struct store_entry *entry, void *userdata) {
        struct listing *l = userdata;
        size_t size;
        char *base;

        if (l->n == l->n_max && grow(l) < 0)
                return -ENOMEM;
        base = arena_strdup(l->arena, entry->name + l->prefix_size);
        l->last = arena_strdup(l->arena, entry->name);
        if (!base || !l->last)
                return -ENOMEM;
        size = strlen(base);
        if (entry->is_prefix && size > 0 && base[size - 1] == '/')
                base[size - 1] = 0;
        l->entries[l->n++] = (struct entry){base, entry->is_prefix, entry->info.size};
        return 0;
}

static int by_name(const void *a, const void *b) {
        return strcmp(((const struct entry *) a)->base, ((const struct entry *) b)->base);
}

static int list_all(struct ask *q, const char *prefix, struct listing *l) {
        struct errmsg em = {};
        bool more = true;
        int r = 0;

        while (r == 0 && more) {
                struct store_list list = {.prefix = prefix, .after = l->last};

                more = false;
                r = store_list(tracking_of(q)->store, &list, add_entry, l, &em, &more);
        }
        if (r == -ENOENT || r == -ENOTDIR) /* nothing there is an empty listing */
                return 0;
        if (r < 0)
                refuse_store(q, r, prefix, &em);
        return q->result;
}

static int reply_listing(struct ask *q, const struct listing *l, const char *parent,
                         const char *root_uri) {
        struct buf out = {};
        struct json_write w;
        const char *path;

        json_write_init(&w, &out, JSON_WRITE_PRETTY | JSON_WRITE_ASCII);
        json_write_object(&w);
        if (root_uri)
                json_write_kv_str(&w, "root_uri", root_uri);
        if (l->n > 0)
                json_write_kv_array(&w, "files");
        for (size_t i = 0; i < l->n; i++) {
                const struct entry *e = &l->entries[i];

                path = artifact_uri_join(q->arena, parent, e->base);
                json_write_object(&w);
                json_write_kv_str(&w, "path", path ? path : e->base);
                json_write_kv_bool(&w, "is_dir", e->is_dir);
                if (!e->is_dir && e->size > 0)
                        json_write_kv_u64(&w, "file_size", e->size);
                json_write_end(&w);
        }
        if (l->n > 0)
                json_write_end(&w);
        json_write_end(&w);
        json_write_finish(&w);
        return job_reply_json(q, &out);
}

int artifact_reply_list(struct ask *q, const char *name, const char *parent, const char *root_uri) {
        struct listing l = {.arena = q->arena};
        const char *prefix;

        if (artifact_reply_need_store(q) != 0)
                return job_refuse(q);
        prefix = *name ? arena_printf(q->arena, "%s/", name) : "";
        if (!prefix)
                return -ENOMEM;
        l.prefix_size = strlen(prefix);
        if (list_all(q, prefix, &l) != 0)
                return job_refuse(q);
        if (l.n > 0)
                qsort(l.entries, l.n, sizeof(*l.entries), by_name);
        return reply_listing(q, &l, parent, root_uri);
}
