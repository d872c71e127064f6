/* cloud_notice: what Google's metadata server says of this machine's near end. Pure. */
#pragma once

#include "lib/base/macros.h"

/* A Spot machine has so long from the word to the end; one whose host goes has about as long, or
 * more: what is closed too early only waits. */
#define CLOUD_NOTICE_SPOT_FOR (30 * USEC_PER_SEC)
#define CLOUD_NOTICE_HOST_FOR (60 * USEC_PER_SEC)

/* The value of METADATA_PREEMPTED or METADATA_MAINTENANCE: does it take the machine away, how soon
 * after the word? A live migration does not. */
bool cloud_notice_takes(const char *value, usec_t *ret_for);
