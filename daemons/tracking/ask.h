/* ask.h: what a request asks for: its JSON body, or for a GET its query, field by field.
 *
 * Fields are read in the order in which MLflow checks them; the first one that is missing or of a
 * wrong type is kept as the refusal, and all later reads answer "absent". job.h replies it.
 */
#pragma once

#include "daemons/tracking/refusal.h"
#include "lib/base/json.h"

struct http_request;

enum ask_flags {
        ASK_NEED = 1 << 0,  /* refuse when absent, null or "" */
        ASK_EXACT = 1 << 1, /* only by this name: see ask_get() */
};

struct ask {
        struct http_request *req;
        struct arena *arena;
        const struct json *body; /* an object; NULL when the query is read */
        struct refusal refusal;
        int result;                             /* 0, REFUSED or -errno */
        int (*reply)(struct http_request *req); /* not NULL: job_write() answers success by it */
        struct buf *answer;   /* not NULL: the answer goes here, not to the client */
        bool has_odd_numbers; /* opened by ask_open_numbers() */
};

void ask_open(struct ask *q, struct http_request *req);
/* For metrics: NaN, Infinity and -Infinity may stand in the body as Python's json writes them, and
 * true and false where a number of floating point is read. */
void ask_open_numbers(struct ask *q, struct http_request *req);
/* Without a look at the body. */
void ask_open_query(struct ask *q, struct http_request *req);
/* For a request that is part of another one: `body` is asked in place of the client's, and
 * job_read() and its like write the answer to `answer` and return 0, REFUSED or -errno. */
void ask_open_within(struct ask *q, struct http_request *req, const struct json *body,
                     struct buf *answer);

/* Keeps the first result that is not 0; returns true when all is well so far. */
bool ask_check(struct ask *q, int result);

/* Refuses a field's value as if it were of a wrong type: "Invalid value … supplied:  Hint: …". */
void ask_refuse_value(struct ask *q, const char *key);

/* NULL when absent. Text is in the request's arena. */
const char *ask_str(struct ask *q, const char *key, unsigned flags);
/* The same, NULL for "" too. */
const char *ask_given(struct ask *q, const char *key);
/* The same, "" for NULL. */
const char *ask_text(struct ask *q, const char *key);
/* The run a request is about: run_id, or run_uuid as old clients say. */
const char *ask_run_id(struct ask *q);

/* True when there; else *ret stays. Numbers may come as strings. */
bool ask_i64(struct ask *q, const char *key, unsigned flags, int64_t *ret);
bool ask_f64(struct ask *q, const char *key, unsigned flags, double *ret);
bool ask_bool(struct ask *q, const char *key, bool *ret);
/* max_results, from 1 to `max`; when absent *ret stays. */
void ask_page_size(struct ask *q, int64_t max, int64_t *ret);
/* Where the page begins that page_token, `token`, names: looked at when all before it is well. */
void ask_offset(struct ask *q, const char *token, int64_t *ret);
/* The same, after a look at max_results. */
void ask_page(struct ask *q, int64_t max_results, const char *token, int64_t *ret_offset);
/* An enumeration by its name or number; `names` are those of 0, 1, 2, … (NULL: not that one). */
bool ask_enum(struct ask *q, const char *key, unsigned flags, const char *const *names, size_t n,
              int64_t *ret);

/* The elements of a list of strings (arena), *ret_n of them; NULL when absent or empty. */
const char **ask_list(struct ask *q, const char *key, unsigned flags, size_t *ret_n);
/* A list of objects; NULL when absent. Every element is an object. */
const struct json *ask_objects(struct ask *q, const char *key, unsigned flags, size_t *ret_n);

/* A field of an object by its name, or by the one that protobuf's JSON gives it: "run_id", "runId".
 * NULL when absent. */
const struct json *ask_get(const struct json *object, const char *key);

/* "tags[3]", for messages; a long list is named element by element. */
enum { ASK_NTH_SIZE = 128 };
const char *ask_nth(const char *list, size_t i, char ret[ASK_NTH_SIZE]);

/* Fields of an element of such a list, whose ask_nth() `path` is. */
const char *ask_item_str(struct ask *q, const struct json *item, const char *path, const char *key);
bool ask_item_i64(struct ask *q, const struct json *item, const char *path, const char *key,
                  int64_t *ret);
bool ask_item_f64(struct ask *q, const struct json *item, const char *path, const char *key,
                  double *ret);

/* {"key": …, "value": …}, as tags and params come. */
struct ask_pair {
        const char *key, *value; /* "" when absent */
};
/* The pairs of a list of objects, *ret_n of them; NULL when there are none. */
struct ask_pair *ask_pairs(struct ask *q, const char *key, size_t *ret_n);
