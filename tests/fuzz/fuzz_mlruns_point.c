/* fuzz_mlruns_point: what parses is finite and stays the same when it is written and read again. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemons/tracking/mlruns_point.h"
#include "lib/base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        char *text = mem_strndup((const char *) data, size), line[128];
        struct mlruns_point p, q;

        if (text && mlruns_point_parse(text, &p)) {
                if (!isfinite(p.value) || mlruns_point_is_later(&p, &p))
                        abort();
                (void) snprintf(line, sizeof(line), "%lld %.17g %lld", (long long) p.at_ms,
                                p.is_nan ? NAN : p.value, (long long) p.step);
                if (!mlruns_point_parse(line, &q) || q.at_ms != p.at_ms || q.step != p.step ||
                    q.value != p.value || q.is_nan != p.is_nan)
                        abort();
        }
        mem_free(text);
        return 0;
}
