/* The mount's configuration file. */
#include <stddef.h>
#include <stdint.h>

#include "fuse-gcs/mount_flags.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct mount_flags f = {};
        struct errmsg em = {};

        if (mount_flags_file_parse(&f, (const char *) data, size, "f", &em) >= 0)
                (void) mount_flags_check(&f, &em);
        mount_flags_done(&f);
        return 0;
}
