/* fuzz_batch_parse: whatever a batch's body says, its parts lie inside it, one behind the other,
 * and each has what a request must have. The first line is the Content-Type. */
#include <stdlib.h>
#include <string.h>

#include "daemons/bucketd/batch_parse.h"
#include "lib/base/macros.h"
#include "lib/base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_free_ char *copy = mem_strndup((const char *) data, size);
        char *body = copy ? strchr(copy, '\n') : NULL;
        const char *last = body;
        struct batch_part *parts;
        struct arena a;
        size_t n, len;

        if (!body)
                return 0;
        *body++ = 0;
        len = strlen(body);
        arena_init(&a, 0);
        if (batch_parse(&a, copy, body, len, &parts, &n) == 0)
                for (size_t i = 0; i < n; i++) {
                        const struct batch_part *p = &parts[i];

                        if (!p->method || !p->target || *p->target != '/' || p->body < last ||
                            p->body + p->body_size > body + len)
                                abort();
                        for (size_t k = 0; p->headers[k]; k++)
                                if (!strchr(p->headers[k], ':') ||
                                    p->headers[k][strcspn(p->headers[k], "\r\n")])
                                        abort();
                        last = p->body + p->body_size;
                }
        arena_done(&a);
        return 0;
}
