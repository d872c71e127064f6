#include "daemons/tracking/ask.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "daemons/tracking/field_check.h"
#include "daemons/tracking/page_token.h"
#include "daemons/tracking/python_json.h"
#include "lib/base/json_number.h"
#include "lib/base/json_write.h"
#include "lib/base/str.h"
#include "lib/net/http_request.h"

#define SEE_DOCS " See the API docs for more information about request parameters."

bool ask_check(struct ask *q, int result) {
        if (q->result == 0)
                q->result = result;
        return q->result == 0;
}

static int check_content_type(struct ask *q) {
        const char *type = http_request_content_type(q->req);

        if (q->req->method != HTTP_POST && q->req->method != HTTP_PUT)
                return 0;
        if (!http_request_header(q->req, "Content-Type"))
                return refusal_invalid(&q->refusal, "Bad Request. Content-Type header is missing.");
        if (!str_eq(type, "application/json"))
                return refusal_invalid(&q->refusal, "Bad Request. Content-Type must be one of "
                                                    "['application/json'].");
        return 0;
}

/* Old clients send their JSON as a string of JSON. */
static int parse_twice(struct ask *q, const struct json *text, struct json **ret,
                       struct errmsg *em) {
        return json_parse_copy(q->arena, text->str, text->len, ret, em);
}

static int parse_body(struct ask *q) {
        static const struct json empty = {.type = JSON_OBJECT};
        struct json *root = NULL;
        struct errmsg em = {};
        int r;

        q->body = &empty;
        if (q->req->body_size == 0)
                return 0;
        r = (q->has_odd_numbers ? json_parse_odd_numbers : json_parse)(
                q->arena, q->req->body, q->req->body_size, &root, &em);
        if (r == 0 && json_is(root, JSON_STRING))
                r = parse_twice(q, root, &root, &em);
        if (r == -EINVAL)
                return refusal_invalid(&q->refusal, "The body of the request is not JSON: %s",
                                       em.text);
        if (r < 0)
                return r;
        if (json_is(root, JSON_NULL))
                return 0;
        if (!json_is(root, JSON_OBJECT))
                return refusal_invalid(&q->refusal,
                                       "The body of the request must be a JSON object, not %s.",
                                       json_type_name(root));
        q->body = root;
        return 0;
}

void ask_open_query(struct ask *q, struct http_request *req) {
        *q = (struct ask){.req = req,
                          .arena = req->arena,
                          .refusal = {.arena = req->arena, .access = req->access}};
}

static void open_body(struct ask *q) {
        struct http_request *req = q->req;

        if (req->method == HTTP_GET && *req->query)
                return;
        ask_check(q, check_content_type(q));
        if (q->result == 0)
                ask_check(q, parse_body(q));
        if (q->result == 0)
                req->asked = q->body;
}

void ask_open(struct ask *q, struct http_request *req) {
        ask_open_query(q, req);
        open_body(q);
}

void ask_open_numbers(struct ask *q, struct http_request *req) {
        ask_open_query(q, req);
        q->has_odd_numbers = true;
        open_body(q);
}

void ask_open_within(struct ask *q, struct http_request *req, const struct json *body,
                     struct buf *answer) {
        ask_open_query(q, req);
        q->body = body;
        q->answer = answer;
}

/* Only the first refusal is kept. */
static void refuse_missing(struct ask *q, const char *key) {
        if (q->result != 0)
                return;
        ask_check(q, refusal_invalid(&q->refusal,
                                     "Missing value for required parameter '%s'." SEE_DOCS, key));
}

static void refuse_type(struct ask *q, const char *key, const struct json *j) {
        _cleanup_buf_ struct buf value = {.limit = 4096};
        struct json_write w;

        if (q->result != 0)
                return;
        json_write_init(&w, &value, JSON_WRITE_ASCII);
        json_write_node(&w, j);
        ask_check(q, refusal_invalid(&q->refusal,
                                     "Invalid value %s for parameter '%s' supplied:  Hint: Value "
                                     "was of type '%s'." SEE_DOCS,
                                     buf_error(&value) < 0 ? "" : buf_cstr(&value), key,
                                     python_json_type(j)));
}

static void refuse_query(struct ask *q, const char *key, const char *value) {
        const struct json j = {.type = JSON_STRING, .str = value, .len = (uint32_t) strlen(value)};

        refuse_type(q, key, &j);
}

void ask_refuse_value(struct ask *q, const char *key) {
        const char *text = q->body ? NULL : http_request_query(q->req, key);
        const struct json *j = q->body ? json_get(q->body, key) : NULL;

        if (j)
                refuse_type(q, key, j);
        else
                refuse_query(q, key, text ? text : "");
}

