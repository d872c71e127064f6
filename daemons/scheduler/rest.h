/* rest.h: what the handlers of Airflow's REST v2 share: bodies, pages, dates, filters.
 *
 * Calls that answer `false` have replied already (4xx naming the thing); the handler returns
 * rest_replied. Threads: any, one a request. */
#pragma once

#include "lib/base/json.h"
#include "lib/base/json_write.h"
#include "lib/base/macros.h"
#include "lib/db/db.h"
#include "lib/net/http_request.h"

enum {
        REST_LIMIT_DEFAULT = 50,
        REST_LIMIT_BATCH = 100,
        REST_LIMIT_MAX = 1000,
        REST_BINDS_MAX = 256,
        REST_KEYS_MAX = 16,
};

/* What a handler returns when a call has replied for it. */
enum { rest_replied = 0 };

struct rest_page {
        int64_t limit, offset;
};

/* `limit` and `offset` of the query. */
bool rest_read_page(struct http_request *req, struct rest_page *ret);

/* The body as an object with no keys but these; an empty body is an empty object. */
bool rest_read_body(struct http_request *req, const char *const *keys, size_t n_keys,
                    const struct json **ret);
/* After a json_want_…() of a body's key went wrong: 422 with its words. */
int rest_refuse(struct http_request *req, const struct errmsg *em);

/* A date of the body: left as it is when absent or null. */
bool rest_want_at(struct http_request *req, const struct json *body, const char *key, usec_t *ret);
/* The path's `param`, a number; the refusal calls it `what`. false: has replied. */
bool rest_param_i64(struct http_request *req, const char *param, const char *what, int64_t *ret);
/* `map_index` of the path or of the query: left as it is when absent. */
bool rest_map_index(struct http_request *req, int64_t *ret);
/* yes/no of the query: left as it is when absent. */
bool rest_query_bool(struct http_request *req, const char *key, bool *ret);
/* A pattern of the query for fnmatch(), as LIKE has it ("%" and "_"), anywhere in the text; NULL:
 * all. */
const char *rest_query_glob(struct http_request *req, const char *key);

/* "2026-01-02T03:04:05+00:00"-like with Z, or null for USEC_INFINITY. */
void rest_kv_at(struct json_write *w, const char *key, usec_t at);
/* Seconds between, or null. */
void rest_kv_duration(struct json_write *w, const char *key, usec_t from, usec_t to);
/* JSON text as it stands, or null. */
void rest_kv_raw(struct json_write *w, const char *key, const char *json);

/* A WHERE clause that grows: conditions joined by AND. Their values come from the query, or, where
 * there is a `body`, from its members: a text, or an array of texts as a key that is repeated. */
struct rest_where {
        struct http_request *req;
        const struct json *body;
        struct buf sql; /* "" or " WHERE a AND b" */
        struct {
                const char *text; /* NULL: the number */
                int64_t number;
        } binds[REST_BINDS_MAX];
        size_t n_binds;
};

void rest_where_init(struct rest_where *where, struct http_request *req);
/* The body of a batch list becomes the where's: page_limit, page_offset, order_by, bounds of dates
 * and duration, and `keys`, of which an array holds texts alone. At most REST_KEYS_MAX. */
struct rest_key {
        const char *name;
        enum json_type type;
};
bool rest_where_read_body(struct rest_where *where, const struct rest_key *keys, size_t n,
                          struct rest_page *ret_page);
void rest_where_done(struct rest_where *where);
/* `condition` holds one ? each. Texts are borrowed for the request. */
void rest_where_text(struct rest_where *where, const char *condition, const char *text);
void rest_where_number(struct rest_where *where, const char *condition, int64_t number);
/* NAME_gte, NAME_gt, NAME_lte, NAME_lt over `column`. */
bool rest_where_dates(struct rest_where *where, const char *name, const char *column);
/* The same with seconds over a span of microseconds. */
bool rest_where_seconds(struct rest_where *where, const char *name, const char *column);
/* Any of the repeated key's values. */
void rest_where_any(struct rest_where *where, const char *key, const char *column);
/* NAME_pattern: % is anything, as in SQL's LIKE. */
void rest_where_pattern(struct rest_where *where, const char *key, const char *column);
/* KEY's text is somewhere in the column's. */
void rest_where_part(struct rest_where *where, const char *key, const char *column);
/* Binds all its values from `first` on; the number of the next one. */
int rest_where_bind(const struct rest_where *where, struct db_stmt *s, int first);

/* `order_by` as an ORDER BY of `columns` (pairs: name, SQL), `fallback` without one. */
struct rest_column {
        const char *name, *sql;
};
bool rest_order(const struct rest_where *where, const struct rest_column *columns, size_t n,
                const char *fallback, struct buf *out);

/* {"KEY": [rows…], "total_entries": N}: counts and lists `columns` of `from` by the clause. Each
 * row is written by `write`, which answers 0 or -errno. Replies. */
struct rest_list {
        const char *key;
        const char *columns, *from;
        struct rest_where *where;
        const char *order;
        struct rest_page page;
        int (*write)(struct http_request *req, struct db_stmt *s, struct json_write *w);
};
int rest_reply_list(struct http_request *req, struct db *db, const struct rest_list *list);
