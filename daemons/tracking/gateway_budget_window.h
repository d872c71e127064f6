/* gateway_budget_window.h: the window of time that a budget is for. Windows of one length follow
 * one another from 1970 on, weeks from a Sunday, months from the first of one. Pure.
 */
#pragma once

#include "lib/base/macros.h"

/* The one that `now_ms` (not before 1970) is in, its end not included. `unit`: "MINUTES", "HOURS",
 * "DAYS", "WEEKS", "MONTHS"; `n` of them, from 1 to INT32_MAX. 0 or -EINVAL. */
int gateway_budget_window(const char *unit, int64_t n, int64_t now_ms, int64_t *ret_start_ms,
                          int64_t *ret_end_ms);
