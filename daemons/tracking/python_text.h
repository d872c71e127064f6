/* python_text.h: str.strip() and str.lower() as Python does them, beyond ASCII too. Pure, but for
 * the locale that is made once. Threads: any.
 */
#pragma once

#include "lib/base/arena.h"

/* Of valid UTF-8, from the arena; NULL when out of memory. */
char *python_text_strip(struct arena *a, const char *text);
char *python_text_lower(struct arena *a, const char *text);
