/* retention: see retention.h. */
#include "daemons/bucketd/retention.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "lib/base/str.h"
#include "lib/base/timestamp.h"

/* Google's int64 is a string; a number is taken as well. */
static int period_of(const struct json *j, int64_t *ret) {
        if (json_is(j, JSON_STRING))
                return str_to_i64(j->str, ret);
        return json_i64(j, ret) == 0 ? 0 : -EINVAL;
}

void retention_read(const struct json *kept, struct retention *ret) {
        const struct json *at = json_get(kept, "effectiveTime");
        struct retention r = {.is_locked = json_is(json_get(kept, "isLocked"), JSON_TRUE)};

        if (period_of(json_get(kept, "retentionPeriod"), &r.period_s) < 0 || r.period_s <= 0)
                r = (struct retention){};
        else if (json_is(at, JSON_STRING))
                (void) timestamp_parse(at->str, &r.effective_at);
        *ret = r;
}

int retention_merge(struct retention *r, const struct json *resource, bool is_whole, usec_t now,
                    struct refused *no) {
        const struct json *given = json_get(resource, "retentionPolicy");
        const struct json *period = json_get(given, "retentionPeriod");
        int64_t new = given || is_whole ? 0 : r->period_s;

        if (period && period->type != JSON_NULL &&
            (period_of(period, &new) < 0 || new < 0 || new > RETENTION_MAX_S))
                return gcs_error_set(no, GCS_ERROR_INVALID,
                                     "Invalid retentionPolicy: the retentionPeriod must be seconds "
                                     "between 1 and %" PRId64 ".",
                                     RETENTION_MAX_S);
        if (!period && json_is(given, JSON_OBJECT) && !is_whole)
                new = r->period_s;
        if (r->is_locked && new < r->period_s)
                return gcs_error_set(no, GCS_ERROR_FORBIDDEN,
                                     "Cannot reduce or remove the retention period of a locked "
                                     "retention policy: it can only be made longer.");
        if (new != r->period_s)
                *r = (struct retention){
                        .period_s = new, .effective_at = now, .is_locked = r->is_locked};
        return 0;
}

void retention_write(const struct retention *r, struct json_write *w) {
        char text[TIMESTAMP_SIZE];

        if (r->period_s == 0)
                return;
        json_write_kv_object(w, "retentionPolicy");
        (void) snprintf(text, sizeof(text), "%" PRId64, r->period_s);
        json_write_kv_str(w, "retentionPeriod", text);
        json_write_kv_str(w, "effectiveTime",
                          timestamp_print(r->effective_at, TIMESTAMP_MSEC, text));
        if (r->is_locked)
                json_write_kv_bool(w, "isLocked", true);
        json_write_end(w);
}

int retention_check(usec_t retained_for, usec_t made_at, usec_t now, const char *bucket,
                    const char *name, struct refused *no) {
        char until[TIMESTAMP_SIZE];

        if (retained_for == 0 || made_at == 0 || now >= made_at + retained_for)
                return 0;
        return gcs_error_set(no, GCS_ERROR_RETAINED,
                             "Object '%s/%.500s' is subject to bucket's retention policy and "
                             "cannot be deleted or overwritten until %s",
                             bucket, name,
                             timestamp_print(made_at + retained_for, TIMESTAMP_MSEC, until));
}
