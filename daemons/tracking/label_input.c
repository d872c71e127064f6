#include "daemons/tracking/label_input.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "daemons/tracking/field_check.h"
#include "lib/base/json_number.h"
#include "lib/base/str.h"
#include "lib/base/utf8.h"

enum { LABEL_MAX = 64, OPTIONS_MAX = 10 };

static const char *const names[LABEL_INPUT_N] = {
        [LABEL_INPUT_NOTHING] = "",
        [LABEL_INPUT_PASS_FAIL] = "pass_fail",
        [LABEL_INPUT_CATEGORICAL] = "categorical",
        [LABEL_INPUT_NUMERIC] = "numeric",
        [LABEL_INPUT_TEXT] = "text",
};

const char *label_input_kind_print(enum label_input_kind kind) {
        assert(kind < LABEL_INPUT_N);
        return names[kind];
}

static const char *text_of(const struct json *object, const char *key) {
        const struct json *j = json_get(object, key);

        return json_is(j, JSON_STRING) ? j->str : "";
}

/* Numbers may come as strings. */
static bool number_of(const struct json *object, const char *key, double *ret) {
        const struct json *j = json_get(object, key);

        if (json_is(j, JSON_STRING))
                return str_to_f64(j->str, ret) == 0;
        return json_f64(j, ret) == 0;
}

static bool whole_of(const struct json *object, const char *key, int64_t *ret) {
        const struct json *j = json_get(object, key);

        if (json_is(j, JSON_STRING))
                return str_to_i64(j->str, ret) == 0;
        return json_i64(j, ret) == 0;
}

/* --- one kind each --- */

static int take_options(struct arena *a, const struct json *list, struct label_input *x) {
        const struct json *item;

        if (!json_is(list, JSON_ARRAY))
                return 0;
        x->options = arena_zalloc_array(a, list->len + 1, sizeof(*x->options));
        if (!x->options)
                return -ENOMEM;
        json_each (item, list) {
                x->options[x->n_options++] = json_is(item, JSON_STRING) ? item->str : "";
        }
        return 0;
}

static int take(struct arena *a, enum label_input_kind kind, const struct json *j,
                struct label_input *x) {
        *x = (struct label_input){.kind = kind};
        switch (kind) {
        case LABEL_INPUT_PASS_FAIL:
                x->positive = text_of(j, "positive_label");
                x->negative = text_of(j, "negative_label");
                return 0;
        case LABEL_INPUT_CATEGORICAL:
                (void) json_bool(json_get(j, "multi_select"), &x->multi_select);
                return take_options(a, json_get(j, "options"), x);
        case LABEL_INPUT_NUMERIC:
                x->has_min = number_of(j, "min_value", &x->min);
                x->has_max = number_of(j, "max_value", &x->max);
                return 0;
        default:
                x->has_max = whole_of(j, "max_length", &x->max_length);
                return 0;
        }
}

static int check_label(struct refusal *r, const char *field, const char *label) {
        size_t n = utf8_count(label, strlen(label));

        if (n == 0)
                return refusal_invalid(r, "`InputPassFail.%s` must be a non-empty string; got ''.",
                                       field);
        if (n > LABEL_MAX)
                return refusal_invalid(r,
                                       "`InputPassFail.%s` must be at most %d characters; got %zu.",
                                       field, LABEL_MAX, n);
        return 0;
}

static int check_pass_fail(struct refusal *r, const struct label_input *x) {
        int e = check_label(r, "positive_label", x->positive);

        if (e == 0)
                e = check_label(r, "negative_label", x->negative);
        if (e == 0 && str_eq(x->positive, x->negative))
                e = refusal_invalid(r,
                                    "`InputPassFail.positive_label` and `negative_label` must be "
                                    "distinct; got %s for both.",
                                    field_check_repr(r->arena, x->positive));
        return e;
}

static int check_option(struct refusal *r, const struct label_input *x, size_t i) {
        const char *option = x->options[i];
        size_t n = utf8_count(option, strlen(option));

        if (n == 0)
                return refusal_invalid(r, "`InputCategorical.options` entries must be non-empty "
                                          "strings; got ''.");
        if (n > LABEL_MAX)
                return refusal_invalid(r,
                                       "`InputCategorical.options` entries must be at most %d "
                                       "characters; got %zu for %s.",
                                       LABEL_MAX, n, field_check_repr(r->arena, option));
        for (size_t k = 0; k < i; k++)
                if (str_eq(x->options[k], option))
                        return refusal_invalid(r,
                                               "`InputCategorical.options` must be deduplicated; "
                                               "%s appears twice.",
                                               field_check_repr(r->arena, option));
        return 0;
}

static int check_categorical(struct refusal *r, const struct label_input *x) {
        int e = 0;

        if (x->n_options == 0)
                return refusal_invalid(
                        r, "`InputCategorical.options` must be a non-empty list; got [].");
        if (x->n_options > OPTIONS_MAX)
                return refusal_invalid(
                        r, "`InputCategorical.options` must have at most %d entries; got %zu.",
                        OPTIONS_MAX, x->n_options);
        for (size_t i = 0; e == 0 && i < x->n_options; i++)
                e = check_option(r, x, i);
        return e;
}

