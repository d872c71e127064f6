/* auth_throttle.h: slows down the guessing of passwords: by user name, and in all (a check costs
 * 50 ms of CPU). Pure: time is an argument. Private to lib/auth; its owner locks. */
#pragma once

#include "lib/base/macros.h"

enum {
        AUTH_THROTTLE_SETS = 128,
        AUTH_THROTTLE_WAYS = 4,
        AUTH_THROTTLE_FREE = 5,    /* failures of a name before it has to wait */
        AUTH_THROTTLE_BURST = 20,  /* checks at once, of all names */
        AUTH_THROTTLE_PER_SEC = 5, /* checks a second after that */
};
#define AUTH_THROTTLE_WAIT_MAX USEC_PER_MINUTE
#define AUTH_THROTTLE_FORGET_FOR (15 * USEC_PER_MINUTE)

struct auth_throttle_row {
        uint64_t name; /* hash */
        unsigned n_failures;
        usec_t failed_at;
};

struct auth_throttle {
        uint64_t seed;
        struct auth_throttle_row rows[AUTH_THROTTLE_SETS][AUTH_THROTTLE_WAYS];
        usec_t tokens; /* of the bucket, each worth USEC_PER_SEC / AUTH_THROTTLE_PER_SEC */
        usec_t filled_at;
};

/* `seed` is random, so that nobody can pick names that push each other out. */
void auth_throttle_init(struct auth_throttle *t, uint64_t seed, usec_t mono_at);
/* How long to wait before a password of `name` is looked at; 0: now, and a check is counted. */
usec_t auth_throttle_take(struct auth_throttle *t, const char *name, usec_t mono_at);
/* The same without counting one. */
usec_t auth_throttle_peek(struct auth_throttle *t, const char *name, usec_t mono_at);
void auth_throttle_failed(struct auth_throttle *t, const char *name, usec_t mono_at);
void auth_throttle_passed(struct auth_throttle *t, const char *name);
