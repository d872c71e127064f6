/* fuzz_token_credentials: credential files and programs' answers of any kind. */
#include <stdlib.h>

#include "lib/gcp/token_credentials.h"
#include "lib/gcp/token_subject.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        const char *text = (const char *) data ?: "";
        struct token_credentials_file *f = NULL;
        _cleanup_buf_ struct buf subject = {};
        struct errmsg em = {};

        if (token_credentials_parse("f", text, size, &em, &f) < 0 && (f || !*em.text))
                abort();
        if (f && f->c.type != TOKEN_CREDENTIALS_IMPERSONATE && !f->c.token_url)
                abort();
        token_credentials_free(f);
        em.text[0] = '\0';
        if (token_subject_parse_command(text, size, 0, &subject, &em) < 0 && !*em.text)
                abort();
        return 0;
}
