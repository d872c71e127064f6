#include "cli/stdin_text.h"

#include <errno.h>
#include <unistd.h>

#include "lib/base/fileio.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

#define TEXT_MAX (2u << 20)

int stdin_text_or(struct cli *c, const char *word, const char **ret) {
        char *text = NULL;
        size_t len;
        int r;

        if (!str_eq(word, "-")) {
                *ret = word;
                return 0;
        }
        r = fileio_read_fd(STDIN_FILENO, TEXT_MAX, &text, &len);
        if (r < 0)
                return errmsg_errno(&c->em, r, "standard input");
        while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r'))
                len--;
        *ret = arena_strndup(&c->arena, text, len);
        mem_free_secret(text, len);
        return *ret ? 0 : cli_oom(c);
}
