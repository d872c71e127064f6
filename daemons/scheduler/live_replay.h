/* live_replay.h: after a start, or after the world was read anew: the whole spool against the world
 * (core/replay.h decides, live.c acts). Threads: the loop's. */
#pragma once

struct errmsg;
struct scheduler;

/* -errno with *em set when spool or database cannot be read. */
int live_replay(struct scheduler *s, struct errmsg *em);