/* "run_id" as protobuf's JSON has it: "runId". False when that is no other name. */
static bool camel_of(const char *key, char *ret, size_t size) {
        bool other = false;
        size_t n = 0;

        if (!strchr(key, '_'))
                return false;
        for (const char *p = key; *p; p++) {
                bool upper = *p == '_' && p[1] >= 'a' && p[1] <= 'z';

                if (n + 1 >= size)
                        return false;
                other |= upper;
                if (upper)
                        p++;
                ret[n++] = (char) (upper ? *p - 'a' + 'A' : *p);
        }
        ret[n] = '\0';
        return other;
}

const struct json *ask_get(const struct json *object, const char *key) {
        const struct json *j = json_get(object, key);
        char camel[80];

        return !j && camel_of(key, camel, sizeof(camel)) ? json_get(object, camel) : j;
}

/* A field by both of its names: which of them is meant? */
static void refuse_both(struct ask *q, const struct json *object, const char *key) {
        char camel[80];

        if (q->result == 0 && json_get(object, key) && camel_of(key, camel, sizeof(camel)) &&
            json_get(object, camel))
                ask_check(q, refusal_invalid(&q->refusal,
                                             "Request specifies both '%s' and '%s'; provide only "
                                             "one of them.",
                                             key, camel));
}

/* The field in the body, NULL when absent or null (which is refused when it is needed; then its
 * other name does not count, as with MLflow). */
static const struct json *field(struct ask *q, const char *key, unsigned flags) {
        const struct json *j = NULL;

        refuse_both(q, q->body, key);
        if (q->result == 0)
                j = flags & (ASK_NEED | ASK_EXACT) ? json_get(q->body, key) : ask_get(q->body, key);
        if (json_is(j, JSON_NULL))
                j = NULL;
        if (!j && flags & ASK_NEED)
                refuse_missing(q, key);
        return j;
}

/* The field in the query; NULL when absent. */
static const char *query(struct ask *q, const char *key, unsigned flags) {
        const char *text = q->result == 0 ? http_request_query(q->req, key) : NULL;

        if (str_empty(text) && flags & ASK_NEED)
                refuse_missing(q, key);
        return q->result == 0 ? text : NULL;
}

static const char *str_of(struct ask *q, const char *key, const struct json *j) {
        const char *text;

        if (!j)
                return NULL;
        if (json_str(j, &text) != 0) {
                refuse_type(q, key, j);
                return NULL;
        }
        return text;
}

const char *ask_str(struct ask *q, const char *key, unsigned flags) {
        const char *text;

        if (!q->body)
                return query(q, key, flags);
        text = str_of(q, key, field(q, key, flags));
        if (q->result == 0 && flags & ASK_NEED && str_empty(text))
                refuse_missing(q, key);
        return q->result == 0 ? text : NULL;
}

const char *ask_given(struct ask *q, const char *key) {
        const char *text = ask_str(q, key, 0);

        return str_empty(text) ? NULL : text;
}

const char *ask_text(struct ask *q, const char *key) {
        const char *text = ask_str(q, key, 0);

        return text ? text : "";
}

const char *ask_run_id(struct ask *q) {
        const char *id;

        if (q->result < 0 || q->result == REFUSED)
                return NULL;
        id = ask_str(q, "run_id", ASK_EXACT);
        if (str_empty(id))
                id = ask_str(q, "run_uuid", ASK_EXACT);
        if (q->result == 0 && str_empty(id))
                refuse_missing(q, "run_id");
        return q->result == 0 ? id : NULL;
}

static bool i64_of(struct ask *q, const char *key, const struct json *j, int64_t *ret) {
        const char *text;
        double whole;

        if (!j)
                return false;
        if (json_str(j, &text) == 0 && str_to_i64(text, ret) == 0)
                return true;
        if (json_i64(j, ret) == 0)
                return true;
        if (json_is(j, JSON_NUMBER) && json_f64(j, &whole) == 0 && whole == trunc(whole) &&
            fabs(whole) < 9e18) {
                *ret = (int64_t) whole;
                return true;
        }
        refuse_type(q, key, j);
        return false;
}

bool ask_i64(struct ask *q, const char *key, unsigned flags, int64_t *ret) {
        const char *text;

        if (q->body)
                return i64_of(q, key, field(q, key, flags), ret);
        text = query(q, key, flags);
        if (!text)
                return false;
        if (str_to_i64(text, ret) == 0)
                return true;
        refuse_query(q, key, text);
        return false;
}

