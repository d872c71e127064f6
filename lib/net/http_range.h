#pragma once
/* The Range header (one range of bytes) and entity tags. Pure. */
#include <stdbool.h>
#include <stdint.h>

enum http_range_result {
        HTTP_RANGE_WHOLE = 1, /* no, malformed, or several ranges: answer whole (RFC 9110, 14.2) */
        HTTP_RANGE_PART,      /* *ret_first … *ret_last are inside the file */
        HTTP_RANGE_UNSATISFIABLE, /* 416 */
};
enum http_range_result http_range_parse(const char *header, uint64_t size, uint64_t *ret_first,
                                        uint64_t *ret_last);
/* True when etag (without quotes) stands in an If-None-Match header, or the header is "*". Weak
 * comparison. */
bool http_range_etag_matches(const char *if_none_match, const char *etag);
