/* -o options, and mount(8)'s words, which lines separate here. */
#include <stddef.h>
#include <stdint.h>

#include "fuse-gcs/mount_conf.h"
#include "fuse-gcs/mount_helper.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_free_ char *text = mem_memdup(data, size);
        char **words = text ? str_split(text, "\n") : NULL, **args;
        struct mount_flags f = {};
        struct buf fuse = {};
        struct errmsg em = {};
        bool ro;

        if (text)
                (void) mount_conf_options(text, &fuse, &f, &ro, &em);
        if (words && mount_helper_args((int) str_count(words), words, &args, &em) == 0)
                str_free_list(args);
        str_free_list(words);
        buf_done(&fuse);
        mount_flags_done(&f);
        return 0;
}
