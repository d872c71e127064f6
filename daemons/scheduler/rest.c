#include "daemons/scheduler/rest.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/str.h"
#include "lib/base/timestamp.h"

/* --- requests -----------------------------------------------------------------------------------
 */

static bool read_count(struct http_request *req, const char *key, int64_t *ret) {
        int64_t v = *ret;
        int r = http_request_query_i64(req, key, &v);

        if (r == -ENOENT)
                return true;
        if (r < 0 || v < 0) {
                http_request_reply_error(req, 422, "\"%s\" must be a number from 0", key);
                return false;
        }
        *ret = v;
        return true;
}

/* Their sum is the page's end. */
static void bound_page(const struct rest_page *page, struct rest_page *ret) {
        ret->limit = MIN(page->limit, (int64_t) REST_LIMIT_MAX);
        ret->offset = MIN(page->offset, INT64_MAX - REST_LIMIT_MAX);
}

bool rest_read_page(struct http_request *req, struct rest_page *ret) {
        ret->limit = REST_LIMIT_DEFAULT;
        ret->offset = 0;
        if (!read_count(req, "limit", &ret->limit) || !read_count(req, "offset", &ret->offset))
                return false;
        bound_page(ret, ret);
        return true;
}

bool rest_read_body(struct http_request *req, const char *const *keys, size_t n_keys,
                    const struct json **ret) {
        struct json *j;
        struct errmsg em;
        char empty[] = "{}";
        bool none = req->body_size == 0;
        int r;

        r = none ? json_parse_copy(req->arena, empty, 2, &j, &em)
                 : json_parse(req->arena, req->body, req->body_size, &j, &em);
        if (r < 0) {
                http_request_reply_error(req, r == -ENOMEM ? 500 : 400, "the body is not JSON: %s",
                                         em.text);
                return false;
        }
        if (!json_is(j, JSON_OBJECT)) {
                http_request_reply_error(req, 422, "the body must be an object, not %s",
                                         json_type_name(j));
                return false;
        }
        if (json_only_keys(j, keys, n_keys, &em) < 0) {
                http_request_reply_error(req, 422, "%s", em.text);
                return false;
        }
        *ret = j;
        return true;
}

int rest_refuse(struct http_request *req, const struct errmsg *em) {
        return http_request_reply_error(req, 422, "%s", em->text);
}

bool rest_want_at(struct http_request *req, const struct json *body, const char *key, usec_t *ret) {
        const char *text = NULL;
        struct errmsg em;

        if (json_want_str(body, key, &text, &em) < 0) {
                rest_refuse(req, &em);
                return false;
        }
        if (text && timestamp_parse(text, ret) < 0) {
                http_request_reply_error(req, 422,
                                         "\"%s\": \"%s\" is no time: write it as "
                                         "2026-01-02T03:04:05Z",
                                         key, text);
                return false;
        }
        return true;
}

bool rest_param_i64(struct http_request *req, const char *param, const char *what, int64_t *ret) {
        if (str_to_i64(http_request_param(req, param), ret) == 0)
                return true;
        http_request_reply_error(req, 422, "the %s must be a number", what);
        return false;
}

bool rest_map_index(struct http_request *req, int64_t *ret) {
        const char *text = http_request_param(req, "map_index");

        if (!text)
                text = http_request_query(req, "map_index");
        if (!text || (str_to_i64(text, ret) == 0 && *ret >= -1 && *ret <= INT32_MAX))
                return true;
        http_request_reply_error(req, 422, "\"map_index\" must be a number from -1 on, not \"%s\"",
                                 text);
        return false;
}

bool rest_query_bool(struct http_request *req, const char *key, bool *ret) {
        const char *text = http_request_query(req, key);

        if (text && str_to_bool(text, ret) < 0) {
                http_request_reply_error(req, 422, "\"%s\" must be true or false, not \"%s\"", key,
                                         text);
                return false;
        }
        return true;
}

const char *rest_query_glob(struct http_request *req, const char *key) {
        const char *pattern = http_request_query(req, key);
        _cleanup_buf_ struct buf glob = {};

        if (str_empty(pattern) || str_eq(pattern, "~"))
                return NULL;
        buf_add_char(&glob, '*');
        for (const char *p = pattern; *p; p++)
                buf_add_char(&glob, *p == '%' ? '*' : *p == '_' ? '?' : *p);
        buf_add_char(&glob, '*');
        return arena_strdup(req->arena, buf_cstr(&glob));
}

/* --- values -------------------------------------------------------------------------------------
 */

