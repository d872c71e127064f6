/* fuzz_pyworker_frame: bytes of a worker: a frame stays within what was given, however it is cut.
 */
#include <stdlib.h>

#include "daemons/serving/pyworker_frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const char *data, size_t size, const struct pyworker_frame_message *m,
                  size_t used) {
        if (used == 0 || used > size)
                abort();
        if (m->kind == PYWORKER_FRAME_REFUSED && !m->error)
                abort();
        if (m->kind == PYWORKER_FRAME_REPLY && (!m->content_type || m->status < 200))
                abort();
        if (m->body < data || m->body + m->body_size != data + used)
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct pyworker_frame_message m = {};
        struct errmsg em = {};
        size_t used = 0, used_whole = 0;
        struct arena a;
        int whole;

        arena_init(&a, 0);
        whole = pyworker_frame_next(&a, (const char *) data, size, 4096, &m, &used_whole, &em);
        if (whole == 0)
                check((const char *) data, size, &m, used_whole);
        else if (whole < 0 && !em.text[0])
                abort();
        /* What is refused or taken whole is never taken from less. */
        for (size_t n = 0; n < size && n < 64; n++)
                if (pyworker_frame_next(&a, (const char *) data, n, 4096, &m, &used, NULL) == 0 &&
                    (whole != 0 || used != used_whole))
                        abort();
        arena_done(&a);
        return 0;
}
