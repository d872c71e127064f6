/* objects_copy_api: see objects_copy_api.h. */
#include "daemons/bucketd/objects_copy_api.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "daemons/bucketd/blob.h"
#include "daemons/bucketd/bucket_call.h"
#include "daemons/bucketd/bucket_job.h"
#include "daemons/bucketd/bucketd.h"
#include "daemons/bucketd/field_mask.h"
#include "daemons/bucketd/object_store.h"
#include "daemons/bucketd/policies_api.h"
#include "lib/base/crc32c.h"
#include "lib/base/str.h"

#define COMPOSE_MAX 32                          /* sources of one call */
#define MERGED_MAX ((uint64_t) 1 * 1024 * 1024) /* bytes of a segment made of small ones */

enum copy_kind { COPY, REWRITE, MOVE, COMPOSE };

struct source {
        const char *name;
        struct condition condition;
        int64_t version; /* the generation that goes for good; 0: the live one, as by a delete */
};

struct copy {
        struct bucket_job job;
        enum copy_kind kind;
        const char *from_bucket, *to_bucket, *to_name, *base;
        struct source *sources;
        size_t n_sources;
        struct condition condition;  /* of the destination */
        const struct json *resource; /* or NULL: as the source */
        const struct field_mask *mask;
        bool delete_sources;
};

/* --- inside the transaction ------------------------------------------------------------------ */

/* The pieces one behind the other. */
static int append(struct arena *a, struct object *to, const struct object *o) {
        size_t n = to->segments.n + o->segments.n;
        struct segment *all;

        if (n > SEGMENT_MAX)
                return -E2BIG;
        all = arena_zalloc_array(a, n + 1, sizeof(*all));
        if (!all)
                return -ENOMEM;
        if (to->segments.n > 0)
                memcpy(all, to->segments.all, to->segments.n * sizeof(*all));
        if (o->segments.n > 0)
                memcpy(all + to->segments.n, o->segments.all, o->segments.n * sizeof(*all));
        to->segments = (struct segments){all, n};
        to->crc32c = crc32c_combine(to->crc32c, o->crc32c, o->size);
        to->size += o->size;
        to->components += MAX(o->components, (int64_t) 1);
        return 0;
}

/* Many small appends must not become as many segments: those at the end that are in the index are
 * put together whenever the one before is not much longer than all behind it, so that each byte is
 * written again only a few times. */
static int merge_tail(const struct object_store *s, struct object *o) {
        struct segments *g = &o->segments;
        size_t from = g->n, n_done = 0;
        uint64_t size = 0, id;
        char *data;
        int r = 0;

        while (from > 0) {
                const struct segment *one = &g->all[from - 1];

                if (size > 0 && (one->size > 2 * size || one->size + size > MERGED_MAX))
                        break;
                r = blobs_sql_is_in_file(s->db, one->blob);
                if (r < 0)
                        return r;
                if (r > 0)
                        break;
                size += one->size;
                from--;
        }
        if (g->n - from < 2)
                return 0;
        data = arena_alloc(s->arena, size + 1);
        if (!data)
                return -ENOMEM;
        for (size_t i = from; i < g->n; n_done += g->all[i++].size) {
                r = blobs_sql_read(s->db, g->all[i].blob, g->all[i].offset, g->all[i].size,
                                   data + n_done);
                if (r < 0)
                        return r;
        }
        id = blob_new_id(s->d->blobs);
        g->all[from] = (struct segment){id, 0, size};
        g->n = from + 1;
        return blobs_sql_insert(s->db, id, 0, size, data);
}

/* Does it go for good when it goes? What is composed stands in the composite, so no version of it
 * is kept; of what the composite replaces one is, as of whatever is overwritten. */
static bool goes_for_good(const struct copy *c, const struct source *s, const struct object *o) {
        return o->deleted_at || (c->kind == COMPOSE && !str_eq(s->name, c->to_name));
}

