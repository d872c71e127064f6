/* json_form: many objects with the same keys in one array, of which only some numbers differ: what
 * stands between the numbers is written out once.
 *
 *      struct json_form f _cleanup_(json_form_done);
 *      json_form_init(&f, &w);                 // w stands in an array
 *      json_write_object(&f.w);
 *      json_write_kv_str(&f.w, "key", key);
 *      json_write_key(&f.w, "value");
 *      json_form_gap(&f);
 *      json_write_end(&f.w);
 *      for (…) {
 *              json_form_next(&f);
 *              json_form_f64(&f, value);       // one call a gap, in order
 *      }
 *
 * What comes out is what json_write would have written. Errors stick in w's buf. */
#pragma once

#include "lib/base/json_write.h"

enum { JSON_FORM_GAPS_MAX = 8 };

struct json_form {
        struct json_write *to, w; /* w: writes the form */
        struct buf text;
        size_t gaps[JSON_FORM_GAPS_MAX + 1]; /* where in the text; behind the last: its end */
        size_t n_gaps, next;
};

void json_form_init(struct json_form *f, struct json_write *to);
void json_form_done(struct json_form *f);

/* A number will stand here. */
void json_form_gap(struct json_form *f);

/* One more object, up to its first gap; all gaps of the one before are filled. */
void json_form_next(struct json_form *f);
void json_form_i64(struct json_form *f, int64_t v);
void json_form_f64(struct json_form *f, double v); /* as json_write_f64() */
