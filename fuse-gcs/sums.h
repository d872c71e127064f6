/* sums: what came of an object so far, and whether all of it together is what the bucket says it
 * is.
 *
 * The bucket knows one checksum, the whole object's; pieces come in any order and by several GETs.
 * The checksums of pieces that meet become one: when there is one of everything, the verdict is
 * there before its last byte is handed out. Bounded: the SUMS_OBJECTS touched last, SUMS_PIECES
 * each (who reads here and there never has the whole). Threads: any; one lock. */
#pragma once

#include "lib/base/macros.h"

#define SUMS_OBJECTS 64
#define SUMS_PIECES 64
#define SUMS_BAD 16 /* verdicts that nobody asked for yet */

struct sums;

struct sums_object {
        uint64_t content; /* names_content() */
        uint64_t size;
        uint32_t crc32c; /* of all of it */
};

int sums_new(struct sums **ret);
struct sums *sums_free(struct sums *s);
/* n bytes came, from `at` on, with their checksum. 0: go on; 1: that was all, and it agrees;
 * -EBADMSG: it does not. The pieces are forgotten with a verdict. */
int sums_add(struct sums *s, const struct sums_object *o, uint64_t at, size_t n, uint32_t crc32c);
/* A bad verdict is to be told; told is it once. */
void sums_put_bad(struct sums *s, uint64_t content);
bool sums_take_bad(struct sums *s, uint64_t content);
void sums_forget(struct sums *s, uint64_t content);