static int read_sources(struct copy *c, const struct object_store *from, struct object *ret) {
        struct object to = {.name = c->to_name};
        int r = 0;

        for (size_t i = 0; r == 0 && i < c->n_sources; i++) {
                struct object o;

                r = object_store_need(from, c->sources[i].name, &c->sources[i].condition, false,
                                      &o);
                if (r != 0)
                        return r;
                c->sources[i].version = goes_for_good(c, &c->sources[i], &o) ? o.generation : 0;
                if (c->kind == COMPOSE) {
                        r = append(from->arena, &to, &o);
                        if (i == 0 && !to.content_type)
                                to.content_type = o.content_type;
                } else {
                        to = o;
                        to.name = c->to_name;
                }
        }
        if (r == -E2BIG)
                return gcs_error_set(from->no, GCS_ERROR_INVALID,
                                     "The composed object would have too many components.");
        if (r == 0 && c->resource)
                r = object_patch(from->arena, &to, c->resource, c->kind != MOVE, from->no);
        if (r == 0)
                *ret = to;
        return r;
}

/* What was read goes. A live source may be the destination, too: then it is replaced already. */
static int delete_sources(struct copy *c, const struct object_store *from) {
        int r = 0;

        for (size_t i = 0; r == 0 && i < c->n_sources; i++) {
                const struct source *s = &c->sources[i];
                const struct condition version = {.generation = s->version};

                if (s->version == 0 && str_eq(s->name, c->to_name))
                        continue;
                r = object_store_delete(from, s->name, s->version ? &version : NULL);
                if (r == REFUSED && from->no->error == GCS_ERROR_NO_OBJECT)
                        r = 0; /* named twice */
        }
        return r;
}

static int write_answer(struct copy *c, const struct object *o, struct json_write *w) {
        const struct field_mask *mask = c->mask;
        char size[24];
        int r;

        if (c->kind != REWRITE)
                return object_write_json(c->job.arena, o, c->base, mask, w);
        (void) snprintf(size, sizeof(size), "%" PRIu64, o->size);
        json_write_object(w);
        json_write_kv_str(w, "kind", "storage#rewriteResponse");
        json_write_kv_str(w, "totalBytesRewritten", size);
        json_write_kv_str(w, "objectSize", size);
        json_write_kv_bool(w, "done", true);
        mask = field_mask_get(mask, "resource");
        if (mask) {
                json_write_key(w, "resource");
                r = object_write_json(c->job.arena, o, c->base, mask, w);
                if (r < 0)
                        return r;
        }
        json_write_end(w);
        return 0;
}

static int run(struct bucket_job *j, struct db *db) {
        struct copy *c = container_of(j, struct copy, job);
        struct bucket from_bucket, to_bucket;
        struct object_store from = {j->d, db, j->arena, &from_bucket, &j->gone, &j->no};
        struct object_store to = {j->d, db, j->arena, &to_bucket, &j->gone, &j->no};
        struct object o;
        int r = buckets_sql_need(db, j->arena, c->from_bucket, &from_bucket, &j->no);

        if (r == 0)
                r = buckets_sql_need(db, j->arena, c->to_bucket, &to_bucket, &j->no);
        if (r == 0)
                r = read_sources(c, &from, &o);
        if (r == 0 && c->kind == COMPOSE)
                r = merge_tail(&to, &o);
        if (r == 0)
                r = object_store_share(&to, &o, &c->condition);
        if (r == 0 && (c->kind == MOVE || c->delete_sources))
                r = delete_sources(c, &from);
        return r != 0 ? r : write_answer(c, &o, &j->json);
}

/* --- the request ----------------------------------------------------------------------------- */

static int read_resource(struct copy *c, const struct json **ret, struct refused *no) {
        struct http_request *req = c->job.req;
        struct errmsg em = {};
        struct json *j = NULL;
        int r;

        if (req->body_size == 0)
                return 0;
        r = json_parse(req->arena, req->body, req->body_size, &j, &em);
        if (r == -EINVAL || (r == 0 && j->type != JSON_OBJECT))
                return gcs_error_set(no, GCS_ERROR_INVALID, "Parse Error: %s", em.text);
        if (r == 0)
                *ret = j;
        return r;
}

static int new_copy(struct http_request *req, enum copy_kind kind, size_t n_sources,
                    struct copy **ret, struct refused *no) {
        struct copy *c = arena_new(req->arena, struct copy);
        int r;

        if (!c)
                return -ENOMEM;
        c->job.req = req;
        c->job.run = run;
        c->kind = kind;
        c->base = bucket_call_base(req);
        c->n_sources = n_sources;
        c->sources = arena_zalloc_array(req->arena, n_sources + 1, sizeof(*c->sources));
        if (!c->base || !c->sources)
                return -ENOMEM;
        r = condition_read(req, CONDITION_OF_TARGET, &c->condition, no);
        if (r == 0 && field_mask_parse(req->arena, http_request_query(req, "fields"), &c->mask) < 0)
                r = gcs_error_set(no, GCS_ERROR_INVALID, "Invalid field selection");
        if (r == 0)
                *ret = c;
        return r;
}

