/* issues_check.h: what the fields of an issue may be, with MLflow's limits and words. Pure.
 *
 * All return 0, REFUSED with `r` set, or -ENOMEM. NULL is a field that is not there: fine. Lengths
 * count characters, not bytes.
 */
#pragma once

#include "daemons/tracking/refusal.h"
#include "lib/base/json.h"

enum { ISSUES_CHECK_LIST_MAX = 100, ISSUES_CHECK_TEXT_MAX = 250 };

int issues_check_name(struct refusal *r, const char *name);
/* pending, rejected, resolved; not_an_issue, low, medium, high. */
int issues_check_status(struct refusal *r, const char *status);
int issues_check_severity(struct refusal *r, const char *severity);
/* iss-…, as a client may choose it. */
int issues_check_id(struct refusal *r, const char *id);
/* created_by, last_updated_by. */
int issues_check_actor(struct refusal *r, const char *field, const char *name);
/* categories, delete_metadata_keys. */
int issues_check_list(struct refusal *r, const char *field, const char *const *values, size_t n);
/* *ret_ms as the field of a request says; it stays where there is none. */
int issues_check_seen(struct refusal *r, const struct json *value, int64_t *ret_ms);
/* An object of strings. */
int issues_check_metadata(struct refusal *r, const struct json *metadata);
/* What is set is not deleted too. */
int issues_check_apart(struct refusal *r, const struct json *metadata, const char *const *deleted,
                       size_t n);

/* The key by which categories are the same: letter case and blanks around them do not count.
 * NULL: out of memory. */
const char *issues_check_category_hash(struct arena *a, const char *category);
