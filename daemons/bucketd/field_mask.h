/* field_mask.h: the "fields" parameter: which parts of an answer are wanted. Pure.
 *
 *      nextPageToken,items(name,metadata/owner)      and * for everything
 */
#pragma once

#include "lib/base/arena.h"
#include "lib/base/macros.h"

struct json_write;
struct json;

struct field_mask {
        const char *name;
        struct field_mask *parts; /* NULL: all of it */
        struct field_mask *next;
};

enum { FIELD_MASK_DEPTH = 16 };

/* Everything. */
extern const struct field_mask field_mask_all;

/* *ret is the whole, with its parts; NULL or "" text: everything. 0, -EINVAL or -ENOMEM. */
int field_mask_parse(struct arena *a, const char *text, const struct field_mask **ret);
/* The mask of a part; NULL: it is not wanted. A NULL mask wants nothing. */
const struct field_mask *field_mask_get(const struct field_mask *m, const char *name);
/* A tree, and of it what is wanted. */
void field_mask_write(struct json_write *w, const struct json *j, const struct field_mask *m);
