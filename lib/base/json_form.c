/* json_form: see json_form.h. */
#include "lib/base/json_form.h"

#include <math.h>
#include <string.h>

#include "lib/base/json_number.h"

void json_form_init(struct json_form *f, struct json_write *to) {
        assert(to->depth > 0 && !to->in_object[to->depth - 1] && !to->after_key);
        *f = (struct json_form){.to = to, .w = *to};
        f->w.out = &f->text;
        f->w.has_items[f->w.depth - 1] = false; /* commas are ours */
}

void json_form_done(struct json_form *f) {
        buf_done(&f->text);
}

void json_form_gap(struct json_form *f) {
        assert(f->n_gaps < JSON_FORM_GAPS_MAX && f->w.after_key);
        f->w.after_key = false;
        f->gaps[f->n_gaps++] = f->text.len;
}

/* What stands from gap number i - 1 to the next one. */
static void add_piece(struct json_form *f, size_t i) {
        size_t from = i > 0 ? f->gaps[i - 1] : 0;
        size_t to = i < f->n_gaps ? f->gaps[i] : f->text.len;

        if (f->text.error)
                f->to->out->error = f->text.error;
        else
                buf_add(f->to->out, f->text.data + from, to - from);
}

void json_form_next(struct json_form *f) {
        bool *has_items = &f->to->has_items[f->to->depth - 1];

        assert(f->w.depth == f->to->depth);
        assert(f->n_gaps > 0 && (f->next == 0 || f->next > f->n_gaps));
        if (*has_items)
                buf_add(f->to->out, ", ", f->to->flags & JSON_WRITE_SPACED ? 2 : 1);
        *has_items = true;
        add_piece(f, 0);
        f->next = 1;
}

static void fill(struct json_form *f, const char *text, size_t n) {
        assert(f->next > 0 && f->next <= f->n_gaps);
        buf_add(f->to->out, text, n);
        add_piece(f, f->next++);
}

void json_form_i64(struct json_form *f, int64_t v) {
        char text[JSON_NUMBER_SIZE];

        fill(f, text, json_number_print_i64(v, text));
}

void json_form_f64(struct json_form *f, double v) {
        char text[JSON_NUMBER_SIZE + 2];
        size_t n = json_number_print_f64(v, text + 1);

        if (isfinite(v)) {
                fill(f, text + 1, n);
                return;
        }
        text[0] = text[n + 1] = '"';
        fill(f, text, n + 2);
}