static int finish(struct http_request *req, struct copy *c, int r, const struct refused *no) {
        if (r == REFUSED)
                return gcs_error_reply(req, no);
        return r < 0 ? r : bucket_job_write(&c->job);
}

static int copy_one(struct http_request *req, enum copy_kind kind) {
        struct refused no;
        struct copy *c = NULL;
        int r = new_copy(req, kind, 1, &c, &no);

        if (r != 0)
                return finish(req, c, r, &no);
        c->from_bucket = http_request_param(req, "bucket");
        c->to_bucket = kind == MOVE ? c->from_bucket : http_request_param(req, "to_bucket");
        c->to_name = http_request_param(req, "to_object");
        c->sources[0].name = http_request_param(req, "object");
        r = condition_read(req, CONDITION_OF_SOURCE, &c->sources[0].condition, &no);
        if (r == 0)
                r = object_check_name(c->to_name, &no);
        if (r == 0)
                r = read_resource(c, &c->resource, &no);
        if (r == 0)
                r = policies_api_check_acl(req, c->resource, &no);
        /* An empty resource asks for nothing. */
        if (c->resource && !json_first(c->resource))
                c->resource = NULL;
        return finish(req, c, r, &no);
}

int objects_copy_api_copy(struct http_request *req) {
        return copy_one(req, COPY);
}

int objects_copy_api_rewrite(struct http_request *req) {
        return copy_one(req, REWRITE);
}

int objects_copy_api_move(struct http_request *req) {
        return copy_one(req, MOVE);
}

static int read_number(const struct json *j, int64_t *ret) {
        return json_is(j, JSON_STRING) ? str_to_i64(j->str, ret) : json_i64(j, ret);
}

static int read_source(const struct json *j, struct source *s, struct refused *no) {
        const struct json *match =
                json_get(json_get(j, "objectPreconditions"), "ifGenerationMatch");
        const struct json *generation = json_get(j, "generation");

        if (json_str(json_get(j, "name"), &s->name) != 0)
                return gcs_error_set(no, GCS_ERROR_REQUIRED, "Required: sourceObjects[].name");
        if (generation && read_number(generation, &s->condition.generation) != 0)
                return gcs_error_set(no, GCS_ERROR_INVALID, "Invalid source generation");
        if (match) {
                s->condition.has[CONDITION_GENERATION_MATCH] = true;
                if (read_number(match, &s->condition.value[CONDITION_GENERATION_MATCH]) != 0)
                        return gcs_error_set(no, GCS_ERROR_INVALID, "Invalid source precondition");
        }
        return 0;
}

static int read_compose(struct copy *c, const struct json *body, struct refused *no) {
        const struct json *sources = json_get(body, "sourceObjects"), *item;
        size_t i = 0;
        int r = 0;

        if (!json_is(sources, JSON_ARRAY) || sources->len == 0)
                return gcs_error_set(no, GCS_ERROR_REQUIRED,
                                     "You must provide at least one source component.");
        if (sources->len > COMPOSE_MAX)
                return gcs_error_set(no, GCS_ERROR_INVALID,
                                     "The number of source components provided (%u) exceeds the "
                                     "maximum (32)",
                                     sources->len);
        c->n_sources = sources->len;
        json_each (item, sources) {
                if (r == 0)
                        r = read_source(item, &c->sources[i++], no);
        }
        c->resource = json_get(body, "destination");
        (void) json_bool(json_get(body, "deleteSourceObjects"), &c->delete_sources);
        return r;
}

int objects_copy_api_compose(struct http_request *req) {
        const struct json *body = NULL;
        struct refused no;
        struct copy *c = NULL;
        int r = new_copy(req, COMPOSE, COMPOSE_MAX, &c, &no);

        if (r == 0)
                r = read_resource(c, &body, &no);
        if (r == 0)
                r = read_compose(c, body, &no);
        if (r == 0)
                r = policies_api_check_acl(req, c->resource, &no);
        if (r != 0)
                return finish(req, c, r, &no);
        c->from_bucket = c->to_bucket = http_request_param(req, "bucket");
        c->to_name = http_request_param(req, "object");
        r = object_check_name(c->to_name, &no);
        return finish(req, c, r, &no);
}