void rest_kv_at(struct json_write *w, const char *key, usec_t at) {
        char stamp[TIMESTAMP_SIZE];

        if (at == USEC_INFINITY)
                json_write_kv_null(w, key);
        else
                json_write_kv_str(w, key, timestamp_print(at, TIMESTAMP_AUTO, stamp));
}

void rest_kv_duration(struct json_write *w, const char *key, usec_t from, usec_t to) {
        if (from == USEC_INFINITY || to == USEC_INFINITY)
                json_write_kv_null(w, key);
        else
                json_write_kv_f64(w, key, to > from ? (double) (to - from) / 1e6 : 0);
}

void rest_kv_raw(struct json_write *w, const char *key, const char *json) {
        json_write_key(w, key);
        if (json)
                json_write_raw(w, json, strlen(json));
        else
                json_write_null(w);
}

/* --- filters ------------------------------------------------------------------------------------
 */

void rest_where_init(struct rest_where *where, struct http_request *req) {
        where->req = req;
        where->body = NULL;
        where->n_binds = 0;
        buf_init(&where->sql, 0);
}

void rest_where_done(struct rest_where *where) {
        buf_done(&where->sql);
}

/* The values of a key one by one, as http_request_query_next(). */
static const char *next_value(const struct rest_where *where, const char *key, size_t *i) {
        const struct json *v = where->body ? json_get(where->body, key) : NULL;
        const char *text = NULL;

        if (!where->body)
                return http_request_query_next(where->req, key, i);
        if (json_is(v, JSON_ARRAY))
                v = json_at(v, *i);
        else if (*i > 0)
                v = NULL;
        (*i)++;
        return json_str(v, &text) == 0 ? text : NULL;
}

static const char *first_value(const struct rest_where *where, const char *key) {
        size_t i = 0;

        return next_value(where, key, &i);
}

enum { NUMBER_SIZE = 48 };

/* The same, and a number of the body as it was written, as far as it goes into `number`. */
static const char *bound_value(const struct rest_where *where, const char *key, char *number) {
        const struct json *v = where->body ? json_get(where->body, key) : NULL;

        if (!json_is(v, JSON_NUMBER))
                return first_value(where, key);
        snprintf(number, NUMBER_SIZE, "%.*s", (int) MIN(v->len, (size_t) NUMBER_SIZE), v->str);
        return number;
}

/* What every batch list may be asked. */
static const struct rest_key batch_keys[] = {
        {"page_limit", JSON_NUMBER},      {"page_offset", JSON_NUMBER},
        {"order_by", JSON_STRING},        {"run_after_gte", JSON_STRING},
        {"run_after_gt", JSON_STRING},    {"run_after_lte", JSON_STRING},
        {"run_after_lt", JSON_STRING},    {"logical_date_gte", JSON_STRING},
        {"logical_date_gt", JSON_STRING}, {"logical_date_lte", JSON_STRING},
        {"logical_date_lt", JSON_STRING}, {"start_date_gte", JSON_STRING},
        {"start_date_gt", JSON_STRING},   {"start_date_lte", JSON_STRING},
        {"start_date_lt", JSON_STRING},   {"end_date_gte", JSON_STRING},
        {"end_date_gt", JSON_STRING},     {"end_date_lte", JSON_STRING},
        {"end_date_lt", JSON_STRING},     {"duration_gte", JSON_NUMBER},
        {"duration_gt", JSON_NUMBER},     {"duration_lte", JSON_NUMBER},
        {"duration_lt", JSON_NUMBER},
};

/* A member of the key's type, null or none; an array holds texts alone. */
static int check_key(const struct json *body, const struct rest_key *key, struct errmsg *em) {
        const struct json *item, *v = NULL;
        int r = json_want(body, key->name, key->type, &v, em);

        if (r < 0 || key->type != JSON_ARRAY)
                return r;
        json_each (item, v)
                if (!json_is(item, JSON_STRING))
                        return errmsg_fail(em, -EINVAL, "\"%s\" must hold texts alone, not %s",
                                           key->name, json_type_name(item));
        return 0;
}

static int check_keys(const struct json *body, const struct rest_key *keys, size_t n,
                      struct errmsg *em) {
        int r = 0;

        for (size_t i = 0; i < n && r >= 0; i++)
                r = check_key(body, &keys[i], em);
        return r;
}

