/* fuzz_timestamp: what is understood as a time is printed and understood again; sizes, spans and
 * numbers never read beyond their text. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/base/timestamp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_time(const char *s) {
        char text[TIMESTAMP_SIZE];
        usec_t at, again;

        if (timestamp_parse(s, &at) < 0)
                return;
        timestamp_print(at, TIMESTAMP_USEC, text);
        if (timestamp_parse(text, &again) < 0 || again != at)
                abort();
}

static void try_span(const char *s) {
        char text[TIMESTAMP_SIZE];
        usec_t span;

        if (str_to_span(s, &span) >= 0)
                timestamp_span_print(span, text);
}

static void try_numbers(const char *s) {
        uint64_t u = 0;
        int64_t i = 0;
        double d = 0;

        (void) str_to_size(s, &u);
        (void) str_to_u64(s, &u);
        (void) str_to_i64(s, &i);
        (void) str_to_f64(s, &d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_free_ char *text = mem_memdup(data, size);
        _cleanup_free_ char *exact = text ? mem_strdup(text) : NULL;

        if (!exact)
                return 0;
        try_time(exact);
        try_span(exact);
        try_numbers(exact);
        return 0;
}
