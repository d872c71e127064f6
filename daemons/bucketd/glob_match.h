/* glob_match.h: the patterns of matchGlob.
 *
 * "?" is one character, "*" any number of them, both without "/"; "**" any number with it; [abc],
 * [a-z] and [!abc] one of a set; {a,b} one of several; "\" takes the meaning of what follows. */
#pragma once

#include "lib/base/macros.h"

enum { GLOB_MATCH_MAX = 1024 }; /* bytes of a pattern */

/* 0; -EINVAL: a bracket or brace is not closed, or it is too long. */
int glob_match_check(const char *pattern);
/* Of a pattern that was checked. */
bool glob_match(const char *pattern, const char *name);
