#include "daemons/tracking/span_in.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemons/tracking/span_translate.h"
#include "lib/base/arena.h"
#include "lib/base/base64.h"
#include "lib/base/hex.h"
#include "lib/base/json_write.h"
#include "lib/base/str.h"
#include "lib/base/strmap.h"

enum { TRACE_DIGITS = 32, SPAN_DIGITS = 16 };
enum { NESTED_MAX = 32 }; /* lists and maps in one another: what is deeper is null */

/* --- typed values -------------------------------------------------------------------------------
 */

static const char *text_of(const struct json *j, const char *key) {
        const struct json *v = json_get(j, key);

        return json_is(v, JSON_STRING) ? v->str : NULL;
}

/* Numbers of 64 bits may come as strings. */
static int64_t i64_of(const struct json *j) {
        int64_t v = 0;
        uint64_t u;

        if (json_is(j, JSON_STRING)) {
                if (str_to_i64(j->str, &v) < 0)
                        v = 0;
        } else if (json_i64(j, &v) != 0 && json_u64(j, &u) == 0) {
                v = INT64_MAX;
        }
        return v;
}

static void write_plain(struct json_write *w, const struct json *any, unsigned depth);

static void write_list(struct json_write *w, const struct json *list, unsigned depth) {
        const struct json *item;

        json_write_array(w);
        json_each (item, json_get(list, "values")) {
                write_plain(w, item, depth + 1);
        }
        json_write_end(w);
}

/* A key stands once in an object: where it comes again it gives the first its value, as in Python.
 */
static void write_pairs(struct json_write *w, const struct json *pairs, unsigned depth) {
        _cleanup_(strmap_done) struct strmap values = {};
        const struct json *item;
        struct strmap_entry *e;
        const char *key;

        json_each (item, pairs) {
                key = text_of(item, "key");
                if (strmap_set(&values, key ? key : "", (void *) item) < 0)
                        w->out->error = -ENOMEM; /* it sticks */
        }
        json_write_object(w);
        map_each (e, &values) {
                json_write_key(w, e->key);
                write_plain(w, json_get(e->value, "value"), depth + 1);
        }
        json_write_end(w);
}

static void write_double(struct json_write *w, const struct json *j) {
        double v = 0;

        if (json_is(j, JSON_STRING))
                json_write_str(w, j->str); /* "NaN" and the like */
        else if (json_f64(j, &v) == 0)
                json_write_f64(w, v);
        else
                json_write_null(w);
}

static void write_plain(struct json_write *w, const struct json *any, unsigned depth) {
        const struct json *v = json_first(any);

        if (!v || depth > NESTED_MAX)
                json_write_null(w);
        else if (str_eq(v->key, "stringValue") && json_is(v, JSON_STRING))
                json_write_str(w, v->str);
        else if (str_eq(v->key, "boolValue"))
                json_write_bool(w, json_is(v, JSON_TRUE));
        else if (str_eq(v->key, "intValue"))
                json_write_i64(w, i64_of(v));
        else if (str_eq(v->key, "doubleValue"))
                write_double(w, v);
        else if (str_eq(v->key, "arrayValue"))
                write_list(w, v, depth);
        else if (str_eq(v->key, "kvlistValue"))
                write_pairs(w, json_get(v, "values"), depth);
        else if (str_eq(v->key, "bytesValue") && json_is(v, JSON_STRING))
                json_write_str(w, v->str);
        else
                json_write_null(w);
}

static const char *take_text(struct arena *a, struct buf *out) {
        return buf_error(out) < 0 ? NULL : arena_strndup(a, buf_cstr(out), out->len);
}

const char *span_in_value(struct arena *a, const struct json *any) {
        _cleanup_buf_ struct buf out = {};
        struct json_write w;

        json_write_init(&w, &out, JSON_WRITE_SPACED);
        write_plain(&w, any, 0);
        return take_text(a, &out);
}

const char *span_in_unquote(struct arena *a, const char *text) {
        struct json *root;

        if (!text || *text != '"' || json_parse_copy(a, text, strlen(text), &root, NULL) < 0 ||
            !json_is(root, JSON_STRING))
                return text;
        return root->str;
}

/* --- attributes ---------------------------------------------------------------------------------
 */

const char *span_in_attribute(const struct span_in *span, const char *key) {
        for (const struct span_in_attribute *x = span->attributes; x; x = x->next)
                if (str_eq(x->key, key))
                        return x->value;
        return NULL;
}

/* Clients send values that are JSON already as strings: one layer of the two is taken off, but for
 * plain numbers and words. */
static const char *unwrap(struct arena *a, const char *text) {
        const char *inner = span_in_unquote(a, text);
        struct json *root;

        if (inner == text || json_parse_copy(a, inner, strlen(inner), &root, NULL) < 0)
                return text;
        return root->type >= JSON_STRING ? inner : text;
}

