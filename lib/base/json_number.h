/* json_number: doubles and integers as text, exactly and fast.
 *
 * A double is printed as Python's repr() and json.dumps() print it: the shortest digits that read
 * back to the same value, with ".0" for whole numbers and an exponent outside 1e-4 … 1e16. */
#pragma once

#include "lib/base/macros.h"

#define JSON_NUMBER_SIZE 32      /* enough for every double and integer, and the NUL */
#define JSON_NUMBER_LEN_MAX 1024 /* longer texts are refused by the parsers */

/* Returns the length. NaN and the infinities give NaN, Infinity, -Infinity. */
size_t json_number_print_f64(double v, char out[JSON_NUMBER_SIZE]);
size_t json_number_print_i64(int64_t v, char out[JSON_NUMBER_SIZE]);
size_t json_number_print_u64(uint64_t v, char out[JSON_NUMBER_SIZE]);

/* s[0..len) is a JSON number's text. The nearest double, ties to even. 0; -ERANGE (too great,
 * or longer than JSON_NUMBER_LEN_MAX). */
int json_number_parse_f64(const char *s, size_t len, double *ret);
/* 0; -EINVAL when it has a fraction or an exponent; -ERANGE. */
int json_number_parse_i64(const char *s, size_t len, int64_t *ret);
int json_number_parse_u64(const char *s, size_t len, uint64_t *ret);
