/* json_oracle: see json_oracle.h. */
#include "tests/unit/json_oracle.h"

#include <jansson.h>

static void add_value(struct buf *out, json_t *j) {
        const char *key;
        json_t *value;
        size_t i;

        switch (json_typeof(j)) {
        case JSON_OBJECT:
                buf_add_char(out, '{');
                json_object_foreach(j, key, value) {
                        buf_printf(out, "%s=", key);
                        add_value(out, value);
                }
                buf_add_char(out, '}');
                break;
        case JSON_ARRAY:
                buf_add_char(out, '[');
                json_array_foreach(j, i, value) add_value(out, value);
                buf_add_char(out, ']');
                break;
        case JSON_STRING:
                buf_printf(out, "s%zu:", json_string_length(j));
                buf_add(out, json_string_value(j), json_string_length(j));
                break;
        case JSON_INTEGER:
        case JSON_REAL:
                buf_printf(out, "%a;", json_number_value(j));
                break;
        default:
                buf_add_char(out, json_is_null(j) ? 'n' : json_is_true(j) ? 't' : 'f');
                break;
        }
}

int json_oracle_read(const char *text, size_t len, struct buf *out) {
        json_t *j = json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);

        if (!j)
                return -1;
        add_value(out, j);
        json_decref(j);
        return 0;
}
