/* fuzz_log_lines: a task may write its own log file anyhow: each line becomes JSON that is JSON. */
#include <stdlib.h>

#include "daemons/scheduler/log_lines.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_buf_ struct buf b = {};
        struct log_line line;
        struct json_write w;
        struct arena a;
        struct json *j;

        log_lines_parse((const char *) data, size, &line);
        if (line.text < (const char *) data || line.text_len > size ||
            line.text + line.text_len != (const char *) data + size)
                abort();
        json_write_init(&w, &b, 0);
        log_lines_write(&w, &line);
        if (json_write_finish(&w) < 0)
                abort();
        arena_init(&a, 0);
        if (json_parse(&a, b.data, b.len, &j, NULL) < 0)
                abort();
        arena_done(&a);
        return 0;
}
