/* entropy: the only way to randomness, so that tests can repeat themselves. Threads: any. */
#pragma once

#include "lib/base/macros.h"

struct entropy {
        /* Fills n bytes. 0 or -errno (never from the system's source once it answered). */
        int (*fill)(struct entropy *e, void *p, size_t n);
};

#define ENTROPY_UUID_SIZE 37 /* "01890a5d-ac96-774b-bcce-b302099a8057" and its NUL */
#define ENTROPY_ID_SIZE 33   /* 32 hex digits and a NUL: MLflow's run ids */
/* Ids of so long are neighbours; 4,096 times that later they come to the same place again. */
#define ENTROPY_NEAR_FOR (16 * USEC_PER_MSEC)

/* getrandom(2). */
struct entropy *entropy_system(void);

int entropy_fill(struct entropy *e, void *p, size_t n);
/* n_bytes random bytes as 2 * n_bytes lower-case hex digits and a NUL; n_bytes <= 64. */
int entropy_hex(struct entropy *e, size_t n_bytes, char *ret);
/* UUIDv7 of the moment: ids made later sort later, also within one millisecond when made by one
 * process (RFC 9562, method 1: a counter in rand_a). */
int entropy_uuid7(struct entropy *e, usec_t now_at, char ret[ENTROPY_UUID_SIZE]);
/* UUIDv4 without dashes, as Python's uuid4().hex. */
int entropy_id(struct entropy *e, char ret[ENTROPY_ID_SIZE]);
/* The same, its first three digits from the moment: what is made together lies together in an
 * index, and the first eight digits, by which people call things, still differ. */
int entropy_id_near(struct entropy *e, usec_t now_at, char ret[ENTROPY_ID_SIZE]);
/* 0 <= *ret < bound, evenly. */
int entropy_below(struct entropy *e, uint64_t bound, uint64_t *ret);
/* "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx" in lower case? */
bool entropy_is_uuid(const char *s);

/* A repeatable source: the same seed gives the same bytes. Use &fake.entropy. One thread. */
struct entropy_fake {
        struct entropy entropy;
        uint64_t state;
};

void entropy_fake_init(struct entropy_fake *f, uint64_t seed);
