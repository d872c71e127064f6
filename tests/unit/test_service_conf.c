/* A service's file: what is taken, and what each mistake is called. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above first. */
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "daemons/serving/service_conf.h"
#include "daemons/serving/service_env.h"
#include "lib/base/fault.h"
#include "lib/base/macros.h"

#define ENDPOINT(path) "{\"endpoint\": \"" path "\", \"module\": \"m\", \"function\": \"f\"}"
#define SERVICE(rest) \
        "{\"name\": \"iris\", \"cwd\": \"/srv\", \"python\": \"/usr/bin/python3\"" rest "}"

struct fixture {
        struct arena arena;
        struct service_conf conf;
        struct errmsg em;
};

static int setup(void **state) {
        static struct fixture f;

        f = (struct fixture){};
        arena_init(&f.arena, 0);
        *state = &f;
        return 0;
}

static int teardown(void **state) {
        arena_done(&((struct fixture *) *state)->arena);
        return 0;
}

static int parse(struct fixture *f, const char *text) {
        f->em.text[0] = 0;
        return service_conf_parse(&f->arena, text, strlen(text), &f->conf, &f->em);
}

static void whole(void **state) {
        struct fixture *f = *state;

        assert_int_equal(parse(f, SERVICE(", \"port\": 8090, \"workers\": 3, \"endpoints\": "
                                          "[" ENDPOINT("/predict") "," ENDPOINT(
                                                  "/") "], \"env\": "
                                                       "{\"MODEL\": \"iris\", \"A_1\": \"\"}")),
                         0);
        assert_string_equal(f->conf.name, "iris");
        assert_int_equal(f->conf.port, 8090);
        assert_int_equal(f->conf.n_workers, 3);
        assert_int_equal(f->conf.n_endpoints, 2);
        assert_string_equal(f->conf.endpoints[0].module, "m");
        assert_string_equal(f->conf.env[0], "MODEL=iris");
        assert_string_equal(f->conf.env[1], "A_1=");
        assert_null(f->conf.env[2]);
        assert_ptr_equal(service_conf_find(&f->conf, "/predict"), &f->conf.endpoints[0]);
        assert_ptr_equal(service_conf_find(&f->conf, "/"), &f->conf.endpoints[1]);
        assert_null(service_conf_find(&f->conf, "/predict/"));
        assert_null(service_conf_find(&f->conf, "predict"));
}

static void least(void **state) {
        struct fixture *f = *state;

        assert_int_equal(parse(f, SERVICE(", \"endpoints\": []")), 0);
        assert_int_equal(f->conf.port, 0);
        assert_int_equal(f->conf.n_workers, 0);
        assert_null(f->conf.env[0]);
}

static void mistakes(void **state) {
        static const struct {
                const char *text, *said;
        } rows[] = {
                {"[]", "must be an object, not an array"},
                {"{", "line 1"},
                {"{\"cwd\": \"/srv\", \"python\": \"/p\", \"endpoints\": []}",
                 "\"name\" is missing"},
                {"{\"name\": \"../x\", \"cwd\": \"/\", \"python\": \"/p\", \"endpoints\": []}",
                 "\"name\" must be"},
                {"{\"name\": \"x\", \"cwd\": \"srv\", \"python\": \"/p\", \"endpoints\": []}",
                 "absolute"},
                {SERVICE(", \"endpoint\": []"), "unknown key \"endpoint\""},
                {SERVICE(""), "\"endpoints\" is missing"},
                {SERVICE(", \"port\": 65536, \"endpoints\": []"), "\"port\" must be from 0"},
                {SERVICE(", \"port\": -1, \"endpoints\": []"), "\"port\" must be from 0"},
                {SERVICE(", \"port\": \"80\", \"endpoints\": []"), "\"port\" must be an integer"},
                {SERVICE(", \"workers\": 65, \"endpoints\": []"), "\"workers\" must be from 1"},
                {SERVICE(", \"endpoints\": [" ENDPOINT("predict") "]"), "endpoints[0]"},
                {SERVICE(", \"endpoints\": [" ENDPOINT("/a/b") "]"), "one segment"},
                {SERVICE(", \"endpoints\": [" ENDPOINT("/onebox") "]"), "onebox's own"},
                {SERVICE(", \"endpoints\": [" ENDPOINT("/a") "," ENDPOINT("/a") "]"),
                 "stands twice"},
                {SERVICE(", \"endpoints\": [7]"), "endpoints[0]"},
                {SERVICE(", \"endpoints\": [], \"env\": {\"1A\": \"\"}"), "\"1A\" is no name"},
                {SERVICE(", \"endpoints\": [], \"env\": {\"A=B\": \"\"}"), "\"A=B\" is no name"},
                {SERVICE(", \"endpoints\": [], \"env\": {\"A\": 1}"),
                 "must be a string, not a number"},
        };
        struct fixture *f = *state;

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                assert_int_equal(parse(f, rows[i].text), -EINVAL);
                if (!strstr(f->em.text, rows[i].said))
                        fail_msg("%s\nsaid: %s\nwanted: %s", rows[i].text, f->em.text,
                                 rows[i].said);
        }
}

/* A failed parse leaves what was there. */
static void untouched(void **state) {
        struct fixture *f = *state;

        assert_int_equal(parse(f, SERVICE(", \"port\": 7, \"endpoints\": []")), 0);
        assert_int_equal(parse(f, SERVICE(", \"port\": 8, \"endpoints\": [7]")), -EINVAL);
        assert_int_equal(f->conf.port, 7);
}

/* Memory that runs out at every place in turn. */
static void out_of_memory(void **state) {
        static const char text[] = SERVICE(", \"endpoints\": [" ENDPOINT("/a") "], \"env\": "
                                                                               "{\"A\": \"b\"}");
        static const char *const none[] = {NULL};
        unsigned n = 0;
        int r = -ENOMEM;

        while (r == -ENOMEM) {
                struct service_conf conf = {};
                const char *const *env;
                struct errmsg em;
                struct arena a;

                arena_init(&a, 0);
                fault_arm(FAULT_ALLOC, ++n, 0, 1);
                r = service_conf_parse(&a, text, strlen(text), &conf, &em);
                if (r == 0)
                        r = service_env_make(&a, &conf, none, none, &env);
                fault_reset();
                arena_done(&a);
        }
        assert_int_equal(r, 0);
        assert_true(n > 2);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(whole, setup, teardown),
                cmocka_unit_test_setup_teardown(least, setup, teardown),
                cmocka_unit_test_setup_teardown(mistakes, setup, teardown),
                cmocka_unit_test_setup_teardown(untouched, setup, teardown),
                cmocka_unit_test(out_of_memory),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
