/* python_json.h: a value as Python's json.dumps() prints what json.loads() read: numbers in their
 * canonical form, ", " and ": ", everything beyond ASCII escaped. Two texts of one value become the
 * same, so what is hashed of them is too. Pure.
 */
#pragma once

#include "lib/base/buf.h"
#include "lib/base/json.h"

enum python_json_flags {
        PYTHON_JSON_SORTED = 1 << 0, /* keys in the order of their code points, at every level */
};

/* Adds the text to `out`; a number beyond double is Infinity. 0 or -ENOMEM. */
int python_json_print(const struct json *j, unsigned flags, struct arena *a, struct buf *out);

/* The text in `a`; NULL with *ret_error set. */
const char *python_json_text(const struct json *j, unsigned flags, struct arena *a, int *ret_error);

/* str() of a value: True, 5, 1.5; a string is itself, lists and objects are their JSON. As above.
 */
const char *python_json_str(const struct json *j, struct arena *a, int *ret_error);

/* type(value).__name__ */
const char *python_json_type(const struct json *j);
