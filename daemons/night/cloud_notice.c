#include "daemons/night/cloud_notice.h"

#include "lib/base/str.h"

bool cloud_notice_takes(const char *value, usec_t *ret_for) {
        bool spot = str_eq(value, "TRUE");
        bool host = str_starts(value, "TERMINATE");

        if (spot || host)
                *ret_for = spot ? CLOUD_NOTICE_SPOT_FOR : CLOUD_NOTICE_HOST_FOR;
        return spot || host;
}
