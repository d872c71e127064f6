/* str: C strings. Parsers take the whole string or nothing: no leading blanks, no rest. */
#pragma once

#include <stdarg.h>

#include "lib/base/macros.h"

/* NULL equals NULL only. */
bool str_eq(const char *a, const char *b);
/* ASCII case does not count. */
bool str_eq_fold(const char *a, const char *b);
/* NULL is empty. */
bool str_empty(const char *s);
/* What follows the prefix, or NULL when s does not start with it. */
const char *str_after(const char *s, const char *prefix);
bool str_starts(const char *s, const char *prefix);
bool str_ends(const char *s, const char *suffix);
/* Cuts blanks and newlines at both ends, in place; returns the start. */
char *str_strip(char *s);
/* Only A-Z; the locale does not count. In place. */
void str_lower(char *s);
/* "[A-Za-z0-9_.-]+" of at most max bytes, not "." and not "..": fit for a file name. */
bool str_is_name(const char *s, size_t max);

/* 0, -EINVAL (not a number), -ERANGE. Base 10; f64 takes what strtod in the C locale takes except
 * hex, inf and nan. */
int str_to_i64(const char *s, int64_t *ret);
int str_to_u64(const char *s, uint64_t *ret);
int str_to_int(const char *s, int *ret);
int str_to_f64(const char *s, double *ret);
/* yes/no, true/false, on/off, 1/0 in any case. 0 or -EINVAL. */
int str_to_bool(const char *s, bool *ret);
/* "64M" and the like: B (or nothing), K, M, G, T of 1024. 0, -EINVAL, -ERANGE. */
int str_to_size(const char *s, uint64_t *ret_bytes);
/* "15s", "1h 30min", "250ms", "2d", "1w", "infinity"; a bare number is seconds. Fractions allowed.
 * 0, -EINVAL, -ERANGE. */
int str_to_span(const char *s, usec_t *ret_for);

/* Copies with its NUL. 0, or -E2BIG with dst = "" when it does not fit. */
int str_copy(char *dst, size_t dst_size, const char *src);
/* On the heap; NULL when out of memory. */
char *str_printf(const char *fmt, ...) _printf_(1, 2) _must_check_;
char *str_vprintf(const char *fmt, va_list ap) _printf_(1, 0) _must_check_;

/* Splits at any char of `seps`: gives the next word, its length and moves *s behind it.
 * False at the end. Runs of separators count as one. */
bool str_word(const char **s, const char *seps, const char **ret_word, size_t *ret_len);
/* Is one of the words of s `word`? */
bool str_has_word(const char *s, const char *seps, const char *word);

/* Number of single edits (insert, delete, replace, swap) between a and b; at most 64 bytes of each
 * are looked at. */
unsigned str_distance(const char *a, const char *b);
/* The candidate nearest to s, for "did you mean"; NULL when none is near. */
const char *str_nearest(const char *s, const char *const *candidates, size_t n);

/* strv: a NULL-terminated vector of strings, all on the heap. */
void str_free_list(char **list);
DEFINE_CLEANUP(char **, str_free_list)
size_t str_count(char *const *list);
bool str_in(const char *s, char *const *list);
/* Words of s at any of `seps`. NULL when out of memory. */
char **str_split(const char *s, const char *seps) _must_check_;
/* Adds a copy of s. 0 or -ENOMEM. */
int str_list_add(char ***list, const char *s);