int span_in_put(struct arena *a, struct span_in *span, const char *key, const char *value) {
        struct span_in_attribute **at = &span->attributes;

        while (*at && !str_eq((*at)->key, key))
                at = &(*at)->next;
        if (!*at) {
                *at = arena_new(a, struct span_in_attribute);
                if (!*at)
                        return -ENOMEM;
                (*at)->key = key;
        }
        (*at)->value = value;
        return 0;
}

enum { ATTRIBUTES_MAX = 2048 }; /* of one span */

static int read_attributes(struct arena *a, const struct json *list, struct span_in *ret) {
        const struct json *item;
        const char *key, *value;
        size_t n = 0;
        int r = 0;

        json_each (item, list) {
                key = text_of(item, "key");
                value = span_in_value(a, json_get(item, "value"));
                if (!value)
                        return -ENOMEM;
                if (++n > ATTRIBUTES_MAX)
                        return -EINVAL;
                r = span_in_put(a, ret, key ? key : "", unwrap(a, value));
                if (r < 0)
                        return r;
        }
        value = arena_printf(a, "\"%s\"", ret->trace_id);
        return value ? span_in_put(a, ret, "mlflow.traceRequestId", value) : -ENOMEM;
}

/* --- the kept form ------------------------------------------------------------------------------
 */

/* Hex digits as base64, NULL as null. */
static int write_id(struct json_write *w, const char *key, const char *hex, size_t n_digits) {
        unsigned char bytes[TRACE_DIGITS / 2];
        _cleanup_buf_ struct buf text = {};
        int r = hex ? hex_decode(hex, bytes, n_digits / 2) : 0;

        if (r == 0 && hex)
                r = base64_encode(&text, bytes, n_digits / 2, 0);
        if (r < 0)
                return r;
        json_write_kv_str(w, key, hex ? buf_cstr(&text) : NULL);
        return 0;
}

static void write_events(struct json_write *w, const struct json *events) {
        const struct json *e;
        const char *name;

        json_write_kv_array(w, "events");
        json_each (e, events) {
                name = text_of(e, "name");
                json_write_object(w);
                json_write_kv_str(w, "name", name ? name : "");
                json_write_kv_i64(w, "time_unix_nano", i64_of(json_get(e, "timeUnixNano")));
                json_write_key(w, "attributes");
                write_pairs(w, json_get(e, "attributes"), 0);
                json_write_end(w);
        }
        json_write_end(w);
}

static int write_links(struct json_write *w, struct arena *a, const struct json *links) {
        const char *trace, *span, *id;
        const struct json *l;

        json_write_kv_array(w, "links");
        json_each (l, links) {
                trace = text_of(l, "traceId");
                span = text_of(l, "spanId");
                id = arena_printf(a, "tr-%s", trace ? trace : "");
                if (!id)
                        return -ENOMEM;
                json_write_object(w);
                json_write_kv_str(w, "trace_id", id);
                json_write_kv_str(w, "span_id", span ? span : "");
                json_write_key(w, "attributes");
                write_pairs(w, json_get(l, "attributes"), 0);
                json_write_end(w);
        }
        json_write_end(w);
        return 0;
}

static int write_content(struct json_write *w, struct arena *a, const struct span_in *s) {
        int r;

        json_write_object(w);
        r = write_id(w, "trace_id", s->trace_hex, TRACE_DIGITS);
        if (r == 0)
                r = write_id(w, "span_id", s->span.id, SPAN_DIGITS);
        if (r == 0)
                r = write_id(w, "parent_span_id", s->span.parent_id, SPAN_DIGITS);
        if (r < 0)
                return r;
        json_write_kv_str(w, "name", s->span.name);
        json_write_kv_str(w, "kind", s->kind);
        json_write_kv_i64(w, "start_time_unix_nano", s->span.start_at_ns);
        json_write_kv_i64(w, "end_time_unix_nano", s->span.end_at_ns);
        write_events(w, s->events);
        json_write_kv_object(w, "status");
        json_write_key(w, "code");
        json_write_str(w, str_eq(s->span.status, "OK")      ? "STATUS_CODE_OK"
                          : str_eq(s->span.status, "ERROR") ? "STATUS_CODE_ERROR"
                                                            : "STATUS_CODE_UNSET");
        json_write_kv_str(w, "message", s->status_text);
        json_write_end(w);
        json_write_kv_object(w, "attributes");
        for (const struct span_in_attribute *x = s->attributes; x; x = x->next)
                json_write_kv_str(w, x->key, x->value);
        json_write_end(w);
        r = write_links(w, a, s->links);
        json_write_end(w);
        return r;
}

