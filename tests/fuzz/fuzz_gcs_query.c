/* fuzz_gcs_query: the small grammars of the storage API: Content-Range, fields, page tokens,
 * versions in them, object names and metadata. What is taken says what it was given. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemons/bucketd/content_range.h"
#include "daemons/bucketd/field_mask.h"
#include "daemons/bucketd/object.h"
#include "daemons/bucketd/page_name.h"
#include "lib/base/json_write.h"
#include "lib/base/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_range(const char *text) {
        struct content_range c, back;
        char bytes[64] = "*", total[32] = "*", again[128];

        if (content_range_parse(text, &c) < 0)
                return;
        if (c.has_bytes)
                (void) snprintf(bytes, sizeof(bytes), "%" PRIu64 "-%" PRIu64, c.first, c.last);
        if (c.has_total)
                (void) snprintf(total, sizeof(total), "%" PRIu64, c.total);
        (void) snprintf(again, sizeof(again), "bytes %s/%s", bytes, total);
        if (content_range_parse(again, &back) < 0 || back.has_bytes != c.has_bytes ||
            back.has_total != c.has_total || back.first != c.first || back.last != c.last ||
            back.total != c.total || (c.has_bytes && c.last < c.first))
                abort();
}

static void check_fields(struct arena *a, const char *text) {
        static const char tree[] = "{\"a\":{\"b\":[1,{\"c\":null}]},\"items\":[]}";
        _cleanup_buf_ struct buf out = {};
        const struct field_mask *m;
        struct json_write w;
        struct json *j;

        if (field_mask_parse(a, text, &m) < 0)
                return;
        if (json_parse_copy(a, tree, strlen(tree), &j, NULL) < 0)
                abort();
        json_write_init(&w, &out, 0);
        field_mask_write(&w, j, m);
        if (json_write_finish(&w) < 0 || out.len > strlen(tree))
                abort();
}

static void check_names(struct arena *a, const char *text) {
        struct refused no;
        const char *name;

        if (page_name_parse(a, text, &name) == 0 && !str_eq(page_name_print(a, name), text) &&
            !strchr(text, '='))
                abort();
        if (object_check_name(text, &no) == 0 &&
            (page_name_parse(a, page_name_print(a, text), &name) < 0 || !str_eq(name, text)))
                abort();
}

/* A page of versions: what is taken apart and put together again is the same place. */
static void check_version(struct arena *a, const char *text) {
        const char *name, *again;
        int64_t generation, back;

        if (page_name_split(a, text, &name, &generation) < 0)
                return;
        if (strchr(name, '\n') || generation < 0 || (generation > 0) != !!strchr(text, '\n'))
                abort();
        if (generation > 0 &&
            (page_name_split(a, page_name_join(a, name, generation), &again, &back) < 0 ||
             !str_eq(again, name) || back != generation))
                abort();
}

/* A patch applied twice is the same as once. */
static void check_patch(struct arena *a, const char *text) {
        struct object o = {};
        struct refused no;
        struct json *j;
        const char *once;

        if (json_parse_copy(a, text, strlen(text), &j, NULL) < 0 || j->type != JSON_OBJECT ||
            object_patch(a, &o, j, false, &no) != 0)
                return;
        once = o.attributes;
        if (object_patch(a, &o, j, false, &no) != 0 || !str_eq(once, o.attributes))
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct arena a;
        char *text;

        arena_init(&a, 0);
        text = arena_memdup(&a, data, size);
        if (!text)
                abort();
        check_range(text);
        check_fields(&a, text);
        check_names(&a, text);
        check_version(&a, text);
        check_patch(&a, text);
        arena_done(&a);
        return 0;
}
