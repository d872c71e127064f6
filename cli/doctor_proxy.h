/* doctor_proxy: where a Cloud SQL proxy listens, by its file. Pure. */
#pragma once

#include "cli/doctor.h"

/* The value of KEY=value in the text of an environment file, without its quotes; the last one
 * counts. NULL: not there, or out of memory. */
const char *doctor_proxy_value(struct arena *a, const char *text, const char *key);
