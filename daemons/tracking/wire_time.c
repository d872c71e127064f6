#include "daemons/tracking/wire_time.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/str.h"
#include "lib/base/timestamp.h"

const char *wire_time_print(int64_t ms, char ret[WIRE_TIME_SIZE]) {
        usec_t at = ms > 0 ? (usec_t) ms * USEC_PER_MSEC : 0;

        return timestamp_print(at, ms % 1000 ? TIMESTAMP_MSEC : TIMESTAMP_SECONDS, ret);
}

int wire_time_parse(const char *text, int64_t *ret_ms) {
        usec_t at;

        if (timestamp_parse(text, &at) < 0)
                return -EINVAL;
        *ret_ms = (int64_t) (at / USEC_PER_MSEC);
        return 0;
}

const char *wire_time_span_print(int64_t ms, char ret[WIRE_TIME_SIZE]) {
        uint64_t n = ms < 0 ? -(uint64_t) ms : (uint64_t) ms;

        if (n % 1000)
                snprintf(ret, WIRE_TIME_SIZE, "%s%" PRIu64 ".%03" PRIu64 "s", ms < 0 ? "-" : "",
                         n / 1000, n % 1000);
        else
                snprintf(ret, WIRE_TIME_SIZE, "%s%" PRIu64 "s", ms < 0 ? "-" : "", n / 1000);
        return ret;
}

int wire_time_span_parse(const char *text, int64_t *ret_ms) {
        size_t n = strlen(text);
        char number[40];
        double s;

        if (n < 2 || n > sizeof(number) || text[n - 1] != 's')
                return -EINVAL;
        memcpy(number, text, n - 1);
        number[n - 1] = 0;
        if (str_to_f64(number, &s) < 0 || fabs(s) > 315576000000.0) /* protobuf's limit */
                return -EINVAL;
        *ret_ms = (int64_t) trunc(s * 1000 + (s < 0 ? -1e-6 : 1e-6));
        return 0;
}
