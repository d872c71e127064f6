#include "lib/gcp/gcs_request.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/gcp/gcs_name.h"
#include "lib/gcp/gcs_object.h"

#define GCS_REQUEST_BOUNDARY "onebox-part-9c1e7a4b5d2f"
#define GCS_REQUEST_STALL_FOR (10 * USEC_PER_SEC)
#define GCS_REQUEST_SLOW_FOR (60 * USEC_PER_SEC) /* compose, rewrite, finish */

static const struct {
        const char *name, *method;
} gcs_request_verbs[] = {
#define GCS_VERB(verb, text, method) {text, method},
#include "lib/gcp/gcs_verbs.def"
#undef GCS_VERB
};

const char *gcs_request_verb_name(enum gcs_verb verb) {
        return verb < GCS_N_VERBS ? gcs_request_verbs[verb].name : "?";
}

void gcs_request_init(struct gcs_request *q, enum gcs_verb verb, const char *name) {
        *q = (struct gcs_request){
                .verb = verb,
                .name = name,
                .generation = GCS_ANY,
                .if_generation = GCS_ANY,
                .if_metageneration = GCS_ANY,
                .if_source_generation = GCS_ANY,
                .upload_total = -1,
        };
}

uint64_t gcs_request_data_size(const struct gcs_request *q) {
        uint64_t n = 0;

        for (size_t i = 0; i < q->n_data; i++)
                n += q->data[i].iov_len;
        return n;
}

usec_t gcs_request_stall_for(const struct gcs_request *q, usec_t stall_for, usec_t chunk_for,
                             usec_t left_for) {
        bool slow = q->verb == GCS_COMPOSE || q->verb == GCS_REWRITE || q->verb == GCS_MOVE ||
                    q->verb == GCS_INSERT || q->verb == GCS_UPLOAD_PUT;

        stall_for = stall_for ?: GCS_REQUEST_STALL_FOR;
        if ((q->verb == GCS_UPLOAD_PUT || q->verb == GCS_INSERT) && chunk_for > 0)
                stall_for = chunk_for;
        else if (slow)
                stall_for = MAX(GCS_REQUEST_SLOW_FOR, stall_for);
        return left_for > 0 ? MIN(stall_for, left_for) : stall_for;
}

void gcs_request_wire_done(struct gcs_request_wire *w) {
        buf_done(&w->url);
        buf_done(&w->head);
        buf_done(&w->tail);
        for (size_t i = 0; i < ARRAY_SIZE(w->headers); i++)
                w->headers[i] = mem_free(w->headers[i]);
}

/* --- pieces of a URL ------------------------------------------------------------------------- */

static void gcs_request_query(struct gcs_request_wire *w, const char *key, const char *value) {
        if (!value)
                return;
        buf_add_char(&w->url, memchr(w->url.data, '?', w->url.len) ? '&' : '?');
        buf_add_str(&w->url, key);
        buf_add_char(&w->url, '=');
        gcs_name_escape(&w->url, value);
}

static void gcs_request_query_i64(struct gcs_request_wire *w, const char *key, int64_t value) {
        char text[24];

        if (value < 0)
                return;
        snprintf(text, sizeof(text), "%" PRId64, value);
        gcs_request_query(w, key, text);
}

static int gcs_request_header(struct gcs_request_wire *w, char *text) {
        if (!text)
                return -ENOMEM;
        for (size_t i = 0; i + 1 < ARRAY_SIZE(w->headers); i++)
                if (!w->headers[i]) {
                        w->headers[i] = text;
                        return 0;
                }
        mem_free(text);
        return -E2BIG;
}

static void gcs_request_path(struct gcs_request_wire *w, const char *endpoint, const char *bucket,
                             const char *below, const char *name) {
        buf_printf(&w->url, "%s/storage/v1/b/%s%s", endpoint, bucket, below);
        if (name)
                gcs_name_escape(&w->url, name);
}

static void gcs_request_preconditions(const struct gcs_request *q, struct gcs_request_wire *w) {
        gcs_request_query_i64(w, "ifGenerationMatch", q->if_generation);
        gcs_request_query_i64(w, "ifMetagenerationMatch", q->if_metageneration);
}

static void gcs_request_use_json(struct gcs_request_wire *w, const char *json) {
        buf_add_str(&w->head, json ?: "{}");
        w->content_type = "application/json; charset=UTF-8";
        w->has_body = true;
}

/* --- verbs ----------------------------------------------------------------------------------- */

