/* fuzz_task_spec: a spec.json of any form is a command with a program, or refused with words. */
#include <stdlib.h>

#include "daemons/task/task_spec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        char *const base[] = {(char *) "PATH=/usr/bin:/bin", (char *) "A=b", NULL};
        struct errmsg em = {};
        struct task_spec s;
        struct arena a;
        const char *path;
        char *text;
        int r;

        arena_init(&a, 0);
        text = arena_memdup(&a, data, size);
        r = text ? task_spec_parse(&a, text, size, base, &s, &em) : 0;
        if (r < 0 && !em.text[0])
                abort();
        if (text && r == 0) {
                if (!s.argv[0] || !s.envp || (s.cwd && s.cwd[0] != '/'))
                        abort();
                if (task_spec_program(&a, &s, &path, &em) == 0 && !path[0])
                        abort();
        }
        arena_done(&a);
        return 0;
}
