#include "daemons/bucketd/object_store.h"

#include "daemons/bucketd/bucket_job.h"
#include "daemons/bucketd/bucketd.h"
#include "daemons/bucketd/folders_sql.h"
#include "daemons/bucketd/objects_sql.h"
#include "daemons/bucketd/retention.h"

static int check(const struct object_store *s, const struct condition *c, const struct object *o,
                 bool reads) {
        enum condition_result result =
                c ? condition_check(c, o->generation, o->metageneration) : CONDITION_HOLDS;

        if (result == CONDITION_UNCHANGED && reads)
                return gcs_error_set(s->no, GCS_ERROR_UNCHANGED, "Not Modified");
        return result == CONDITION_HOLDS ? 0 : gcs_error_condition(s->no);
}

/* The live one or, where a generation is asked for, that one. 1, 0 none, -errno. */
static int find(const struct object_store *s, const char *name, const struct condition *c,
                struct object *ret) {
        int r = objects_sql_get(s->db, s->arena, s->bucket->id, name, ret);

        if (r < 0 || !c || c->generation == 0 || (r > 0 && ret->generation == c->generation))
                return r;
        return objects_sql_get_version(s->db, s->arena, s->bucket->id, name, c->generation, ret);
}

int object_store_need(const struct object_store *s, const char *name, const struct condition *c,
                      bool reads, struct object *ret) {
        struct object o = {};
        int r = find(s, name, c, &o);

        if (r < 0)
                return r;
        if (r == 0)
                return gcs_error_no_object(s->no, s->bucket->name, name);
        o.bucket = s->bucket->name;
        o.retained_for = s->bucket->retained_for;
        r = check(s, c, &o, reads);
        if (r == 0)
                *ret = o;
        return r;
}

/* What is held is neither deleted nor replaced, not even by a version; what is retained may become
 * a version. */
static int check_kept(const struct object_store *s, const struct object *o, bool is_for_good) {
        const char *hold = o->generation > 0 ? object_hold(o) : NULL;

        if (hold)
                return gcs_error_set(s->no, GCS_ERROR_FORBIDDEN,
                                     "Object '%s/%.500s' is under active %s hold and cannot be "
                                     "deleted, overwritten or archived until hold is removed.",
                                     s->bucket->name, o->name, hold);
        if (s->bucket->has_versions && !is_for_good)
                return 0;
        return retention_check(s->bucket->retained_for, o->created_at, bucket_job_stamp(s->d),
                               s->bucket->name, o->name, s->no);
}

/* A new moment, behind every generation there was of this name though the clock went back. */
static int stamp(const struct object_store *s, const char *name, int64_t old, usec_t *ret) {
        int64_t last = old;
        int r = 0;

        if (old == 0)
                r = objects_sql_last_version(s->db, s->bucket->id, name, &last);
        if (r < 0)
                return r;
        if ((usec_t) last > s->d->last_at)
                s->d->last_at = (usec_t) last;
        *ret = bucket_job_stamp(s->d);
        return 0;
}

/* What is live makes room: kept as a version, or its content let go. */
static int retire(const struct object_store *s, const struct object *old, usec_t at) {
        if (s->bucket->has_versions && old->generation > 0)
                return objects_sql_archive(s->db, s->bucket->id, old->name, at);
        return blobs_sql_release(s->db, &old->segments, s->gone);
}

int object_store_put(const struct object_store *s, struct object *o, const struct condition *c) {
        struct object old = {};
        usec_t at;
        int r = objects_sql_get(s->db, s->arena, s->bucket->id, o->name, &old);

        if (r < 0)
                return r;
        r = check(s, c, &old, false);
        if (r == 0)
                r = check_kept(s, &old, false);
        if (r == 0 && s->bucket->holds_new)
                r = object_hold_new(s->arena, o);
        if (r == 0)
                r = stamp(s, o->name, old.generation, &at);
        if (r != 0)
                return r;
        o->created_at = o->updated_at = at;
        o->deleted_at = 0;
        o->generation = (int64_t) at;
        o->metageneration = 1;
        o->bucket = s->bucket->name;
        o->retained_for = s->bucket->retained_for;
        r = retire(s, &old, at);
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
                r = check_kept(s, &old, c && c->generation > 0);
        if (r != 0)
                return r;
        if (c && c->generation > 0)
                r = blobs_sql_release(s->db, &old.segments, s->gone);
        else
                r = retire(s, &old, bucket_job_stamp(s->d));
        return r != 0 ? r : objects_sql_delete(s->db, s->bucket->id, &old);
}

int object_store_set_attributes(const struct object_store *s, struct object *o) {
        o->metageneration++;
        o->updated_at = bucket_job_stamp(s->d);
        return objects_sql_set_attributes(s->db, s->bucket->id, o);
}
