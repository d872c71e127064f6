/* conn_name: instance connection names, "PROJECT:REGION:INSTANCE" (a project may be scoped,
 * "example.com:project"), and DNS names that stand for one. Pure. */
#pragma once

#include <stdbool.h>

#include "lib/base/errmsg.h"
#include "lib/base/macros.h"

#define CONN_NAME_PART_MAX 256

struct conn_name {
        char project[CONN_NAME_PART_MAX], region[CONN_NAME_PART_MAX], name[CONN_NAME_PART_MAX];
        char domain[CONN_NAME_PART_MAX]; /* "" unless it came from a DNS name */
};

/* Finds the name in text as Google's expression does: anywhere, what is around it does not count.
 * 0; -EINVAL with em `config error: invalid instance connection name, …`; -ENAMETOOLONG. */
int conn_name_parse(const char *text, struct conn_name *ret, struct errmsg *em);
bool conn_name_equal(const struct conn_name *a, const struct conn_name *b);
/* "PROJECT:REGION:INSTANCE", or "DOMAIN -> PROJECT:REGION:INSTANCE". */
#define CONN_NAME_TEXT_MAX (5 * CONN_NAME_PART_MAX)
const char *conn_name_print(const struct conn_name *n, char ret[CONN_NAME_TEXT_MAX]);

/* A domain name as Google's connector takes it: lower-case labels with at least one dot. */
bool conn_name_is_domain(const char *text);
/* "INSTANCE.PROJECT.REGION.sql.goog" and its kin, whose API knows the connection name: copies the
 * region out and is true. */
bool conn_name_is_goog(const char *domain, char ret_region[CONN_NAME_PART_MAX]);
