#include "daemons/tracking/span_json.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/base64.h"
#include "lib/base/hex.h"
#include "lib/base/str.h"

enum { TRACE_ID_BYTES = 16, SPAN_ID_BYTES = 8 };
enum { NESTED_MAX = 32 }; /* lists and maps in one another: what is deeper is left out */

/* --- out ----------------------------------------------------------------------------------------
 */

static void write_any(struct json_write *w, const struct json *j, unsigned depth);

/* What is null has no value. */
static void write_pair(struct json_write *w, const char *key, const struct json *value,
                       unsigned depth) {
        json_write_object(w);
        if (*key) /* protobuf's JSON leaves out what is empty */
                json_write_kv_str(w, "key", key);
        if (!json_is(value, JSON_NULL)) {
                json_write_key(w, "value");
                write_any(w, value, depth);
        }
        json_write_end(w);
}

static void write_any_list(struct json_write *w, const struct json *j, unsigned depth) {
        const struct json *item;

        json_write_kv_object(w, "array_value");
        if (json_first(j) && depth < NESTED_MAX) {
                json_write_kv_array(w, "values");
                json_each (item, j) {
                        write_any(w, item, depth + 1);
                }
                json_write_end(w);
        }
        json_write_end(w);
}

static void write_any_pairs(struct json_write *w, const struct json *j, unsigned depth) {
        const struct json *item;

        json_write_kv_object(w, "kvlist_value");
        if (json_first(j) && depth < NESTED_MAX) {
                json_write_kv_array(w, "values");
                json_each (item, j) {
                        write_pair(w, item->key, item, depth + 1);
                }
                json_write_end(w);
        }
        json_write_end(w);
}

/* A plain value as OTLP's AnyValue. */
static void write_any(struct json_write *w, const struct json *j, unsigned depth) {
        int64_t i;
        double f;

        json_write_object(w);
        switch (j->type) {
        case JSON_STRING:
                json_write_kv_str(w, "string_value", j->str);
                break;
        case JSON_TRUE:
        case JSON_FALSE:
                json_write_kv_bool(w, "bool_value", j->type == JSON_TRUE);
                break;
        case JSON_NUMBER:
                if (json_i64(j, &i) == 0 && !memchr(j->str, '.', j->len) &&
                    !memchr(j->str, 'e', j->len))
                        json_write_kv_i64(w, "int_value", i);
                else if (json_f64(j, &f) == 0)
                        json_write_kv_f64(w, "double_value", f);
                break;
        case JSON_ARRAY:
                write_any_list(w, j, depth);
                break;
        case JSON_OBJECT:
                write_any_pairs(w, j, depth);
                break;
        default:
                break;
        }
        json_write_end(w);
}

static int write_attribute(struct json_write *w, struct arena *a, const struct json *j,
                           bool encoded) {
        struct json *value = NULL;
        int r = 0;

        if (encoded && json_is(j, JSON_STRING)) {
                r = json_parse_copy(a, j->str, j->len, &value, NULL);
                if (r == -ENOMEM)
                        return r;
        }
        write_pair(w, j->key, value ? value : j, 0);
        return 0;
}

static int write_attributes(struct json_write *w, struct arena *a, const struct json *j,
                            bool encoded) {
        const struct json *item;
        int r = 0;

        if (!json_first(j))
                return 0;
        json_write_kv_array(w, "attributes");
        json_each (item, j) {
                r = write_attribute(w, a, item, encoded);
                if (r < 0)
                        return r;
        }
        json_write_end(w);
        return r;
}

static int write_events(struct json_write *w, struct arena *a, const struct json *events) {
        const struct json *e;
        int r;

        if (!json_first(events))
                return 0;
        json_write_kv_array(w, "events");
        json_each (e, events) {
                json_write_object(w);
                json_write_kv_node(w, "time_unix_nano", json_get(e, "time_unix_nano"));
                json_write_kv_node(w, "name", json_get(e, "name"));
                r = write_attributes(w, a, json_get(e, "attributes"), false);
                if (r < 0)
                        return r;
                json_write_end(w);
        }
        json_write_end(w);
        return 0;
}

/* "tr-<hex>" or hex as base64, into the object that is open. */
static int write_id(struct json_write *w, const char *key, const struct json *id, size_t n) {
        const char *hex = json_is(id, JSON_STRING) ? id->str : "";
        unsigned char bytes[TRACE_ID_BYTES];
        _cleanup_buf_ struct buf text = {};

        if (str_starts(hex, "tr-"))
                hex += 3;
        if (hex_decode(hex, bytes, n) < 0)
                return 0;
        if (base64_encode(&text, bytes, n, 0) < 0)
                return -ENOMEM;
        json_write_kv_str(w, key, buf_cstr(&text));
        return 0;
}

static int write_links(struct json_write *w, struct arena *a, const struct json *links) {
        const struct json *l;
        int r;

        if (!json_first(links))
                return 0;
        json_write_kv_array(w, "links");
        json_each (l, links) {
                json_write_object(w);
                r = write_id(w, "trace_id", json_get(l, "trace_id"), TRACE_ID_BYTES);
                if (r == 0)
                        r = write_id(w, "span_id", json_get(l, "span_id"), SPAN_ID_BYTES);
                if (r == 0)
                        r = write_attributes(w, a, json_get(l, "attributes"), false);
                if (r < 0)
                        return r;
                json_write_end(w);
        }
        json_write_end(w);
        return 0;
}

static void write_some(struct json_write *w, const struct json *from, const char *key) {
        const struct json *v = json_get(from, key);

        if (v && !json_is(v, JSON_NULL) && !(json_is(v, JSON_STRING) && v->len == 0))
                json_write_kv_node(w, key, v);
}

int span_json_write_otlp(struct json_write *w, struct arena *a, const char *content) {
        static const char *const first[] = {"trace_id",
                                            "span_id",
                                            "parent_span_id",
                                            "name",
                                            "kind",
                                            "start_time_unix_nano",
                                            "end_time_unix_nano"};
        const struct json *status;
        struct json *root;
        int r = content ? json_parse_copy(a, content, strlen(content), &root, NULL) : -EINVAL;

        if (r < 0)
                return r;
        json_write_object(w);
        for (size_t i = 0; i < ARRAY_SIZE(first); i++)
                write_some(w, root, first[i]);
        r = write_attributes(w, a, json_get(root, "attributes"), true);
        if (r == 0)
                r = write_events(w, a, json_get(root, "events"));
        if (r == 0)
                r = write_links(w, a, json_get(root, "links"));
        if (r < 0)
                return r;
        status = json_get(root, "status");
        json_write_kv_object(w, "status");
        write_some(w, status, "message");
        if (!json_is(json_get(status, "code"), JSON_STRING) ||
            !str_eq(json_get(status, "code")->str, "STATUS_CODE_UNSET"))
                write_some(w, status, "code");
        json_write_end(w);
        json_write_end(w);
        return 0;
}