bool rest_where_read_body(struct rest_where *where, const struct rest_key *keys, size_t n,
                          struct rest_page *ret_page) {
        const char *names[ARRAY_SIZE(batch_keys) + REST_KEYS_MAX];
        struct rest_page page = {.limit = REST_LIMIT_BATCH};
        struct errmsg em = {};
        int r;

        assert(n <= REST_KEYS_MAX);
        for (size_t i = 0; i < ARRAY_SIZE(batch_keys) + n; i++)
                names[i] = i < n ? keys[i].name : batch_keys[i - n].name;
        if (!rest_read_body(where->req, names, ARRAY_SIZE(batch_keys) + n, &where->body))
                return false;
        r = check_keys(where->body, keys, n, &em);
        if (r >= 0)
                r = check_keys(where->body, batch_keys, ARRAY_SIZE(batch_keys), &em);
        if (r >= 0)
                r = json_want_i64(where->body, "page_limit", &page.limit, &em);
        if (r >= 0)
                r = json_want_i64(where->body, "page_offset", &page.offset, &em);
        if (r >= 0 && (page.limit < 0 || page.offset < 0))
                r = errmsg_fail(&em, -EINVAL,
                                "\"page_limit\" and \"page_offset\" must be numbers from 0");
        if (r < 0)
                rest_refuse(where->req, &em);
        else
                bound_page(&page, ret_page);
        return r >= 0;
}

static bool add(struct rest_where *where, const char *condition) {
        if (where->n_binds == REST_BINDS_MAX) {
                where->sql.error = -E2BIG;
                return false;
        }
        buf_add_str(&where->sql, where->sql.len == 0 ? " WHERE " : " AND ");
        buf_add_str(&where->sql, condition);
        return true;
}

void rest_where_text(struct rest_where *where, const char *condition, const char *text) {
        if (add(where, condition))
                where->binds[where->n_binds++].text = text;
}

void rest_where_number(struct rest_where *where, const char *condition, int64_t number) {
        if (!add(where, condition))
                return;
        where->binds[where->n_binds].text = NULL;
        where->binds[where->n_binds++].number = number;
}

static bool parse_time(const char *text, int64_t *ret) {
        usec_t at;

        if (timestamp_parse(text, &at) < 0)
                return false;
        *ret = (int64_t) at;
        return true;
}

static bool parse_seconds(const char *text, int64_t *ret) {
        double seconds;

        if (str_to_f64(text, &seconds) < 0 || !(fabs(seconds) < 9e12))
                return false;
        *ret = (int64_t) (seconds * USEC_PER_SEC);
        return true;
}

/* NAME_gte, NAME_gt, NAME_lte, NAME_lt over `column`. */
static bool add_bounds(struct rest_where *where, const char *name, const char *column,
                       bool (*parse)(const char *text, int64_t *ret), const char *what) {
        static const struct {
                const char *suffix, *op;
        } rows[] = {{"gte", ">="}, {"gt", ">"}, {"lte", "<="}, {"lt", "<"}};

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                char key[64], condition[96], number[NUMBER_SIZE];
                const char *text;
                int64_t bound;

                snprintf(key, sizeof(key), "%s_%s", name, rows[i].suffix);
                text = bound_value(where, key, number);
                if (!text)
                        continue;
                if (!parse(text, &bound)) {
                        http_request_reply_error(where->req, 422, "\"%s\": \"%s\" is no %s", key,
                                                 text, what);
                        return false;
                }
                snprintf(condition, sizeof(condition), "%s %s ?", column, rows[i].op);
                rest_where_number(where, condition, bound);
        }
        return true;
}

bool rest_where_dates(struct rest_where *where, const char *name, const char *column) {
        return add_bounds(where, name, column, parse_time, "time");
}

bool rest_where_seconds(struct rest_where *where, const char *name, const char *column) {
        return add_bounds(where, name, column, parse_seconds, "number of seconds");
}

void rest_where_any(struct rest_where *where, const char *key, const char *column) {
        const char *text;
        size_t i = 0, n = 0;

        while ((text = next_value(where, key, &i))) {
                char condition[96];

                if (where->n_binds == REST_BINDS_MAX) {
                        where->sql.error = -E2BIG;
                        return;
                }
                if (n++ == 0) {
                        snprintf(condition, sizeof(condition), "%s IN (?", column);
                        rest_where_text(where, condition, text);
                } else {
                        buf_add_str(&where->sql, ", ?");
                        where->binds[where->n_binds++].text = text;
                }
        }
        if (n > 0)
                buf_add_char(&where->sql, ')');
}

