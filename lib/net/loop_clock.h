#pragma once
/* Telling when the wall clock was set, or the machine woke up. */
#include "lib/net/loop.h"

struct loop_clock;

/* fn runs on the loop after each step of CLOCK_REALTIME (also the one after a suspend). */
int loop_clock_watch(struct loop *l, void (*fn)(void *ctx), void *ctx, struct loop_clock **ret);
struct loop_clock *loop_clock_free(struct loop_clock *c);
