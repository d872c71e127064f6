/* zone_posix: the POSIX TZ rule that a TZif file ends with ("CET-1CEST,M3.5.0,M10.5.0/3"). Pure. */
#pragma once

#include "lib/base/zone.h"

struct zone_posix_rule {
        char kind; /* 'M' month.week.day, 'J' day without 29 February, '0' day with it */
        int month, week, day;
        int time_s; /* of the local day; may be negative or beyond a day */
};

struct zone_posix {
        char std_abbr[16], dst_abbr[16];
        int std_offset_s, dst_offset_s; /* east of UTC */
        bool has_dst;
        struct zone_posix_rule start, end; /* of summer time */
};

/* 0 or -EINVAL. */
int zone_posix_parse(const char *s, struct zone_posix *ret);
/* ret->abbr points into p. */
void zone_posix_at(const struct zone_posix *p, int64_t utc_s, struct zone_info *ret);
