/* fuzz_otlp: whatever an exporter sends, in protobuf or (when it begins with a brace) in JSON, is
 * refused or becomes spans whose kept form is JSON and can be written as OTLP again. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemons/tracking/otlp_proto.h"
#include "daemons/tracking/span_in.h"
#include "daemons/tracking/span_json.h"
#include "lib/base/arena.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_json(struct arena *a, const char *text, size_t n) {
        struct json *root;

        if (json_parse_copy(a, text, n, &root, NULL) == -EINVAL)
                abort();
}

static void check_span(struct arena *a, const struct json *j, const struct json *resource) {
        struct json_write w;
        struct span_in s;
        struct buf out = {};

        if (span_in_read(a, j, resource, &s) == 0) {
                check_json(a, s.span.content, strlen(s.span.content));
                json_write_init(&w, &out, JSON_WRITE_ASCII);
                if (span_json_write_otlp(&w, a, s.span.content) == -EINVAL)
                        abort();
                if (json_write_finish(&w) == 0)
                        check_json(a, out.data, out.len);
        }
        buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        const struct json *rs, *ss, *s;
        struct json *root = NULL;
        struct arena a;
        int r;

        if (size > 65536)
                return 0;
        arena_init(&a, (size_t) 64 << 20);
        r = size > 0 && *data == '{' ? json_parse_copy(&a, (const char *) data, size, &root, NULL)
                                     : otlp_proto_parse(&a, data, size, &root);
        if (r == 0) {
                json_each (rs, json_get(root, "resourceSpans")) {
                        json_each (ss, json_get(rs, "scopeSpans")) {
                                json_each (s, json_get(ss, "spans")) {
                                        check_span(
                                                &a, s,
                                                json_get(json_get(rs, "resource"), "attributes"));
                                }
                        }
                }
        }
        arena_done(&a);
        return 0;
}
