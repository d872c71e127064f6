/* zone_file: time zones by name from the system's zoneinfo directory (TZDIR, /usr/share/zoneinfo).
 */
#pragma once

#include "lib/base/zone.h"

/* "Europe/Berlin", "UTC", "+02:00". 0; -ENOENT (no such zone: em names a near one or the remedy);
 * -EINVAL (a bad name or file); -ENOMEM. */
int zone_file_load(const char *name, struct zone **ret, struct errmsg *em);
