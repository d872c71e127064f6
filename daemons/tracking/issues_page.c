#include "daemons/tracking/issues_page.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "daemons/tracking/issues_check.h"
#include "daemons/tracking/page_token.h"
#include "lib/base/base64.h"
#include "lib/base/json_write.h"
#include "lib/base/str.h"
#include "lib/base/utf8.h"
#include "lib/net/aws_sigv4.h"

enum { KEYS_MAX = ISSUES_CHECK_LIST_MAX + 1 };

static int by_text(const void *a, const void *b) {
        const char *const *x = a, *const *y = b;

        return strcmp(*x, *y);
}

/* The same words in any order, and twice or once, are one question. */
static void write_set(struct json_write *w, const char *key, const char **words, size_t n) {
        if (n > 0)
                qsort(words, n, sizeof(*words), by_text);
        json_write_kv_array(w, key);
        for (size_t i = 0; i < n; i++)
                if (i == 0 || !str_eq(words[i], words[i - 1]))
                        json_write_str(w, words[i]);
        json_write_end(w);
}

static const char **copy_of(struct arena *a, const char *const *words, size_t n, bool hashed) {
        const char **copy = arena_zalloc_array(a, n + 1, sizeof(*copy));

        for (size_t i = 0; copy && i < n; i++) {
                copy[i] = hashed ? issues_check_category_hash(a, words[i]) : words[i];
                if (!copy[i])
                        return NULL;
        }
        return copy;
}

static void write_query(struct json_write *w, const struct issues_page_query *q,
                        const char **statuses, const char **severities, const char **categories) {
        json_write_object(w);
        write_set(w, "categories", categories, q->n_categories);
        json_write_kv_str(w, "experiment_id", q->experiment_id);
        json_write_kv_str(w, "filter_string", q->filter);
        json_write_kv_bool(w, "include_total_count", q->with_total);
        json_write_kv_bool(w, "include_trace_count", q->with_traces);
        json_write_kv_str(w, "name", q->name);
        json_write_kv_array(w, "order_by");
        for (size_t i = 0; i < q->n_order_by; i++)
                json_write_str(w, q->order_by[i]);
        json_write_end(w);
        write_set(w, "severities", severities, q->n_severities);
        write_set(w, "statuses", statuses, q->n_statuses);
        json_write_kv_str(w, "view", q->view);
        json_write_kv_null(w, "workspace");
        json_write_end(w);
}

static const char *hash_of(const struct issues_page_query *q, struct arena *a) {
        const char **statuses = copy_of(a, q->statuses, q->n_statuses, false),
                   **severities = copy_of(a, q->severities, q->n_severities, false),
                   **categories = copy_of(a, q->categories, q->n_categories, true);
        _cleanup_buf_ struct buf text = {};
        char hash[AWS_SIGV4_HASH_SIZE];
        struct json_write w;

        if (!statuses || !severities || !categories)
                return NULL;
        json_write_init(&w, &text, JSON_WRITE_ASCII | JSON_WRITE_SPACED);
        write_query(&w, q, statuses, severities, categories);
        if (json_write_finish(&w) < 0)
                return NULL;
        aws_sigv4_hash(buf_cstr(&text), text.len, hash);
        return arena_strdup(a, hash);
}

static bool is_whole(const struct json *j, int64_t *ret) {
        return json_is(j, JSON_NUMBER) && json_i64(j, ret) == 0;
}

static bool are_keys(const struct json *after) {
        const struct json *item;
        int64_t n;

        if (!json_is(after, JSON_ARRAY) || after->len < 2 || after->len > KEYS_MAX)
                return false;
        json_each (item, after) {
                if (!is_whole(item, &n) &&
                    (!json_is(item, JSON_STRING) ||
                     utf8_count(item->str, item->len) > ISSUES_CHECK_TEXT_MAX))
                        return false;
        }
        return true;
}

/* Is it a token of this question? */
static bool read_token(const struct json *root, struct issues_page *p) {
        const struct json *query = json_get(root, "query"), *version = json_get(root, "version");
        bool is_ours = json_is(query, JSON_STRING) && str_eq(query->str, p->hash);
        int64_t n = 0;

        if (!json_is(root, JSON_OBJECT) || (!is_ours && (query || p->is_enhanced)))
                return false;
        if (version) {
                p->after = json_get(root, "after");
                return is_ours && is_whole(version, &n) && n == 2 && are_keys(p->after);
        }
        return is_whole(json_get(root, "offset"), &p->offset) && p->offset >= 0;
}

int issues_page_parse(const struct issues_page_query *q, const char *token, struct refusal *r,
                      struct issues_page *ret) {
        _cleanup_buf_ struct buf text = {};
        struct json *root = NULL;
        int x;

        *ret = (struct issues_page){
                .hash = hash_of(q, r->arena),
                .is_enhanced = q->name || q->view || q->n_statuses + q->n_severities > 0 ||
                               q->n_categories + q->n_order_by > 0 || q->with_total,
        };
        if (!ret->hash)
                return -ENOMEM;
        if (str_empty(token))
                return 0;
        x = base64_decode(&text, token, strlen(token), 0);
        if (x == 0)
                x = json_parse_copy(r->arena, buf_cstr(&text), text.len, &root, NULL);
        if (x == -ENOMEM)
                return x;
        if (x < 0 || !read_token(root, ret))
                return refusal_invalid(r, "Invalid page token or token does not match the issue "
                                          "query");
        return 0;
}

static const char *encode(struct arena *a, const char *text) {
        _cleanup_buf_ struct buf token = {};

        if (!text || base64_encode(&token, text, strlen(text), 0) < 0)
                return NULL;
        return arena_strndup(a, buf_cstr(&token), token.len);
}

const char *issues_page_print(const struct issues_page *p, struct arena *a, int64_t offset) {
        if (!p->is_enhanced)
                return page_token_print(a, offset);
        return encode(a, arena_printf(a, "{\"offset\": %" PRId64 ", \"query\": \"%s\"}", offset,
                                      p->hash));
}

const char *issues_page_print_after(const struct issues_page *p, struct arena *a,
                                    const char *after) {
        return encode(a, arena_printf(a, "{\"version\": 2, \"after\": %s, \"query\": \"%s\"}",
                                      after, p->hash));
}
