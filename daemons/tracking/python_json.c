#include "daemons/tracking/python_json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/json_number.h"
#include "lib/base/json_write.h"

static bool is_whole(const struct json *j) {
        for (uint32_t i = 0; i < j->len; i++)
                if (strchr(".eENy", j->str[i])) /* NaN, Infinity */
                        return false;
        return true;
}

static int number(const struct json *j, struct buf *out) {
        char text[JSON_NUMBER_SIZE];
        double value;

        if (strchr("Ny", j->str[j->len - 1])) /* NaN, Infinity, -Infinity */
                return buf_add(out, j->str, j->len);
        if (is_whole(j)) /* Python's integers have no end and no minus zero */
                return j->len == 2 && memcmp(j->str, "-0", 2) == 0 ? buf_add_char(out, '0')
                                                                   : buf_add(out, j->str, j->len);
        if (json_f64(j, &value) != 0)
                return buf_add_str(out, *j->str == '-' ? "-Infinity" : "Infinity");
        return buf_add(out, text, json_number_print_f64(value, text));
}

/* Bytes of UTF-8 stand in the order of their code points. */
static int by_key(const void *a, const void *b) {
        const struct json *const *x = a, *const *y = b;

        return strcmp((*x)->key, (*y)->key);
}

/* The members in the order they are printed in; NULL: out of memory. */
static const struct json **members(const struct json *j, unsigned flags, struct arena *a) {
        const struct json **list = arena_zalloc_array(a, j->len + 1, sizeof(*list)), *item;
        size_t n = 0;

        if (!list)
                return NULL;
        json_each (item, j) {
                list[n++] = item;
        }
        if (flags & PYTHON_JSON_SORTED && json_is(j, JSON_OBJECT))
                qsort(list, n, sizeof(*list), by_key);
        return list;
}

/* Depth is the parser's, JSON_DEPTH_MAX. */
static int container(const struct json *j, unsigned flags, struct arena *a, struct buf *out) {
        const struct json **list = members(j, flags, a);
        bool is_object = json_is(j, JSON_OBJECT);
        int r = list ? 0 : -ENOMEM;

        buf_add_char(out, is_object ? '{' : '[');
        for (size_t i = 0; r == 0 && i < j->len; i++) {
                if (i > 0)
                        buf_add_lit(out, ", ");
                if (is_object) {
                        json_write_quoted(out, list[i]->key, list[i]->key_len, JSON_WRITE_ASCII);
                        buf_add_lit(out, ": ");
                }
                r = python_json_print(list[i], flags, a, out);
        }
        buf_add_char(out, is_object ? '}' : ']');
        return r != 0 ? r : buf_error(out);
}

int python_json_print(const struct json *j, unsigned flags, struct arena *a, struct buf *out) {
        if (!j)
                return buf_add_lit(out, "null");
        switch (j->type) {
        case JSON_NULL:
                return buf_add_lit(out, "null");
        case JSON_FALSE:
                return buf_add_lit(out, "false");
        case JSON_TRUE:
                return buf_add_lit(out, "true");
        case JSON_NUMBER:
                return number(j, out);
        case JSON_STRING:
                return json_write_quoted(out, j->str, j->len, JSON_WRITE_ASCII);
        default:
                return container(j, flags, a, out);
        }
}

static const char *text_of(struct arena *a, const struct buf *out, int *ret_error) {
        const char *text = *ret_error == 0 ? arena_strndup(a, buf_cstr(out), out->len) : NULL;

        if (*ret_error == 0 && !text)
                *ret_error = -ENOMEM;
        return text;
}

const char *python_json_text(const struct json *j, unsigned flags, struct arena *a,
                             int *ret_error) {
        _cleanup_buf_ struct buf out = {};

        *ret_error = python_json_print(j, flags, a, &out);
        return text_of(a, &out, ret_error);
}

const char *python_json_str(const struct json *j, struct arena *a, int *ret_error) {
        *ret_error = 0;
        if (json_is(j, JSON_STRING))
                return j->str;
        if (json_is(j, JSON_TRUE) || json_is(j, JSON_FALSE))
                return json_is(j, JSON_TRUE) ? "True" : "False";
        if (!j || json_is(j, JSON_NULL))
                return "None";
        return python_json_text(j, 0, a, ret_error);
}

const char *python_json_type(const struct json *j) {
        switch (j->type) {
        case JSON_NULL:
                return "NoneType";
        case JSON_FALSE:
        case JSON_TRUE:
                return "bool";
        case JSON_NUMBER:
                for (uint32_t i = 0; i < j->len; i++)
                        if (strchr(".eENy", j->str[i])) /* NaN, Infinity */
                                return "float";
                return "int";
        case JSON_STRING:
                return "str";
        case JSON_ARRAY:
                return "list";
        default:
                return "dict";
        }
}
