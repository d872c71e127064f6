#include "daemons/bucketd/object_store.h"

#include "daemons/bucketd/bucket_job.h"
#include "daemons/bucketd/bucketd.h"
#include "daemons/bucketd/folders_sql.h"
#include "daemons/bucketd/objects_sql.h"

static int check(const struct object_store *s, const struct condition *c, const struct object *o,
                 bool reads) {
        enum condition_result result =
                c ? condition_check(c, o->generation, o->metageneration) : CONDITION_HOLDS;

        if (result == CONDITION_UNCHANGED && reads)
                return gcs_error_set(s->no, GCS_ERROR_UNCHANGED, "Not Modified");
        return result == CONDITION_HOLDS ? 0 : gcs_error_condition(s->no);
}

int object_store_need(const struct object_store *s, const char *name, const struct condition *c,
                      bool reads, struct object *ret) {
        struct object o = {};
        int r = objects_sql_get(s->db, s->arena, s->bucket->id, name, &o);

        if (r < 0)
                return r;
        if (r == 0 || (c && c->generation > 0 && c->generation != o.generation))
                return gcs_error_no_object(s->no, s->bucket->name, name);
        o.bucket = s->bucket->name;
        r = check(s, c, &o, reads);
        if (r == 0)
                *ret = o;
        return r;
}

int object_store_put(const struct object_store *s, struct object *o, const struct condition *c) {
        struct object old = {};
        int r = objects_sql_get(s->db, s->arena, s->bucket->id, o->name, &old);

        if (r < 0)
                return r;
        r = check(s, c, &old, false);
        if (r != 0)
                return r;
        if ((usec_t) old.generation > s->d->last_at) /* the clock went back */
                s->d->last_at = (usec_t) old.generation;
        o->created_at = o->updated_at = bucket_job_stamp(s->d);
        o->generation = (int64_t) o->created_at;
        o->metageneration = 1;
        o->bucket = s->bucket->name;
        r = blobs_sql_release(s->db, &old.segments, s->gone);
        if (r >= 0 && s->bucket->has_folders && old.generation == 0)
                r = folders_sql_ensure(s->db, s->arena, s->bucket->id, o->name, o->created_at);
        return r < 0 ? r : objects_sql_put(s->db, s->arena, s->bucket->id, o);
}

int object_store_share(const struct object_store *s, struct object *o, const struct condition *c) {
        int r = blobs_sql_hold(s->db, &o->segments);

        return r < 0 ? r : object_store_put(s, o, c);
}

int object_store_delete(const struct object_store *s, const char *name, const struct condition *c) {
        struct object old;
        int r = object_store_need(s, name, c, false, &old);

        if (r == 0)
                r = blobs_sql_release(s->db, &old.segments, s->gone);
        return r != 0 ? r : objects_sql_delete(s->db, s->bucket->id, name);
}

int object_store_set_attributes(const struct object_store *s, struct object *o) {
        o->metageneration++;
        o->updated_at = bucket_job_stamp(s->d);
        return objects_sql_set_attributes(s->db, s->bucket->id, o);
}
