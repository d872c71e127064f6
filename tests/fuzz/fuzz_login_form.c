/* fuzz_login_form: no body leads anywhere but to a page of ours, and nothing leaves its quotes. */
#include <stdlib.h>
#include <string.h>

#include "daemons/web/login_form.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_page(const char *error, const char *next) {
        static const char html[] = "<p><!--error--></p><i a=\"<!--next-->\">";
        _cleanup_buf_ struct buf out = {};
        size_t n = 0;

        if (login_form_page(&out, html, strlen(html), error, next) < 0)
                abort();
        /* The template's own brackets and quotes, and none more. */
        for (const char *s = out.data; *s; s++)
                n += *s == '<' || *s == '"';
        if (n != 5)
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct login_form f = {};
        struct arena a;
        char *text;

        arena_init(&a, 0);
        text = arena_memdup(&a, data, size);
        if (!text)
                abort();
        if (login_form_parse(&a, text, size, &f) == 0) {
                if (!login_form_is_page(f.next) || strchr(f.next, '\r') || strchr(f.next, '\n'))
                        abort();
                check_page(f.user, f.next);
        }
        arena_done(&a);
        return 0;
}
