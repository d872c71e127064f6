/* timestamp: moments as text (ISO 8601, RFC 3339) and spans for people. Pure. */
#pragma once

#include "lib/base/civil.h"
#include "lib/base/macros.h"

#define TIMESTAMP_SIZE 40 /* every printed form and its NUL */

enum timestamp_flags {
        TIMESTAMP_USEC = 0,         /* six digits, always: 2026-01-02T03:04:05.678901Z */
        TIMESTAMP_MSEC = 1 << 0,    /* three digits */
        TIMESTAMP_SECONDS = 1 << 1, /* none */
        TIMESTAMP_AUTO = 1 << 2,    /* six digits, or none when they are zero (Python, Airflow) */
        TIMESTAMP_OFFSET = 1 << 3,  /* "+00:00" in place of "Z" */
        TIMESTAMP_SPACE = 1 << 4,   /* a blank in place of "T" */
};

/* "2026-01-02", "2026-01-02T03:04", "…:05", "…:05.678901" with "T" or one blank, then nothing
 * (UTC), "Z", "+01:00", "+0100" or "+01". More than six digits of a fraction are cut. ":60" is
 * refused. 0, -EINVAL (not a time), -ERANGE (before 1970 or after 9999). */
int timestamp_parse(const char *s, usec_t *ret_at);
/* As above, and whether the text named a zone (else it was taken as UTC). */
int timestamp_parse_zoned(const char *s, usec_t *ret_at, bool *ret_zoned);
/* Up to 9999-12-31; later ones print as that. Returns ret. */
const char *timestamp_print(usec_t at, unsigned flags, char ret[TIMESTAMP_SIZE]);
/* With an offset east of UTC in seconds: the local time and its "+HH:MM". */
const char *timestamp_print_offset(usec_t at, int offset_s, unsigned flags,
                                   char ret[TIMESTAMP_SIZE]);

/* "Fri, 02 Jan 2026 03:04:05 GMT" (RFC 9110), in English whatever the locale. Parses to 0, or
 * -EINVAL (not such a time, or before 1970). */
const char *timestamp_print_http(usec_t at, char ret[TIMESTAMP_SIZE]);
int timestamp_parse_http(const char *s, usec_t *ret_at);

/* "1h 30min", "12.3s", "850ms", "infinity": at most two units. */
const char *timestamp_span_print(usec_t for_usec, char ret[TIMESTAMP_SIZE]);
/* "in 5min", "2h ago", "now". */
const char *timestamp_relative_print(usec_t at, usec_t now_at, char ret[TIMESTAMP_SIZE]);

void timestamp_to_civil(usec_t at, struct civil *ret);
