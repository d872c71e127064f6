/* night_watch.h: the night: gathers what core/night.h decides on, and does what it says.
 *
 * The machine is switched off by a file, RUNTIME/night/poweroff, that a path unit of root waits
 * for: the scheduler has no such power itself. RUNTIME/night/stay keeps what somebody asked for
 * until the next boot. Where nothing switches off (`onebox up`), the file is taken back after
 * NIGHT_WATCH_PATIENCE and work goes on. Threads: the loop's. */
#pragma once

#include "daemons/scheduler/core/night.h"

struct errmsg;
struct json_write;
struct night_watch;
struct scheduler;

#define NIGHT_WATCH_EVERY                                                       \
        (30 * USEC_PER_SEC) /* how often it looks when nothing is due, at least \
                             */
#define NIGHT_WATCH_PATIENCE (5 * USEC_PER_MINUTE)

/* -EINVAL with em: [night] stop or timezone is not what it should be. */
int night_watch_new(struct scheduler *s, struct night_watch **ret, struct errmsg *em);
struct night_watch *night_watch_free(struct night_watch *n);

/* Nothing starts now. False before night_watch_new(). */
bool night_watch_is_closed(const struct scheduler *s);
/* The stop that is known of, for tasks that want to be done or to have saved by then;
 * USEC_INFINITY. */
usec_t night_watch_stop_at(const struct scheduler *s);

/* On until then, whatever is planned; 0 takes it back. 0 or -errno. */
int night_watch_stay(struct scheduler *s, usec_t until_at);
/* Switches off now. */
void night_watch_stop(struct scheduler *s, const char *by);
/* The cloud takes the machine at `at`; USEC_INFINITY: it does not any more. */
void night_watch_notice(struct scheduler *s, usec_t at, const char *what);

/* All of it, as the members of the open object. */
void night_watch_write(struct scheduler *s, struct json_write *w);