void ask_page_size(struct ask *q, int64_t max, int64_t *ret) {
        if (!ask_i64(q, "max_results", 0, ret) || (*ret >= 1 && *ret <= max))
                return;
        ask_check(q,
                  refusal_invalid(&q->refusal, "max_results must be between 1 and %lld." SEE_DOCS,
                                  (long long) max));
}

void ask_offset(struct ask *q, const char *token, int64_t *ret) {
        if (q->result == 0)
                ask_check(q, page_token_parse(token, &q->refusal, ret));
}

void ask_page(struct ask *q, int64_t max_results, const char *token, int64_t *ret_offset) {
        if (q->result == 0)
                ask_check(q, field_check_max_results(&q->refusal, max_results));
        ask_offset(q, token, ret_offset);
}

/* JSON has no numbers for these; protobuf has these names. */
static bool f64_of_text(const char *text, double *ret) {
        if (str_eq(text, "NaN"))
                *ret = NAN;
        else if (str_eq(text, "Infinity"))
                *ret = HUGE_VAL;
        else if (str_eq(text, "-Infinity"))
                *ret = -HUGE_VAL;
        else
                return str_to_f64(text, ret) == 0;
        return true;
}

static bool odd_f64_of(const struct json *j, double *ret) {
        bool yes;

        if (json_bool(j, &yes) == 0)
                *ret = yes;
        else if (!json_is(j, JSON_NUMBER) || !strchr("Ny", j->str[j->len - 1]))
                return false;
        else if (*j->str == 'N')
                *ret = NAN;
        else
                *ret = *j->str == '-' ? -HUGE_VAL : HUGE_VAL;
        return true;
}

static bool f64_of(struct ask *q, const char *key, const struct json *j, double *ret) {
        const char *text;

        if (!j)
                return false;
        if (json_str(j, &text) == 0 && f64_of_text(text, ret))
                return true;
        if (json_f64(j, ret) == 0)
                return true;
        if (q->has_odd_numbers && odd_f64_of(j, ret))
                return true;
        if (q->has_odd_numbers && json_is(j, JSON_STRING) && j->len == 0)
                refuse_missing(q, key);
        refuse_type(q, key, j);
        return false;
}

bool ask_f64(struct ask *q, const char *key, unsigned flags, double *ret) {
        const char *text;

        if (q->body)
                return f64_of(q, key, field(q, key, flags), ret);
        text = query(q, key, flags);
        if (!text)
                return false;
        if (f64_of_text(text, ret))
                return true;
        refuse_query(q, key, text);
        return false;
}

bool ask_bool(struct ask *q, const char *key, bool *ret) {
        const struct json *j;
        const char *text;

        if (q->body) {
                j = field(q, key, 0);
                if (j && json_bool(j, ret) != 0)
                        refuse_type(q, key, j);
                return j && q->result == 0;
        }
        text = query(q, key, 0);
        if (!text)
                return false;
        if (str_eq_fold(text, "true") || str_eq_fold(text, "false")) {
                *ret = str_eq_fold(text, "true");
                return true;
        }
        ask_check(q,
                  refusal_invalid(&q->refusal,
                                  "Invalid boolean value: %s, must be 'true' or 'false'.", text));
        return false;
}

static bool enum_of(const char *text, const char *const *names, size_t n, int64_t *ret) {
        for (size_t i = 0; i < n; i++)
                if (names[i] && str_eq(names[i], text)) {
                        *ret = (int64_t) i;
                        return true;
                }
        return str_to_i64(text, ret) == 0 && *ret >= 0 && (size_t) *ret < n && names[*ret];
}

bool ask_enum(struct ask *q, const char *key, unsigned flags, const char *const *names, size_t n,
              int64_t *ret) {
        const struct json *j = NULL;
        const char *text;
        int64_t value;

        if (!q->body) {
                text = query(q, key, flags);
                if (!text || enum_of(text, names, n, ret))
                        return text;
                refuse_query(q, key, text);
                return false;
        }
        j = field(q, key, flags);
        if (!j)
                return false;
        if (json_str(j, &text) == 0 && enum_of(text, names, n, ret))
                return true;
        if (flags & ASK_NEED && json_str(j, &text) == 0 && !*text) {
                refuse_missing(q, key);
                return false;
        }
        if (json_i64(j, &value) == 0 && value >= 0 && (size_t) value < n && names[value]) {
                *ret = value;
                return true;
        }
        refuse_type(q, key, j);
        return false;
}