static int keep(struct arena *a, struct span_in *s) {
        _cleanup_buf_ struct buf out = {};
        struct json_write w;
        int r;

        json_write_init(&w, &out, JSON_WRITE_SPACED);
        r = write_content(&w, a, s);
        if (r < 0)
                return r;
        s->span.content = take_text(a, &out);
        return s->span.content ? 0 : -ENOMEM;
}

/* --- reading ------------------------------------------------------------------------------------
 */

static bool is_hex(const char *s, size_t n_digits) {
        size_t n = 0;

        while (s && hex_digit(s[n]) >= 0)
                n++;
        return s && n == n_digits && !s[n];
}

/* An enumeration by number or name. */
static const char *word_of(const struct json *j, const char *const *words, size_t n) {
        int64_t i = 0;

        if (json_is(j, JSON_STRING))
                for (size_t k = 0; k < n; k++)
                        if (str_eq(words[k], j->str))
                                return words[k];
        if (json_i64(j, &i) != 0 || i < 0 || (size_t) i >= n)
                i = 0;
        return words[i];
}

static void read_status(const struct json *j, struct span_in *s) {
        static const char *const codes[] = {"STATUS_CODE_UNSET", "STATUS_CODE_OK",
                                            "STATUS_CODE_ERROR"};
        const char *text = text_of(j, "message");

        s->span.status =
                word_of(json_get(j, "code"), codes, ARRAY_SIZE(codes)) + STRLEN("STATUS_CODE_");
        s->status_text = text && str_eq(s->span.status, "ERROR") ? text : "";
}

static void read_columns(struct arena *a, struct span_in *s) {
        const char *cost = span_in_attribute(s, "mlflow.llm.cost");
        struct json *root;

        s->span.model = span_in_unquote(a, span_in_attribute(s, "mlflow.llm.model"));
        s->span.provider = span_in_unquote(a, span_in_attribute(s, "mlflow.llm.provider"));
        if (!cost || json_parse_copy(a, cost, strlen(cost), &root, NULL) < 0)
                return;
        for (size_t i = 0; i < TRACES_SQL_COSTS; i++)
                s->span.has_costs[i] =
                        json_f64(json_get(root, traces_sql_costs[i]), &s->span.costs[i]) == 0;
}

static char *lower(struct arena *a, const char *hex) {
        char *s = arena_strdup(a, hex);

        if (s)
                str_lower(s);
        return s;
}

static int read_ids(struct arena *a, const struct json *j, struct span_in *s) {
        const char *trace = text_of(j, "traceId"), *id = text_of(j, "spanId");
        const char *parent = text_of(j, "parentSpanId");

        if (!is_hex(trace, TRACE_DIGITS) || !is_hex(id, SPAN_DIGITS) ||
            (!str_empty(parent) && !is_hex(parent, SPAN_DIGITS)))
                return -EINVAL;
        s->trace_hex = lower(a, trace);
        s->span.id = lower(a, id);
        s->span.parent_id = str_empty(parent) ? NULL : lower(a, parent);
        s->trace_id = s->trace_hex ? arena_printf(a, "tr-%s", s->trace_hex) : NULL;
        return s->span.id && s->trace_id && (str_empty(parent) || s->span.parent_id) ? 0 : -ENOMEM;
}

int span_in_read(struct arena *a, const struct json *j, const struct json *resource,
                 struct span_in *ret) {
        static const char *const kinds[] = {"SPAN_KIND_INTERNAL", "SPAN_KIND_INTERNAL",
                                            "SPAN_KIND_SERVER",   "SPAN_KIND_CLIENT",
                                            "SPAN_KIND_PRODUCER", "SPAN_KIND_CONSUMER"};
        const char *name = text_of(j, "name");
        struct span_in s = {
                .kind = word_of(json_get(j, "kind"), kinds, ARRAY_SIZE(kinds)),
                .span = {.name = name ? name : "",
                         .start_at_ns = i64_of(json_get(j, "startTimeUnixNano")),
                         .end_at_ns = i64_of(json_get(j, "endTimeUnixNano"))},
                .events = json_get(j, "events"),
                .links = json_get(j, "links"),
                .resource = resource,
        };
        int r = read_ids(a, j, &s);

        if (r == 0)
                r = read_attributes(a, json_get(j, "attributes"), &s);
        if (r == 0) {
                /* The column has what the span says itself, as the peer's: searches agree. */
                s.span.type = span_in_unquote(a, span_in_attribute(&s, "mlflow.spanType"));
                r = span_translate(a, &s);
        }
        if (r < 0)
                return r;
        read_status(json_get(j, "status"), &s);
        read_columns(a, &s);
        r = keep(a, &s);
        if (r == 0)
                *ret = s;
        return r;
}
