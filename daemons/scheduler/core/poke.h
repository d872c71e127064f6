/* poke: a sensor, a task with a poke_interval, looks again and again whether something is there.
 *
 * As in Airflow its poke_timeout counts from the start of its first look on, over all looks,
 * retries and nights until it is cleared, and is compared when a look has found nothing: so there
 * is always one after a night. Then it has failed for good, whatever retries are left, or is
 * skipped. */
#pragma once

#include "daemons/scheduler/core/world_apply.h"

/* When it first looked, a look of its own that ends at `at` included. */
usec_t poke_since(const struct world_task *t, usec_t at);
/* What the end of a look that found nothing means: WORLD_RESULT_RESCHEDULED, or when it has looked
 * for too long WORLD_RESULT_FAILED_FINAL, with soft_fail WORLD_RESULT_SKIPPED. */
enum world_result poke_result(const struct world_task *t, usec_t at);
