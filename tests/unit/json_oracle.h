/* json_oracle: jansson's reading of a text, as a canonical text. Its header and ours clash, so it
 * stands in a file of its own. */
#pragma once

#include "lib/base/buf.h"

/* 0, or -1 when jansson refuses the text. */
int json_oracle_read(const char *text, size_t len, struct buf *out);