static int check_numeric(struct refusal *r, const struct label_input *x) {
        char min[JSON_NUMBER_SIZE], max[JSON_NUMBER_SIZE];

        if (!x->has_min || !x->has_max || x->min < x->max)
                return 0;
        json_number_print_f64(x->min, min);
        json_number_print_f64(x->max, max);
        return refusal_invalid(r,
                               "`InputNumeric.min_value` must be strictly less than `max_value`; "
                               "got min=%s, max=%s.",
                               min, max);
}

static int check_text(struct refusal *r, const struct label_input *x) {
        if (!x->has_max || x->max_length >= 1)
                return 0;
        return refusal_invalid(r, "`InputText.max_length` must be at least 1; got %" PRId64 ".",
                               x->max_length);
}

static int check(struct refusal *r, const struct label_input *x) {
        switch (x->kind) {
        case LABEL_INPUT_PASS_FAIL:
                return check_pass_fail(r, x);
        case LABEL_INPUT_CATEGORICAL:
                return check_categorical(r, x);
        case LABEL_INPUT_NUMERIC:
                return check_numeric(r, x);
        default:
                return check_text(r, x);
        }
}

int label_input_read(struct refusal *r, const struct json *input, struct label_input *ret) {
        const struct json *found = NULL;
        struct label_input x = {};
        int n = 0, e;

        for (int kind = LABEL_INPUT_PASS_FAIL; kind < LABEL_INPUT_N; kind++) {
                const struct json *j = json_get(input, names[kind]);

                if (!json_is(j, JSON_OBJECT))
                        continue;
                found = j;
                x.kind = (enum label_input_kind) kind;
                n++;
        }
        if (n != 1)
                return refusal_invalid(r, "Label schema `input` must have exactly one of "
                                          "`pass_fail`, `categorical`, `numeric`, or `text` set; "
                                          "got an empty oneof.");
        e = take(r->arena, x.kind, found, &x);
        if (e == 0)
                e = check(r, &x);
        if (e == 0)
                *ret = x;
        return e;
}

int label_input_check_change(struct refusal *r, const struct label_input *from,
                             const struct label_input *to) {
        static const char *const classes[LABEL_INPUT_N] = {
                [LABEL_INPUT_NOTHING] = "NoneType",
                [LABEL_INPUT_PASS_FAIL] = "InputPassFail",
                [LABEL_INPUT_CATEGORICAL] = "InputCategorical",
                [LABEL_INPUT_NUMERIC] = "InputNumeric",
                [LABEL_INPUT_TEXT] = "InputText",
        };

        if (from->kind != to->kind)
                return refusal_invalid(r,
                                       "A label schema's input type cannot be changed after "
                                       "creation (existing: %s, got: %s).",
                                       classes[from->kind], classes[to->kind]);
        if (from->multi_select != to->multi_select)
                return refusal_invalid(
                        r, "`InputCategorical.multi_select` cannot be changed after creation.");
        return 0;
}

/* --- in the database and in answers --- */

/* The members of an input; what is absent is null in the database and left out in answers. */
static void write_members(struct json_write *w, const struct label_input *x, bool nulls) {
        switch (x->kind) {
        case LABEL_INPUT_PASS_FAIL:
                json_write_kv_str(w, "positive_label", x->positive);
                json_write_kv_str(w, "negative_label", x->negative);
                break;
        case LABEL_INPUT_CATEGORICAL:
                json_write_kv_array(w, "options");
                for (size_t i = 0; i < x->n_options; i++)
                        json_write_str(w, x->options[i]);
                json_write_end(w);
                json_write_kv_bool(w, "multi_select", x->multi_select);
                break;
        case LABEL_INPUT_NUMERIC:
                if (x->has_min)
                        json_write_kv_f64(w, "min_value", x->min);
                else if (nulls)
                        json_write_kv_null(w, "min_value");
                if (x->has_max)
                        json_write_kv_f64(w, "max_value", x->max);
                else if (nulls)
                        json_write_kv_null(w, "max_value");
                break;
        default:
                if (x->has_max)
                        json_write_kv_i64(w, "max_length", x->max_length);
                else if (nulls)
                        json_write_kv_null(w, "max_length");
        }
}

const char *label_input_print(struct arena *a, const struct label_input *x) {
        _cleanup_buf_ struct buf out = {};
        struct json_write w;

        json_write_init(&w, &out, JSON_WRITE_SPACED | JSON_WRITE_ASCII);
        json_write_object(&w);
        write_members(&w, x, true);
        json_write_end(&w);
        return json_write_finish(&w) == 0 ? arena_strndup(a, buf_cstr(&out), out.len) : NULL;
}

int label_input_parse(struct arena *a, const char *kind, const char *config,
                      struct label_input *ret) {
        struct json *root = NULL;
        int r = json_parse_copy(a, config, strlen(config), &root, NULL);

        for (int k = LABEL_INPUT_PASS_FAIL; r == 0 && k < LABEL_INPUT_N; k++)
                if (str_eq(kind, names[k]))
                        return take(a, (enum label_input_kind) k, root, ret);
        return r < 0 ? r : -EINVAL;
}

void label_input_write(struct json_write *w, const struct label_input *x) {
        json_write_kv_object(w, "input");
        json_write_kv_object(w, names[x->kind]);
        write_members(w, x, false);
        json_write_end(w);
        json_write_end(w);
}
