/* fuzz_zone: any bytes are refused, or a zone that answers every moment within a day of UTC. */
#include <stdlib.h>

#include "lib/base/zone.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static const int64_t moments[] = {INT64_C(-4000000000), -1,         0,
                                          1774746000,           1792890000, INT64_C(9999999999)};
        _cleanup_(zone_freep) struct zone *z = NULL;
        struct errmsg em = {};

        if (zone_parse(data, size, "f", &z, &em) < 0) {
                if (!em.text[0])
                        abort();
                return 0;
        }
        for (size_t i = 0; i < ARRAY_SIZE(moments); i++) {
                struct zone_info info;
                int64_t early, later;
                int answer;

                zone_at(z, moments[i], &info);
                if (!info.abbr || info.offset_s < -27 * 3600 || info.offset_s > 27 * 3600)
                        abort();
                answer = zone_to_utc(z, moments[i], &early, &later);
                if (answer < ZONE_UNIQUE || answer > ZONE_FOLD)
                        abort();
        }
        return 0;
}
