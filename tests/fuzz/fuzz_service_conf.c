/* fuzz_service_conf: whatever is taken as a service can be made into an environment. */
#include <stdlib.h>
#include <string.h>

#include "daemons/serving/service_env.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static const char *const base[] = {"PATH=/bin", NULL};
        struct service_conf c = {};
        static const char *const extra[] = {"URI=x", NULL};
        const char *const *env;
        struct errmsg em = {};
        struct arena a;
        int r;

        arena_init(&a, 0);
        r = service_conf_parse(&a, (const char *) data, size, &c, &em);
        if (r < 0 && !em.text[0])
                abort();
        if (r == 0) {
                if (!c.name || c.cwd[0] != '/' || c.python[0] != '/')
                        abort();
                for (size_t i = 0; i < c.n_endpoints; i++)
                        if (service_conf_find(&c, c.endpoints[i].path) != &c.endpoints[i])
                                abort();
                if (service_env_make(&a, &c, base, extra, &env) < 0)
                        abort();
                for (; *env; env++)
                        if (!strchr(*env, '='))
                                abort();
        }
        arena_done(&a);
        return 0;
}
