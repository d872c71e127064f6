/* json_write: writes JSON into a buf, one call a piece; commas and indents come by themselves.
 *
 *      struct json_write w;
 *      json_write_init(&w, &out, 0);
 *      json_write_object(&w);
 *      json_write_kv_str(&w, "name", name);
 *      json_write_key(&w, "list");
 *      json_write_array(&w);
 *      json_write_i64(&w, 1);
 *      json_write_end(&w);
 *      json_write_end(&w);
 *      return json_write_finish(&w);
 *
 * Errors stick in the buf (out of memory, over its limit): ask once at the end. A misuse (a value
 * without its key, an end too many) is a bug and asserts. Strings must be UTF-8; bytes that are
 * not become U+FFFD, so what comes out is always valid JSON. */
#pragma once

#include "lib/base/buf.h"
#include "lib/base/json.h"
#include "lib/base/macros.h"

/* What was parsed may be as deep as the parser lets it be, and stands within something: an answer
 * that holds it must never reach the limit of the writer. */
#define JSON_WRITE_DEPTH_MAX (2 * JSON_DEPTH_MAX)

enum json_write_flags {
        JSON_WRITE_PRETTY = 1 << 0, /* exactly as Python's json.dumps(indent=2) */
        JSON_WRITE_ASCII = 1 << 1,  /* everything beyond ASCII as \uXXXX (Python's ensure_ascii) */
        JSON_WRITE_SPACED = 1 << 2, /* ", " and ": " on one line, as Python's json.dumps() */
};

struct json_write {
        struct buf *out;
        unsigned flags;
        unsigned depth;
        bool in_object[JSON_WRITE_DEPTH_MAX];
        bool has_items[JSON_WRITE_DEPTH_MAX];
        bool after_key;
        size_t items_at[JSON_WRITE_DEPTH_MAX]; /* where the key of one by json_write_kv_items()
                                                  begins */
};

void json_write_init(struct json_write *w, struct buf *out, unsigned flags);
/* The buf's error, or 0. Asserts that everything opened was ended. */
int json_write_finish(struct json_write *w);

void json_write_object(struct json_write *w);
void json_write_array(struct json_write *w);
/* Ends the innermost object or array. */
void json_write_end(struct json_write *w);
void json_write_key(struct json_write *w, const char *key);

/* NULL is written as null. */
void json_write_str(struct json_write *w, const char *s);
void json_write_strn(struct json_write *w, const char *s, size_t len);
void json_write_i64(struct json_write *w, int64_t v);
void json_write_u64(struct json_write *w, uint64_t v);
/* NaN and infinities as the strings "NaN", "Infinity", "-Infinity" (protobuf's JSON form). */
void json_write_f64(struct json_write *w, double v);
void json_write_bool(struct json_write *w, bool v);
void json_write_null(struct json_write *w);
/* Text that is JSON already; is not looked at and not indented. */
void json_write_raw(struct json_write *w, const char *text, size_t len);
/* A parsed tree; numbers keep their text. NULL is null. */
void json_write_node(struct json_write *w, const struct json *j);

void json_write_kv_str(struct json_write *w, const char *key, const char *s);
void json_write_kv_i64(struct json_write *w, const char *key, int64_t v);
/* In quotes, as ids are. */
void json_write_kv_i64_text(struct json_write *w, const char *key, int64_t v);
void json_write_kv_u64(struct json_write *w, const char *key, uint64_t v);
void json_write_kv_f64(struct json_write *w, const char *key, double v);
void json_write_kv_bool(struct json_write *w, const char *key, bool v);
void json_write_kv_null(struct json_write *w, const char *key);
void json_write_kv_object(struct json_write *w, const char *key);
void json_write_kv_array(struct json_write *w, const char *key);
/* An array that is left out, with its key, when it is ended without an item. */
void json_write_kv_items(struct json_write *w, const char *key);
void json_write_kv_node(struct json_write *w, const char *key, const struct json *j);

/* Just a quoted, escaped string. flags: JSON_WRITE_ASCII or 0. */
int json_write_quoted(struct buf *out, const char *s, size_t len, unsigned flags);
