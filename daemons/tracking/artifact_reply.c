#include "daemons/tracking/artifact_reply.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemons/tracking/artifact_mime.h"
#include "daemons/tracking/artifact_stores.h"
#include "daemons/tracking/artifact_stream.h"
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

/* A bucket that the URI names itself. */
static void locate_bucket(struct ask *q, const char *uri, struct artifact_place *ret) {
        struct errmsg em = {};
        int r = artifact_stores_find(tracking_of(q)->stores, q->arena, uri, &em, &ret->store,
                                     &ret->name);

        if (r == -EPROTONOSUPPORT)
                ask_check(q, refusal_set(&q->refusal, REFUSAL_NOT_IMPLEMENTED,
                                         "The artifacts at '%s' are not served by this server: "
                                         "read them with a client that can reach them.",
                                         uri));
        else if (r < 0 && r != -ENOMEM)
                ask_check(q,
                          refusal_set(&q->refusal, REFUSAL_INTERNAL_ERROR,
                                      "The artifacts at '%s' cannot be reached: %s", uri, em.text));
        else
                ask_check(q, r);
}

int artifact_reply_locate(struct ask *q, const char *uri, const char *path,
                          struct artifact_place *ret) {
        struct artifact_place place = {};
        bool oom = false;

        if (q->result != 0)
                return q->result;
        place.name = artifact_uri_store_name(q->arena, uri, &oom);
        if (place.name && artifact_reply_need_store(q) == 0)
                place.store = tracking_of(q)->store;
        else if (!place.name && !oom)
                locate_bucket(q, uri, &place);
        if (q->result != 0)
                return q->result;
        place.name = place.name ? artifact_uri_join(q->arena, place.name, path) : NULL;
        ask_check(q, place.name ? 0 : -ENOMEM);
        *ret = place;
        return q->result;
}

/* The store's answer in the client's words. */
static void refuse_store(struct ask *q, int r, const char *missing, const char *shown,
                         const struct errmsg *em) {
        if ((r == -ENOENT || r == -ENOTDIR) && missing)
                ask_check(q, refusal_set(&q->refusal, REFUSAL_NOT_FOUND, "%s", missing));
        else if (r == -ENOENT || r == -ENOTDIR)
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
static bool is_prefix(const struct ask *q, const struct artifact_place *place) {
        const char *prefix = arena_printf(q->arena, "%s/", place->name);
        struct one_entry one = {};

        if (prefix)
                (void) store_list(place->store, &(struct store_list){.prefix = prefix, .n_max = 1},
                                  see_any, &one, NULL, NULL);
        return one.any;
}

int artifact_reply_file(struct ask *q, const struct artifact_place *place, const char *shown) {
        /* Runs write a file again while pages show it: a browser asks each time. */
        struct http_request_file file = {.type = artifact_mime_of(place->name),
                                         .filename = artifact_uri_base(shown),
                                         .cache = "no-cache"};
        struct store *store = place->store;
        struct store_info info;
        struct store_get *get;
        struct errmsg em = {};
        int r;

        r = *place->name ? store_get_open(store, place->name, &em, &info, &get) : -EISDIR;
        if (r == -ENOENT && is_prefix(q, place))
                r = -EISDIR;
        if (r < 0) {
                refuse_store(q, r, place->missing, shown, &em);
                return job_refuse(q);
        }
        file.size = info.size;
        file.etag = info.etag;
        file.modified_at_s = (int64_t) (info.modified_at / USEC_PER_SEC);
        file.fd = store_get_fd(store, get);
        if (file.fd == -EOPNOTSUPP)
                return artifact_stream_reply(q->req, store, get, &file);
        store_get_close(store, get);
        return file.fd < 0 ? file.fd : http_request_reply_file(q->req, &file);
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

static int list_all(struct ask *q, struct store *store, const char *prefix, struct listing *l) {
        struct errmsg em = {};
        bool more = true;
        int r = 0;

        while (r == 0 && more) {
                struct store_list list = {.prefix = prefix, .after = l->last};

                more = false;
                r = store_list(store, &list, add_entry, l, &em, &more);
        }
        if (r == -ENOENT || r == -ENOTDIR) /* nothing there is an empty listing */
                return 0;
        if (r < 0)
                refuse_store(q, r, NULL, prefix, &em);
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
        /* MLflow's page that compares runs fails over an answer without a list. */
        if (strstr(q->req->path, "/ajax-api/"))
                json_write_kv_array(&w, "files");
        else
                json_write_kv_items(&w, "files");
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
        json_write_end(&w);
        json_write_end(&w);
        json_write_finish(&w);
        return job_reply_json(q, &out);
}

int artifact_reply_list(struct ask *q, const struct artifact_place *place, const char *parent,
                        const char *root_uri) {
        struct listing l = {.arena = q->arena};
        const char *prefix;

        prefix = *place->name ? arena_printf(q->arena, "%s/", place->name) : "";
        if (!prefix)
                return -ENOMEM;
        l.prefix_size = strlen(prefix);
        if (list_all(q, place->store, prefix, &l) != 0)
                return job_refuse(q);
        if (l.n > 0)
                qsort(l.entries, l.n, sizeof(*l.entries), by_name);
        return reply_listing(q, &l, parent, root_uri);
}

int artifact_reply_refuse_put(struct ask *q, int r, const char *name, const struct errmsg *em) {
        if (r == -EINVAL || r == -EISDIR || r == -ENOTDIR || r == -EEXIST)
                ask_check(q, refusal_invalid(&q->refusal, "Invalid path: %s", em->text));
        else if (r == -ENOSPC || r == -EDQUOT)
                ask_check(q, refusal_set(&q->refusal, REFUSAL_TEMPORARILY_UNAVAILABLE,
                                         "The disk for artifacts is full: '%s' was not stored.",
                                         name));
        else if (r == -EBUSY || r == -EAGAIN)
                ask_check(q, refusal_set(&q->refusal, REFUSAL_TEMPORARILY_UNAVAILABLE,
                                         "The store for artifacts is busy: '%s' was not stored.",
                                         name));
        else
                ask_check(q, r);
        log_warning("storing the artifact %s: %s", name, em->text);
        return job_refuse(q);
}
