/* fuzz_token_answer: whatever is taken as a token can stand in a header. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/gcp/token_answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        const char *body = (const char *) data ?: "";
        char *text = NULL, reason[64];
        struct errmsg em = {};
        usec_t at;

        if (token_answer_parse(body, size, 1, &text, &at, &em) < 0) {
                if (text || !*em.text)
                        abort();
        } else if (!*text || text[strcspn(text, " \r\n\t")]) {
                abort();
        }
        mem_free(text);
        token_answer_reason(body, size, reason, sizeof reason);
        if (strlen(reason) >= sizeof reason)
                abort();
        return 0;
}
