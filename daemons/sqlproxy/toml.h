/* toml: the top-level keys of a TOML 1.0 file whose values are strings, numbers, booleans or dates.
 * Tables, arrays and inline tables are read over; what is no TOML is refused. Pure.
 *
 * Not checked: that a key stands once (the last one counts), and that numbers are well-formed (the
 * text is handed over; underscores are taken out). */
#pragma once

#include <stddef.h>

#include "lib/base/errmsg.h"

/* fn returns 0 or a negative errno, which ends it. -EINVAL with em "name:line: …". */
int toml_parse(const char *text, size_t len, const char *name,
               int (*fn)(void *ctx, const char *key, const char *value, size_t len), void *ctx,
               struct errmsg *em);
