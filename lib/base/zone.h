/* zone: a time zone from a TZif file (RFC 8536, versions 1-4), as a pure table.
 *
 * Conversion reads no file, no environment and no clock. Local times are seconds since 1970 as if
 * the zone were UTC (civil_to_seconds); gaps and folds are answers, not guesses.
 * Threads: a zone is read-only. See zone_file.h for reading one by name. */
#pragma once

#include "lib/base/errmsg.h"
#include "lib/base/macros.h"

struct zone;

struct zone_info {
        int offset_s; /* east of UTC */
        bool is_dst;
        const char *abbr; /* "CEST"; lives as long as the zone */
};

/* What zone_to_utc() answers. */
enum {
        ZONE_UNIQUE = 0,
        ZONE_GAP = 1,  /* the clocks skipped it: *ret_utc is the moment by the offset before the
                          gap (later than the gap's end in local time by as much as it was late),
                          *ret_later by the offset after it */
        ZONE_FOLD = 2, /* it came twice: *ret_utc the first time, *ret_later the second */
};

/* name is copied and given back by zone_name(). 0, -EINVAL with em set, -ENOMEM. */
int zone_parse(const void *data, size_t len, const char *name, struct zone **ret,
               struct errmsg *em);
/* UTC itself, from no file. Never freed. */
const struct zone *zone_utc(void);
/* "+05:30", "-08": a fixed offset in seconds. NULL when out of memory. */
struct zone *zone_new_fixed(int offset_s, const char *name) _must_check_;
struct zone *zone_free(struct zone *z);
DEFINE_CLEANUP(struct zone *, zone_free)
const char *zone_name(const struct zone *z);

/* The rule at a moment (seconds since 1970, UTC). */
void zone_at(const struct zone *z, int64_t utc_s, struct zone_info *ret);
/* Local seconds of a moment. */
int64_t zone_to_local(const struct zone *z, int64_t utc_s);
/* ret_later may be NULL; for ZONE_UNIQUE it equals *ret_utc. */
int zone_to_utc(const struct zone *z, int64_t local_s, int64_t *ret_utc, int64_t *ret_later);
