/* absent: see absent.h. */
#include "daemons/bucketd/absent.h"

#include "lib/base/json.h"
#include "lib/base/str.h"
#include "lib/net/http_request.h"

enum absent_place { ABSENT_QUERY, ABSENT_HEADER, ABSENT_RESOURCE };

static const struct absent_row {
        enum absent_place place;
        const char *key, *inner, *instead;
} absent_rows[] = {
#define ABSENT(where, key, inner, instead) {ABSENT_##where, key, inner, instead},
#include "daemons/bucketd/absent.def"
#undef ABSENT
};

static bool text_asks(const char *text) {
        return !str_empty(text) && !str_eq(text, "0") && !str_eq_fold(text, "false");
}

static bool value_asks(const struct json *value) {
        int64_t n;

        if (!value || value->type == JSON_NULL || value->type == JSON_FALSE)
                return false;
        if (value->type == JSON_STRING)
                return text_asks(value->str);
        if (json_i64(value, &n) == 0)
                return n != 0;
        return value->type == JSON_TRUE || value->len > 0;
}

static bool asks(struct http_request *req, const struct json *resource,
                 const struct absent_row *row) {
        const struct json *value = json_get(resource, row->key);

        switch (row->place) {
        case ABSENT_QUERY:
                return text_asks(http_request_query(req, row->key));
        case ABSENT_HEADER:
                return text_asks(http_request_header(req, row->key));
        default:
                return value_asks(*row->inner ? json_get(value, row->inner) : value);
        }
}

int absent_check(struct http_request *req, const struct json *resource, struct refused *no) {
        for (size_t i = 0; i < ARRAY_SIZE(absent_rows); i++)
                if (asks(req, resource, &absent_rows[i]))
                        return gcs_error_set(no, GCS_ERROR_INVALID, "Cannot set %s: %s.",
                                             absent_rows[i].key, absent_rows[i].instead);
        return 0;
}
