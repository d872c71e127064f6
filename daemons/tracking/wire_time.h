/* wire_time.h: protobuf's Timestamp and Duration in their JSON forms, as milliseconds. Pure. */
#pragma once

#include "lib/base/macros.h"

enum { WIRE_TIME_SIZE = 40 };

/* "2026-11-28T19:17:50.249Z" */
const char *wire_time_print(int64_t ms, char ret[WIRE_TIME_SIZE]);
/* 0 or -EINVAL. What is finer than a millisecond is cut. */
int wire_time_parse(const char *text, int64_t *ret_ms);

/* "0.087s" */
const char *wire_time_span_print(int64_t ms, char ret[WIRE_TIME_SIZE]);
int wire_time_span_parse(const char *text, int64_t *ret_ms);
