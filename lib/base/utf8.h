/* utf8: Unicode's encoding form, strictly (no surrogates, no overlong forms, at most U+10FFFF). */
#pragma once

#include "lib/base/macros.h"

#define UTF8_REPLACEMENT 0xFFFD

bool utf8_valid(const char *s, size_t len);
/* Bytes of the valid start of s. */
size_t utf8_valid_len(const char *s, size_t len);
/* One code point from s[0..len), len > 0: returns its bytes (1-4), or -EINVAL. */
int utf8_decode(const char *s, size_t len, uint32_t *ret);
/* Bytes written (1-4); cp must be a scalar value. */
size_t utf8_encode(uint32_t cp, char out[4]);
/* The greatest n <= max that does not cut a character of s. */
size_t utf8_cut(const char *s, size_t max);
/* Code points in a valid string. */
size_t utf8_count(const char *s, size_t len);
/* Columns on a terminal; control characters count 0. */
size_t utf8_width(const char *s);
