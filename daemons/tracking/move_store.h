/* move_store.h: all objects of one store into another: a directory, s3://, gs://.
 *
 * An object whose size and content are there already is left alone: what was cut off goes on when
 * it is asked for again. Each object is read back from the target and compared. Streams in constant
 * memory. Nothing is deleted. */
#pragma once

#include "lib/base/macros.h"

struct errmsg;
struct store;

struct move_store_counts {
        uint64_t n_objects, n_copied, n_bytes;
};

/* Objects whose name is `prefix` + something; under `to_prefix` in the target ("" for none).
 * -EUCLEAN: what was written is not what is read. */
int move_store(struct store *from, const char *prefix, struct store *to, const char *to_prefix,
               struct errmsg *em, struct move_store_counts *ret);
