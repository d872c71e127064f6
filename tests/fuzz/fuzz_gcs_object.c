/* The service's JSON: an object, a listing, a rewrite; and what the mount makes of it. */
#include <stddef.h>
#include <stdint.h>

#include "fuse-gcs/attrs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        const char *token, *text = (const char *) data;
        struct gcs_object_list l;
        struct gcs_object o;
        struct errmsg em;
        struct arena a;

        arena_init(&a, 64 << 20);
        if (gcs_object_parse(&a, text, size, &o, &em) >= 0) {
                struct attrs *attrs = attrs_new(&o);
                struct buf out = {};

                if (attrs)
                        (void) attrs_print_metadata(&out, attrs, attrs->mtime);
                buf_done(&out);
                attrs_unref(attrs);
        }
        (void) gcs_object_parse_list(&a, text, size, &l, &em);
        (void) gcs_object_parse_rewrite(&a, text, size, &o, &token, &em);
        arena_done(&a);
        return 0;
}
