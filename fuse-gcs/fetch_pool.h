/* fetch_pool: threads that make the GETs nobody waits for yet. As many as there is work for, up to
 * n_max; those that have none for FETCH_POOL_IDLE_FOR go, but for one. In the order asked for. */
#pragma once

#include "lib/base/macros.h"

#define FETCH_POOL_IDLE_FOR (10 * USEC_PER_SEC)

struct fetch_pool;

/* Embedded in what it is about. */
struct fetch_pool_task {
        struct fetch_pool_task *next;
        void (*run)(struct fetch_pool_task *t); /* on one of the threads; may free t */
};

int fetch_pool_new(unsigned n_max, struct fetch_pool **ret);
/* What was put runs first. NULL is fine. */
struct fetch_pool *fetch_pool_free(struct fetch_pool *p);
/* From any thread. Negative: there is no thread, and it will not run. */
int fetch_pool_put(struct fetch_pool *p, struct fetch_pool_task *t);
unsigned fetch_pool_n_threads(struct fetch_pool *p);