static void gcs_request_list(const struct gcs_request *q, struct gcs_request_wire *w,
                             const char *endpoint, const char *bucket) {
        gcs_request_path(w, endpoint, bucket, "/o", NULL);
        gcs_request_query(w, "prefix", str_empty(q->prefix) ? NULL : q->prefix);
        gcs_request_query(w, "delimiter", q->delimiter);
        if (q->trailing_delimiter)
                gcs_request_query(w, "includeTrailingDelimiter", "true");
        if (q->include_folders)
                gcs_request_query(w, "includeFoldersAsPrefixes", "true");
        gcs_request_query(w, "startOffset", q->start_offset);
        gcs_request_query(w, "endOffset", q->end_offset);
        gcs_request_query(w, "pageToken", q->page_token);
        if (q->n_max > 0)
                gcs_request_query_i64(w, "maxResults", q->n_max);
        gcs_request_query(w, "projection", "noAcl");
        gcs_request_query(w, "fields",
                          q->fields ?: "nextPageToken,prefixes,items(" GCS_OBJECT_FIELDS ")");
}

static int gcs_request_read(const struct gcs_request *q, struct gcs_request_wire *w,
                            const char *endpoint, const char *bucket, uint64_t skip) {
        uint64_t from = q->offset + skip;
        int r = 0;

        if (q->by_json) {
                gcs_request_path(w, endpoint, bucket, "/o/", q->name);
                gcs_request_query(w, "alt", "media");
        } else {
                buf_printf(&w->url, "%s/%s/", endpoint, bucket);
                gcs_name_escape_path(&w->url, q->name);
        }
        gcs_request_query_i64(w, "generation", q->generation);
        if (q->length > 0)
                r = gcs_request_header(w, str_printf("Range: bytes=%" PRIu64 "-%" PRIu64, from,
                                                     q->offset + q->length - 1));
        else if (from > 0)
                r = gcs_request_header(w, str_printf("Range: bytes=%" PRIu64 "-", from));
        /* What is stored compressed comes as it is stored. */
        return r < 0 ? r : gcs_request_header(w, mem_strdup("Accept-Encoding: gzip"));
}

static void gcs_request_upload_path(const struct gcs_request *q, struct gcs_request_wire *w,
                                    const char *endpoint, const char *bucket, const char *type) {
        buf_printf(&w->url, "%s/upload/storage/v1/b/%s/o", endpoint, bucket);
        gcs_request_query(w, "uploadType", type);
        gcs_request_query(w, "name", q->name);
        gcs_request_preconditions(q, w);
        gcs_request_query(w, "fields", GCS_OBJECT_FIELDS);
}

static void gcs_request_insert(const struct gcs_request *q, struct gcs_request_wire *w,
                               const char *endpoint, const char *bucket) {
        gcs_request_upload_path(q, w, endpoint, bucket, "multipart");
        buf_printf(&w->head,
                   "--%s\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n%s\r\n"
                   "--%s\r\nContent-Type: %s\r\n\r\n",
                   GCS_REQUEST_BOUNDARY, q->json ?: "{}", GCS_REQUEST_BOUNDARY,
                   q->content_type ?: "application/octet-stream");
        buf_printf(&w->tail, "\r\n--%s--\r\n", GCS_REQUEST_BOUNDARY);
        w->content_type = "multipart/related; boundary=" GCS_REQUEST_BOUNDARY;
        w->has_body = true;
}

static int gcs_request_upload_begin(const struct gcs_request *q, struct gcs_request_wire *w,
                                    const char *endpoint, const char *bucket) {
        gcs_request_upload_path(q, w, endpoint, bucket, "resumable");
        gcs_request_use_json(w, q->json);
        return gcs_request_header(w, str_printf("X-Upload-Content-Type: %s",
                                                q->content_type ?: "application/octet-stream"));
}

static int gcs_request_upload(const struct gcs_request *q, struct gcs_request_wire *w) {
        uint64_t n = gcs_request_data_size(q);
        char total[24] = "*";

        if (!q->upload_url)
                return -EINVAL;
        buf_add_str(&w->url, q->upload_url);
        if (q->verb == GCS_UPLOAD_CANCEL)
                return gcs_request_header(w, mem_strdup("Content-Length: 0"));
        if (q->upload_total >= 0)
                snprintf(total, sizeof(total), "%" PRId64, q->upload_total);
        w->has_body = true;
        w->content_type = q->content_type ?: "application/octet-stream";
        if (q->verb == GCS_UPLOAD_STATUS || n == 0)
                return gcs_request_header(w, str_printf("Content-Range: bytes */%s", total));
        return gcs_request_header(w, str_printf("Content-Range: bytes %" PRIu64 "-%" PRIu64 "/%s",
                                                q->upload_offset, q->upload_offset + n - 1, total));
}

static void gcs_request_move(const struct gcs_request *q, struct gcs_request_wire *w,
                             const char *endpoint, const char *bucket) {
        gcs_request_path(w, endpoint, bucket, "/o/", q->name);
        if (q->verb == GCS_MOVE) {
                buf_add_str(&w->url, "/moveTo/o/");
        } else {
                buf_printf(&w->url, "/rewriteTo/b/%s/o/", bucket);
        }
        gcs_name_escape(&w->url, q->dest);
        gcs_request_preconditions(q, w);
        gcs_request_query_i64(w, "ifSourceGenerationMatch", q->if_source_generation);
        gcs_request_query(w, "rewriteToken", q->token);
        w->has_body = true;
        w->content_type = "application/json";
}

