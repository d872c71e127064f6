/* notices.h: tells tracking what became of tries: that one began which has a run of its own, so
 * that it makes that run, and that one has ended, so that it closes the runs the try left open.
 *
 * POST /internal/tries/TRY_ID/began on tracking.sock (tracked_body.h), its files by MLflow's own
 * upload-artifact, POST /internal/tries/TRY_ID/ended (notices_body.h), each after the one before
 * was heard. Where several have nothing but an end, one POST /internal/tries/ended tells them all.
 * The queue is the database (tracked, and tries.told): nothing is lost by a restart of either side,
 * and what was heard already may be told again. At most NOTICES_MAX are under way, in
 * NOTICES_CALLS; when tracking is away the pause grows to a minute. Threads: the loop's. */
#pragma once

#include <stdbool.h>

enum { NOTICES_MAX = 128, NOTICES_CALLS = 32 };

struct notices;
struct scheduler;

int notices_new(struct scheduler *s, struct notices **ret);
struct notices *notices_free(struct notices *n);

/* There may be something to tell. */
void notices_kick(struct scheduler *s);
/* There is nothing left to tell. */
bool notices_are_through(const struct scheduler *s);
