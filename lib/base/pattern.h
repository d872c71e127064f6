/* pattern: regular expressions as Python's `re` writes them, for the question whether they are
 * found anywhere in a text. The time is linear in the text whatever the pattern is: a client brings
 * the pattern, and a library that goes back and forth (PCRE2) could be kept busy with it; its
 * syntax is not Python's either ({,3}, \Z, [[:alpha:]], what is refused).
 *
 * Left out is what looks around (?=…) (?!…) (?<…) (?>…) (?(…)…), refers back \1 (?P=…), never gives
 * back *+ or spaces out (?x). Of letters beyond ASCII all are \w, and none is another's case. */
#pragma once

#include "lib/base/macros.h"

enum {
        PATTERN_MAX = 2000,      /* bytes of a pattern */
        PATTERN_CODE_MAX = 4000, /* steps it is made of; a{1000} has a thousand */
};

struct pattern;

/* 0, -EINVAL (Python refuses it, too), -EOPNOTSUPP (left out), -E2BIG, -ENOMEM. */
int pattern_compile(const char *text, struct pattern **ret);
/* Takes NULL, returns NULL. */
struct pattern *pattern_free(struct pattern *p);

/* Not by two threads at once. */
bool pattern_search(struct pattern *p, const char *text, size_t n_bytes);
