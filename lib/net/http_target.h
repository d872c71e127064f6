#pragma once
/* The request target: splitting and %-decoding. Pure. */
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* %-decodes size bytes of s into dst (room for size + 1 bytes; dst may be s), NUL-terminates, and
 * with `plus` reads '+' as a space. Returns the length; -EINVAL: bad escape, a NUL or not UTF-8. */
ssize_t http_target_decode(char *dst, const char *s, size_t size, bool plus);

/* The same for a key or a value of a query, '+' as a space: a '%' that begins no escape stands for
 * itself, as in "name LIKE '%x%'" typed by hand. -EINVAL: a NUL or not UTF-8. */
ssize_t http_target_decode_query(char *dst, const char *s, size_t size);

/* Splits a target in place: origin form, absolute form ("http://h/p", whose authority is dropped)
 * or
 * "*". -EINVAL: none of these. *ret_query is "" when there is none. A fragment is cut off. */
int http_target_split(char *target, char **ret_path, char **ret_query);

/* Appends s %-encoded: unreserved characters and those in `keep` stay. dst has room for
 * 3 * size + 1 bytes; returns the length. */
size_t http_target_encode(char *dst, const char *s, size_t size, const char *keep);
