/* mime: the content type a name stands for. Pure. */
#pragma once

#include <stddef.h>

/* By the last ending, in any case; NULL when it says nothing. */
const char *mime_of(const char *name);
/* By what it begins with: text, or bytes. */
const char *mime_sniff(const void *data, size_t n);
