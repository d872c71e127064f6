/* tidy.h: removes the spool directories of tries whose end was recorded longer than keep_tries ago.
 *
 * Once an hour, on the loop, TIDY_MAX directories at a time. Threads: the loop's. */
#pragma once

struct scheduler;
struct tidy;

enum { TIDY_MAX = 200 };

int tidy_new(struct scheduler *s, struct tidy **ret);
struct tidy *tidy_free(struct tidy *t);
