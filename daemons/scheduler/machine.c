#include "daemons/scheduler/machine.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/str.h"

#define UNITS_MAX 64

unsigned machine_parallelism(void) {
        long n = sysconf(_SC_NPROCESSORS_ONLN);

        return (unsigned) MIN(8 + 4 * (MAX(n, 1) - 1), 64L);
}

static unsigned count_gpus(void) {
        unsigned n = 0;
        char path[32];

        for (; n < UNITS_MAX; n++) {
                snprintf(path, sizeof(path), "/dev/nvidia%u", n);
                if (access(path, F_OK) < 0)
                        break;
        }
        return n;
}

static int put_word(const char *word, struct world *w, struct errmsg *em) {
        const char *equal = strchr(word, '=');
        char name[256];
        int n = -1;

        if (equal && (size_t) (equal - word) < sizeof(name)) {
                memcpy(name, word, (size_t) (equal - word));
                name[equal - word] = 0;
        }
        if (!equal || (size_t) (equal - word) >= sizeof(name) || !str_is_name(name, sizeof(name)) ||
            str_to_int(equal + 1, &n) < 0 || n < 0 || n > UNITS_MAX)
                return errmsg_fail(em, -EINVAL,
                                   "[scheduler] resources: \"%s\" is not name=number with a number "
                                   "from 0 to %d",
                                   word, UNITS_MAX);
        return world_put_resource(w, name, (unsigned) n);
}

int machine_resources(char *const *words, struct world *w, struct errmsg *em) {
        unsigned n_gpus = count_gpus();
        int r = n_gpus > 0 ? world_put_resource(w, "gpu", n_gpus) : 0;

        for (; words && *words && r >= 0; words++)
                r = put_word(*words, w, em);
        return r;
}
