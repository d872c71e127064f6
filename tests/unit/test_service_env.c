/* The workers' environment: the service's variables win, the manager's protocol stays out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above first. */
#include <cmocka.h>
#include <string.h>

#include "daemons/serving/service_env.h"
#include "lib/base/macros.h"

static const char *find(const char *const *env, const char *name) {
        size_t n = strlen(name);

        for (; *env; env++)
                if (strncmp(*env, name, n) == 0 && (*env)[n] == '=')
                        return *env + n + 1;
        return NULL;
}

static void overlay(void **state) {
        static const char *const base[] = {
                "PATH=/bin",        "MODEL=old",       "MODELS=kept",   "LISTEN_FDS=2",
                "NOTIFY_SOCKET=/x", "WATCHDOG_USEC=1", "NO_EQUAL_SIGN", NULL};
        static const char *const extra[] = {"MODEL=extra", "PATH=extra", "URI=extra", NULL};
        const char *own[] = {"MODEL=new", "LISTEN_FDS=9", NULL};
        struct service_conf_endpoint endpoints[] = {{"/a\"b", "mod", "fun"}};
        struct service_conf c = {.env = own, .endpoints = endpoints, .n_endpoints = 1};
        const char *const *env;
        struct arena a;

        arena_init(&a, 0);
        assert_int_equal(service_env_make(&a, &c, base, extra, &env), 0);
        assert_string_equal(find(env, "PATH"), "/bin");
        assert_string_equal(find(env, "MODEL"), "new");
        assert_string_equal(env[0], "MODEL=new");
        assert_string_equal(find(env, "MODELS"), "kept");
        assert_string_equal(find(env, "URI"), "extra");
        assert_null(find(env, "LISTEN_FDS"));
        assert_null(find(env, "NOTIFY_SOCKET"));
        assert_null(find(env, "WATCHDOG_USEC"));
        assert_string_equal(find(env, "ONEBOX_ENDPOINTS"),
                            "[{\"endpoint\":\"/a\\\"b\",\"module\":\"mod\",\"function\":\"fun\"}]");
        arena_done(&a);
}

int main(void) {
        const struct CMUnitTest tests[] = {cmocka_unit_test(overlay)};

        return cmocka_run_group_tests(tests, NULL, NULL);
}
