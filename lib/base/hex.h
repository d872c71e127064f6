/* hex: bytes as hex digits. */
#pragma once

#include "lib/base/macros.h"

/* 2 * n lower-case digits and a NUL. */
void hex_encode(const void *p, size_t n, char *ret);
/* Exactly 2 * n digits of either case, then the end. 0 or -EINVAL. */
int hex_decode(const char *s, void *ret, size_t n);
/* 0-15 or -1. */
int hex_digit(char c);
