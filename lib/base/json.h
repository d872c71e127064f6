/* json: RFC 8259 text parsed in place into a tree of compact nodes.
 *
 * The parser writes into the text (strings are unescaped where they stand) and takes nodes from an
 * arena: the tree lives as long as both. Numbers keep their text, so an int64 is exact over its
 * whole range and a double is read as exactly as strtod does.
 *
 * Decisions: one value, blanks around it, nothing else. A key that stands twice in an object is
 * refused, as are NaN and Infinity, \u0000, lone surrogates, invalid UTF-8, control characters in
 * strings, a BOM, and more than JSON_DEPTH_MAX levels. Errors name line and column (in bytes,
 * from 1). Threads: a tree is read-only after the parse. */
#pragma once

#include "lib/base/arena.h"
#include "lib/base/errmsg.h"
#include "lib/base/macros.h"

#define JSON_DEPTH_MAX 128

enum json_type {
        JSON_NULL,
        JSON_FALSE,
        JSON_TRUE,
        JSON_NUMBER,
        JSON_STRING,
        JSON_ARRAY,
        JSON_OBJECT,
};

struct json {
        union {
                const char *str;    /* JSON_STRING: UTF-8, NUL behind; JSON_NUMBER: its text,
                                       NOT NUL-terminated */
                struct json *child; /* JSON_ARRAY, JSON_OBJECT: the first one or NULL */
        };
        const char *key;   /* in an object: NUL-terminated; else NULL */
        struct json *next; /* the next sibling or NULL */
        uint32_t len;      /* bytes of str, or number of children */
        uint32_t key_len : 24;
        uint32_t type : 4;
        uint32_t flags : 4; /* set by yaml.h only */
};

/* What accessors answer when the value is not what was asked for. */
enum {
        JSON_ABSENT = 1,       /* the node is NULL: no such key */
        JSON_WRONG_TYPE = 2,   /* e.g. a string where a number should be; a fraction for an i64 */
        JSON_OUT_OF_RANGE = 3, /* an integer beyond int64 or a number beyond double */
};

/* text: mutable, text[len] == 0, lives as long as the tree.
 * 0; -EINVAL (not JSON: em says where and why; the text is then garbage); -ENOMEM. */
int json_parse(struct arena *a, char *text, size_t len, struct json **ret, struct errmsg *em);
/* The same, but NaN, Infinity and -Infinity are numbers of that text: json_f64() answers
 * JSON_OUT_OF_RANGE for them. */
int json_parse_odd_numbers(struct arena *a, char *text, size_t len, struct json **ret,
                           struct errmsg *em);
/* json_parse() from a constant text, which is copied into the arena. */
int json_parse_copy(struct arena *a, const char *text, size_t len, struct json **ret,
                    struct errmsg *em);
/* What Python's json.loads() takes: such numbers, too, and of equal keys the first one's place has
 * the last one's value. */
int json_parse_python_copy(struct arena *a, const char *text, size_t len, struct json **ret,
                           struct errmsg *em);

/* for the children of an array or object; a NULL or scalar node has none.
 * const struct json *item; json_each(item, node) { item->key … } */
#define json_each(item, node) for ((item) = json_first(node); (item); (item) = (item)->next)

static inline bool json_is(const struct json *j, enum json_type type) {
        return j && j->type == type;
}

/* The same tree with nodes in `a`; texts stay where they are. NULL: no memory. */
struct json *json_copy_nodes(struct arena *a, const struct json *j) _must_check_;

static inline const struct json *json_first(const struct json *j) {
        return j && j->type >= JSON_ARRAY ? j->child : NULL;
}

/* The value of key; NULL when absent or obj is NULL or no object. Linear: read each key once. */
const struct json *json_get(const struct json *obj, const char *key);
/* The i-th child from 0 or NULL. */
const struct json *json_at(const struct json *node, size_t i);

/* All: 0 or one of the three answers above, then *ret is untouched. */
int json_str(const struct json *j, const char **ret);
int json_i64(const struct json *j, int64_t *ret);
int json_u64(const struct json *j, uint64_t *ret);
int json_f64(const struct json *j, double *ret); /* integers too, rounded as JSON says */
int json_bool(const struct json *j, bool *ret);

/* For request handlers and files: reads obj[key] or says in em what is wrong with it, e.g.
 * `"run_id" is missing`, `"step" must be an integer, not a string`. 0 or -EINVAL. */
int json_need_str(const struct json *obj, const char *key, const char **ret, struct errmsg *em);
int json_need_i64(const struct json *obj, const char *key, int64_t *ret, struct errmsg *em);
int json_need_f64(const struct json *obj, const char *key, double *ret, struct errmsg *em);
int json_need_bool(const struct json *obj, const char *key, bool *ret, struct errmsg *em);
int json_need(const struct json *obj, const char *key, enum json_type type, const struct json **ret,
              struct errmsg *em);
/* The same, but absent or null is fine and leaves *ret as it is. */
int json_want_str(const struct json *obj, const char *key, const char **ret, struct errmsg *em);
int json_want_i64(const struct json *obj, const char *key, int64_t *ret, struct errmsg *em);
int json_want_f64(const struct json *obj, const char *key, double *ret, struct errmsg *em);
int json_want_bool(const struct json *obj, const char *key, bool *ret, struct errmsg *em);
int json_want(const struct json *obj, const char *key, enum json_type type, const struct json **ret,
              struct errmsg *em);

/* Refuses keys of obj that are not in the list: `unknown key "x": did you mean "y"?` */
int json_only_keys(const struct json *obj, const char *const *keys, size_t n, struct errmsg *em);

/* "a string", "an object", …; for messages. NULL is "nothing". */
const char *json_type_name(const struct json *j);