static const char **query_list(struct ask *q, const char *key, unsigned flags, size_t *ret_n) {
        const char **list, *text;
        size_t n = 0, at = 0;

        while (http_request_query_next(q->req, key, &at))
                n++;
        if (n == 0 && flags & ASK_NEED)
                refuse_missing(q, key);
        if (n == 0)
                return NULL;
        list = arena_zalloc_array(q->arena, n, sizeof(*list));
        if (!ask_check(q, list ? 0 : -ENOMEM))
                return NULL;
        at = 0;
        for (n = 0; (text = http_request_query_next(q->req, key, &at)); n++)
                list[n] = text;
        *ret_n = n;
        return list;
}

const char **ask_list(struct ask *q, const char *key, unsigned flags, size_t *ret_n) {
        const struct json *j, *item;
        const char **list;
        size_t n = 0;

        *ret_n = 0;
        if (q->result != 0)
                return NULL;
        if (!q->body)
                return query_list(q, key, flags, ret_n);
        j = field(q, key, flags);
        if (!j)
                return NULL;
        if (!json_is(j, JSON_ARRAY)) {
                refuse_type(q, key, j);
                return NULL;
        }
        if (j->len == 0)
                return NULL;
        list = arena_zalloc_array(q->arena, j->len, sizeof(*list));
        if (!ask_check(q, list ? 0 : -ENOMEM))
                return NULL;
        json_each (item, j) {
                if (json_str(item, &list[n++]) != 0) {
                        refuse_type(q, key, j);
                        return NULL;
                }
        }
        *ret_n = n;
        return list;
}

const struct json *ask_objects(struct ask *q, const char *key, unsigned flags, size_t *ret_n) {
        const struct json *j, *item;

        *ret_n = 0;
        if (!q->body) /* objects cannot stand in a query */
                return NULL;
        j = field(q, key, flags);
        if (!j)
                return NULL;
        if (!json_is(j, JSON_ARRAY)) {
                refuse_type(q, key, j);
                return NULL;
        }
        json_each (item, j) {
                if (!json_is(item, JSON_OBJECT)) {
                        refuse_type(q, key, j);
                        return NULL;
                }
        }
        *ret_n = j->len;
        return j;
}

static const struct json *item_field(struct ask *q, const struct json *item, const char *key) {
        const struct json *j;

        refuse_both(q, item, key);
        j = q->result == 0 ? ask_get(item, key) : NULL;
        return json_is(j, JSON_NULL) ? NULL : j;
}

const char *ask_nth(const char *list, size_t i, char ret[ASK_NTH_SIZE]) {
        size_t n = strlen(list);

        assert(n + JSON_NUMBER_SIZE + 2 < ASK_NTH_SIZE);
        memcpy(ret, list, n);
        ret[n++] = '[';
        n += json_number_print_u64(i, ret + n);
        memcpy(ret + n, "]", 2);
        return ret;
}

static const char *item_path(struct ask *q, const char *path, const char *key) {
        const char *text = arena_printf(q->arena, "%s.%s", path, key);

        return text ? text : key;
}

const char *ask_item_str(struct ask *q, const struct json *item, const char *path,
                         const char *key) {
        const struct json *j = item_field(q, item, key);

        if (!j || json_is(j, JSON_STRING))
                return j ? j->str : NULL;
        return str_of(q, item_path(q, path, key), j);
}

bool ask_item_i64(struct ask *q, const struct json *item, const char *path, const char *key,
                  int64_t *ret) {
        const struct json *j = item_field(q, item, key);

        if (j && json_i64(j, ret) == 0)
                return true;
        return j && i64_of(q, item_path(q, path, key), j, ret);
}

bool ask_item_f64(struct ask *q, const struct json *item, const char *path, const char *key,
                  double *ret) {
        const struct json *j = item_field(q, item, key);

        if (j && json_f64(j, ret) == 0)
                return true;
        return j && f64_of(q, item_path(q, path, key), j, ret);
}

struct ask_pair *ask_pairs(struct ask *q, const char *key, size_t *ret_n) {
        const struct json *list, *item;
        struct ask_pair *pairs;
        size_t n, i = 0;

        *ret_n = 0;
        list = ask_objects(q, key, 0, &n);
        if (!list || n == 0)
                return NULL;
        pairs = arena_zalloc_array(q->arena, n, sizeof(*pairs));
        if (!ask_check(q, pairs ? 0 : -ENOMEM))
                return NULL;
        json_each (item, list) {
                char path[ASK_NTH_SIZE];

                ask_nth(key, i, path);
                pairs[i].key = ask_item_str(q, item, path, "key");
                pairs[i].value = ask_item_str(q, item, path, "value");
                if (!pairs[i].key)
                        pairs[i].key = "";
                if (!pairs[i].value)
                        pairs[i].value = "";
                i++;
        }
        if (q->result != 0)
                return NULL;
        *ret_n = n;
        return pairs;
}
