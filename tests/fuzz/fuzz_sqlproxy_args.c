/* fuzz_sqlproxy_args: a command line, one word a line; and each word as an instance and as a value.
 */
#include <stdlib.h>
#include <string.h>

#include "daemons/sqlproxy/conn_name.h"
#include "daemons/sqlproxy/flags.h"
#include "daemons/sqlproxy/flags_value.h"
#include "daemons/sqlproxy/instance_arg.h"
#include "daemons/sqlproxy/socks.h"
#include "lib/base/mem.h"

#define WORDS_MAX 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_word(const char *word) {
        char text[CONN_NAME_TEXT_MAX], region[CONN_NAME_PART_MAX];
        struct instance_arg a;
        struct conn_name n, again;
        struct socks_proxy p;
        struct errmsg em = {};
        usec_t span;

        if (instance_arg_parse(word, strlen(word) % 2 == 0, &a, &em) < 0 && !em.text[0])
                abort();
        /* What is printed is read again as the same. */
        if (conn_name_parse(word, &n, &em) == 0 &&
            (conn_name_parse(conn_name_print(&n, text), &again, &em) < 0 ||
             !conn_name_equal(&n, &again)))
                abort();
        (void) conn_name_is_domain(word);
        (void) conn_name_is_goog(word, region);
        (void) socks_parse_url(word, &p);
        (void) socks_is_direct(word, "10.0.0.1");
        if (flags_value_duration(word, &span, &em) == 0)
                (void) flags_value_print_duration(span, text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_free_ char *copy = mem_strndup((const char *) data, size);
        char *argv[WORDS_MAX] = {(char *) "x"}, *save = NULL;
        struct errmsg em = {};
        struct flags f;
        int argc = 1;

        for (char *w = strtok_r(copy, "\n", &save); w && argc < WORDS_MAX - 1;
             w = strtok_r(NULL, "\n", &save)) {
                argv[argc++] = w;
                try_word(w);
        }
        if (flags_parse(&f, argc, argv, &em) < 0 && !em.text[0])
                abort();
        flags_done(&f);
        return 0;
}