static void gcs_request_object(const struct gcs_request *q, struct gcs_request_wire *w,
                               const char *endpoint, const char *bucket) {
        gcs_request_path(w, endpoint, bucket, "/o/", q->name);
        if (q->verb == GCS_COMPOSE)
                buf_add_str(&w->url, "/compose");
        gcs_request_query_i64(w, "generation", q->generation);
        gcs_request_preconditions(q, w);
        if (q->verb == GCS_COMPOSE || q->verb == GCS_PATCH)
                gcs_request_use_json(w, q->json);
        if (q->verb == GCS_STAT)
                gcs_request_query(w, "projection", "noAcl");
        if (q->verb != GCS_DELETE)
                gcs_request_query(w, "fields", GCS_OBJECT_FIELDS);
}

static void gcs_request_folder(const struct gcs_request *q, struct gcs_request_wire *w,
                               const char *endpoint, const char *bucket) {
        if (q->verb == GCS_LAYOUT) {
                gcs_request_path(w, endpoint, bucket, "/storageLayout", NULL);
        } else if (q->verb == GCS_OPERATION) {
                gcs_request_path(w, endpoint, bucket, "/operations/", q->name);
        } else if (q->verb == GCS_FOLDER_INSERT) {
                gcs_request_path(w, endpoint, bucket, "/folders", NULL);
                gcs_request_use_json(w, q->json);
        } else {
                gcs_request_path(w, endpoint, bucket, "/folders/", q->name);
                if (q->verb == GCS_FOLDER_RENAME) {
                        buf_add_str(&w->url, "/renameTo/folders/");
                        gcs_name_escape(&w->url, q->dest);
                        w->has_body = true;
                        w->content_type = "application/json";
                }
        }
}

static int gcs_request_build_verb(const struct gcs_request *q, struct gcs_request_wire *w,
                                  const char *endpoint, const char *bucket, uint64_t skip) {
        switch (q->verb) {
        case GCS_LIST:
                gcs_request_list(q, w, endpoint, bucket);
                return 0;
        case GCS_READ:
                return gcs_request_read(q, w, endpoint, bucket, skip);
        case GCS_INSERT:
                gcs_request_insert(q, w, endpoint, bucket);
                return 0;
        case GCS_UPLOAD_BEGIN:
                return gcs_request_upload_begin(q, w, endpoint, bucket);
        case GCS_UPLOAD_PUT:
        case GCS_UPLOAD_STATUS:
        case GCS_UPLOAD_CANCEL:
                return gcs_request_upload(q, w);
        case GCS_MOVE:
        case GCS_REWRITE:
                if (!q->dest)
                        return -EINVAL;
                gcs_request_move(q, w, endpoint, bucket);
                return 0;
        case GCS_STAT:
        case GCS_COMPOSE:
        case GCS_DELETE:
        case GCS_PATCH:
                gcs_request_object(q, w, endpoint, bucket);
                return 0;
        default:
                gcs_request_folder(q, w, endpoint, bucket);
                return 0;
        }
}

static bool gcs_request_needs_name(enum gcs_verb verb) {
        return verb != GCS_LIST && verb != GCS_LAYOUT && verb != GCS_FOLDER_INSERT &&
               verb != GCS_UPLOAD_PUT && verb != GCS_UPLOAD_STATUS && verb != GCS_UPLOAD_CANCEL;
}

int gcs_request_build(const struct gcs_request *q, const char *endpoint, const char *bucket,
                      const char *project, uint64_t skip, struct gcs_request_wire *ret) {
        struct gcs_request_wire w = {};
        int r;

        if (q->verb >= GCS_N_VERBS || (gcs_request_needs_name(q->verb) && str_empty(q->name)))
                return -EINVAL;
        w.method = gcs_request_verbs[q->verb].method;
        r = gcs_request_build_verb(q, &w, endpoint, bucket, skip);
        /* A session's URL has all it needs. */
        if (r >= 0 && !q->upload_url) {
                gcs_request_query(&w, "prettyPrint", q->verb == GCS_READ ? NULL : "false");
                gcs_request_query(&w, "userProject", project);
        }
        if (r >= 0)
                r = buf_error(&w.url) ?: buf_error(&w.head) ?: buf_error(&w.tail);
        if (r < 0) {
                gcs_request_wire_done(&w);
                return r;
        }
        w.body_size = w.head.len + w.tail.len;
        if (q->verb == GCS_INSERT || q->verb == GCS_UPLOAD_PUT)
                w.body_size += gcs_request_data_size(q);
        *ret = w;
        return 0;
}
