/* task_mask.h: secrets in a stream of text become "***". Pure but for the memory of the secrets,
 * which is kept out of core dumps and wiped at the end.
 *
 * Each secret is looked for as it is and as a URL and JSON would write it; of one with several
 * lines, each line. Pieces shorter than TASK_MASK_MIN are not looked for: too much else would look
 * like them. Bounded: past TASK_MASK_MAX patterns or TASK_MASK_BYTES the rest is not taken, which
 * is answered. Threads: one. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
        TASK_MASK_MIN = 5, /* as Airflow's min_length_masked_secret */
        TASK_MASK_PIECE_MAX = 2048,
        TASK_MASK_MAX = 16384,
        TASK_MASK_BYTES = 8 << 20,
};

#define TASK_MASK_TEXT "***"

struct task_mask_pattern {
        uint32_t at; /* in bytes */
        uint32_t len;
        uint32_t next; /* number of the next that begins with the same byte; 0: none */
};

struct task_mask {
        size_t n; /* patterns */
        size_t n_bytes;
        struct task_mask_pattern *patterns;
        char *bytes;
        uint32_t first[256]; /* by the byte it begins with: number of a pattern, from 1 on; 0: none
                              */
};

/* struct task_mask m = {}; takes no memory until there is a secret. */
void task_mask_done(struct task_mask *m);

/* Looks for `value` from now on. 0; -ENOSPC: there are too many; -ENOMEM. */
int task_mask_add(struct task_mask *m, const char *value, size_t len);

/* How many bytes at the begin of text[0..n) can be masked now: what follows them may be the begin
 * of a secret, and is asked about again with what comes. */
size_t task_mask_ready(const struct task_mask *m, const char *text, size_t n);

/* Masks text[0..n) in place and answers the length of the result, never longer. */
size_t task_mask_apply(const struct task_mask *m, char *text, size_t n);
