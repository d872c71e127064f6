/* flags_value: values as Go's strconv and time read them, with its words for what is wrong. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/errmsg.h"
#include "lib/base/macros.h"

/* 0 or -EINVAL/-ERANGE with em. */
int flags_value_bool(const char *s, bool *ret, struct errmsg *em);
int flags_value_int(const char *s, int64_t *ret, struct errmsg *em);
int flags_value_uint(const char *s, uint64_t *ret, struct errmsg *em);
/* "1h2m3.5s", "300ms"; a bare number other than 0 is refused. Negative spans count as 0. */
int flags_value_duration(const char *s, usec_t *ret_for, struct errmsg *em);
/* "1m30s": as Go prints it. */
#define FLAGS_VALUE_DURATION_MAX 48
const char *flags_value_print_duration(usec_t for_usec, char ret[FLAGS_VALUE_DURATION_MAX]);
