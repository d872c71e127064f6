#include "tests/unit/pipelines_fixture.h"

#define IMAGE                                                                                     \
        "name: x\nvariables: {model: iris}\nimages:\n"                                            \
        "  - {image: i, type: python_server, source: srv, endpoints: [{endpoint: /p, module: m, " \
        "function: f}]}\nservices:\n"

static void test_service(void **state) {
        struct pipelines_fixture f;
        struct json *s;

        pipelines_fixture_one(&f, IMAGE "  - {service: a, image: i, port: 8090, workers: 2, "
                                        "env: {M: \"{{model}}\", K: \"{{ds}}\"}}\n");
        pipelines_fixture_good(&f);
        assert_int_equal(f.result.n_services, 1);
        assert_string_equal(f.result.services[0].name, "a");
        assert_non_null(strstr(f.result.services[0].environment, "\"image\":\"i\""));
        assert_null(strstr(f.result.services[0].json, "environment"));
        assert_int_equal(json_parse_copy(&f.arena, f.result.services[0].json,
                                         strlen(f.result.services[0].json), &s, NULL),
                         0);
        assert_string_equal(pipelines_fixture_text(s, "python"), "/venv/bin/python");
        assert_string_equal(pipelines_fixture_text(s, "cwd"), "/p/0/srv");
        assert_string_equal(pipelines_fixture_text(json_get(s, "env"), "M"), "iris");
        assert_string_equal(pipelines_fixture_text(json_get(s, "env"), "K"), "{{ds}}");
        assert_string_equal(
                pipelines_fixture_text(json_at(json_get(s, "endpoints"), 0), "endpoint"), "/p");
        pipelines_fixture_done(&f);
}

static void test_own_endpoints_win(void **state) {
        struct pipelines_fixture f;

        pipelines_fixture_one(&f, IMAGE "  - {service: a, image: i, endpoints: [{endpoint: /own, "
                                        "module: m, function: f}]}\n");
        pipelines_fixture_good(&f);
        assert_non_null(strstr(f.result.services[0].json, "/own"));
        assert_null(strstr(f.result.services[0].json, "\"/p\""));
        pipelines_fixture_done(&f);
}

static void test_errors(void **state) {
        pipelines_fixture_error(IMAGE "  - {image: i}\n", "the service has no \"service\"");
        pipelines_fixture_error(IMAGE "  - {service: a, image: j}\n", "there is no image \"j\"");
        pipelines_fixture_error(IMAGE "  - {service: a}\n", ":6:5: the service has no endpoints");
        pipelines_fixture_error(IMAGE "  - {service: a/b, image: i}\n", "is no service name");
        pipelines_fixture_error(IMAGE "  - {service: a, image: i, port: 0}\n", "between 1 and");
        pipelines_fixture_error(IMAGE "  - {service: a, image: i, port: http}\n", "\"http\"");
        pipelines_fixture_error(IMAGE "  - {service: a, image: i, endpoints: []}\n", "empty");
        pipelines_fixture_error(IMAGE "  - {service: a, endpoints: [{endpoint: /x}]}\n",
                                "an endpoint needs \"module\"");
        pipelines_fixture_error(IMAGE "  - {service: a, image: i}\n  - {service: a, image: i}\n",
                                ":7:6: service \"a\" stands in /p/0/liminal.yml:6 too");
        pipelines_fixture_error(IMAGE "  - {service: a, image: i, env: [x]}\n", "must be a map");
        pipelines_fixture_error(IMAGE "  - {service: a, image: i, prot: 1}\n",
                                "did you mean \"port\"?");
}

/* Two files that inherit one service from their super mean the same one. */
static void test_inherited_once(void **state) {
        static const char super[] = "name: u\ntype: super\n"
                                    "services: [{service: s, endpoints: [{endpoint: /, module: m, "
                                    "function: f}]}]\n";
        struct pipelines_fixture f;

        pipelines_fixture_compile(
                &f, false,
                (const char *const[4]){super, "name: a\nsuper: u\n", "name: b\nsuper: u\n"});
        pipelines_fixture_good(&f);
        assert_int_equal(f.result.n_services, 1);
        pipelines_fixture_done(&f);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_service),
                cmocka_unit_test(test_own_endpoints_win),
                cmocka_unit_test(test_errors),
                cmocka_unit_test(test_inherited_once),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
