/* bigquery_table: what BigQuery's tables.get says of a table: how large it is, how old, how many
 * rows it has. Names as people write them, the call's URL, its answer. Pure. */
#pragma once

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/errmsg.h"

#define BIGQUERY_TABLE_ENDPOINT "https://bigquery.googleapis.com"
#define BIGQUERY_TABLE_SCOPE "https://www.googleapis.com/auth/bigquery.readonly"

/* "project.dataset.table", also with ":" behind the project, in back quotes, and with a decorator
 * or a time partition ("$20260101", "@-3600"), which is not part of the table's name. */
bool bigquery_table_is_name(const char *name);

/* The address of tables.get below an endpoint, with the fields that are read. 0; -EINVAL: no such
 * name; -ENOMEM. */
int bigquery_table_url(const char *endpoint, const char *name, struct buf *out);

/* -1: it does not say. Times in seconds since 1970. */
struct bigquery_table {
        double size_bytes, n_rows, created_s, modified_s;
};

/* 0; -EINVAL with em: no such answer; -ENOMEM. */
int bigquery_table_parse(struct arena *a, const char *text, size_t len, struct bigquery_table *ret,
                         struct errmsg *em);

/* What an error answer says of itself, in `a`: "Not found: Table p:d.t"; NULL: nothing. */
const char *bigquery_table_reason(struct arena *a, const char *text, size_t len);
