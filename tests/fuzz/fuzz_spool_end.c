/* fuzz_spool_end: an end.json of any form is read or refused; what is read has a meaning and words.
 */
#include <stdlib.h>

#include "daemons/scheduler/spool_end.h"
#include "lib/base/entropy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct spool_end end;
        struct errmsg em = {};
        char text[600];
        int r = spool_end_parse((const char *) data, size, &end, &em);

        if (r < 0 && !em.text[0])
                abort();
        if (r < 0)
                return 0;
        if (!entropy_is_uuid(end.try_id) || end.exit_code < -1 || end.exit_code > 255)
                abort();
        if (spool_end_result(&end) >= _WORLD_RESULT_MAX)
                abort();
        spool_end_text(&end, text, sizeof(text));
        if (!text[0])
                abort();
        return 0;
}
