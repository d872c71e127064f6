/* tidy.h: removes the spool directories of tries whose end was recorded longer than keep_tries ago.
 *
 * With [logging] remote_logging a log stays until it was uploaded, and those that were go, the
 * oldest first, when all together are larger than local_log_budget.
 * Each [scheduler] tidy_every, on the loop, TIDY_MAX directories at a time. Threads: the loop's. */
#pragma once

struct scheduler;
struct tidy;

enum { TIDY_MAX = 50 };

int tidy_new(struct scheduler *s, struct tidy **ret);
struct tidy *tidy_free(struct tidy *t);