void rest_where_pattern(struct rest_where *where, const char *key, const char *column) {
        const char *text = first_value(where, key);
        char condition[96];

        if (str_empty(text) || str_eq(text, "~"))
                return;
        snprintf(condition, sizeof(condition), "%s {LIKE|ILIKE|LIKE} ?", column);
        rest_where_text(where, condition,
                        strpbrk(text, "%_") ? text
                                            : arena_printf(where->req->arena, "%%%s%%", text));
}

void rest_where_part(struct rest_where *where, const char *key, const char *column) {
        const char *text = first_value(where, key);
        char condition[96];

        if (str_empty(text))
                return;
        snprintf(condition, sizeof(condition), "{INSTR|STRPOS|INSTR}(%s, ?) > 0", column);
        rest_where_text(where, condition, text);
}

int rest_where_bind(const struct rest_where *where, struct db_stmt *s, int first) {
        for (size_t i = 0; i < where->n_binds; i++, first++)
                if (where->binds[i].text)
                        db_bind_text(s, first, where->binds[i].text);
                else
                        db_bind_i64(s, first, where->binds[i].number);
        return first;
}

static const struct rest_column *find_column(const struct rest_column *columns, size_t n,
                                             const char *name) {
        for (size_t i = 0; i < n; i++)
                if (str_eq(columns[i].name, name))
                        return &columns[i];
        return NULL;
}

bool rest_order(const struct rest_where *where, const struct rest_column *columns, size_t n,
                const char *fallback, struct buf *out) {
        const char *name;
        size_t i = 0, n_words = 0;

        buf_add_str(out, " ORDER BY ");
        while ((name = next_value(where, "order_by", &i))) {
                bool down = *name == '-';
                const struct rest_column *c = find_column(columns, n, name + down);

                if (!c) {
                        http_request_reply_error(where->req, 400,
                                                 "\"order_by\": there is no \"%s\" here",
                                                 name + down);
                        return false;
                }
                buf_printf(out, "%s%s %s", n_words++ ? ", " : "", c->sql, down ? "DESC" : "ASC");
        }
        buf_printf(out, "%s%s", n_words ? ", " : "", fallback);
        return true;
}

/* --- lists --------------------------------------------------------------------------------------
 */

static int count_rows(struct db *db, const struct rest_list *list, int64_t *ret) {
        _cleanup_buf_ struct buf sql = {};
        DB_USE struct db_stmt *s = NULL;
        int r;

        r = buf_printf(&sql, "SELECT COUNT(*) FROM %s%s", list->from, buf_cstr(&list->where->sql));
        if (r >= 0)
                r = db_prepare_dynamic(db, sql.data, &s);
        if (r < 0)
                return r;
        rest_where_bind(list->where, s, 1);
        r = db_step(s);
        if (r != DB_ROW)
                return r < 0 ? r : -EIO;
        *ret = db_col_i64(s, 0);
        return 0;
}

static int write_rows(struct http_request *req, struct db *db, const struct rest_list *list,
                      struct json_write *w) {
        _cleanup_buf_ struct buf sql = {};
        DB_USE struct db_stmt *s = NULL;
        int r, next;

        r = buf_printf(&sql, "SELECT %s FROM %s%s%s LIMIT ? OFFSET ?", list->columns, list->from,
                       buf_cstr(&list->where->sql), list->order);
        if (r >= 0)
                r = db_prepare_dynamic(db, sql.data, &s);
        if (r < 0)
                return r;
        next = rest_where_bind(list->where, s, 1);
        db_bind_i64(s, next, list->page.limit);
        db_bind_i64(s, next + 1, list->page.offset);
        while ((r = db_step(s)) == DB_ROW) {
                r = list->write(req, s, w);
                if (r < 0)
                        return r;
        }
        return r;
}

int rest_reply_list(struct http_request *req, struct db *db, const struct rest_list *list) {
        _cleanup_buf_ struct buf b = {};
        struct json_write w;
        int64_t total = 0;
        int r = buf_error(&list->where->sql);

        if (r == -E2BIG)
                return http_request_reply_error(req, 422, "too many filters in one request");
        json_write_init(&w, &b, 0);
        json_write_object(&w);
        json_write_kv_array(&w, list->key);
        if (r >= 0)
                r = count_rows(db, list, &total);
        if (r >= 0)
                r = write_rows(req, db, list, &w);
        if (r < 0)
                return r;
        json_write_end(&w);
        json_write_kv_i64(&w, "total_entries", total);
        json_write_end(&w);
        r = json_write_finish(&w);
        return r < 0 ? r : http_request_reply_json(req, 200, &b);
}
