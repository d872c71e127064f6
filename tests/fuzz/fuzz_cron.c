/* fuzz_cron: what parses has matches that step forward and back over one another. */
#include <stdlib.h>
#include <string.h>

#include "daemons/scheduler/core/cron.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_steps(const struct cron *c, int64_t from) {
        int64_t t = from, next, back;

        for (unsigned i = 0; i < 20; i++) {
                if (cron_next(c, t, &next) != 0)
                        return;
                if (next <= t || cron_prev(c, next + 1, &back) != 0 || back != next ||
                    cron_next(c, next - 1, &back) != 0 || back != next)
                        abort();
                t = next;
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        char text[CRON_TEXT_MAX * 2];
        struct errmsg em = {};
        struct cron c;

        if (size >= sizeof(text))
                return 0;
        memcpy(text, data, size);
        text[size] = 0;
        if (cron_parse(text, &c, &em) < 0) {
                if (!em.text[0])
                        abort();
                return 0;
        }
        check_steps(&c, 0);
        check_steps(&c, INT64_C(1767225600));
        check_steps(&c, INT64_C(4107542399)); /* 2100 is no leap year */
        return 0;
}
