#include "daemons/tracking/webhook_url.h"
#include "tests/unit/tracking_test.h"

static int check(struct tracking_test *t, const char *url) {
        return webhook_url_check(&t->refusal, url);
}

static void test_form(void **state) {
        struct tracking_test *t = *state;

        unsetenv("MLFLOW_WEBHOOK_ALLOWED_SCHEMES");
        unsetenv("MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS");
        assert_int_equal(check(t, "https://192.0.32.8/hook"), 0);
        assert_int_equal(check(t, "https://user:secret@192.0.32.8:8443?x"), 0);
        assert_int_equal(check(t, "https://[2600::1]:443/"), 0);
        assert_refused(t, check(t, " "), "empty or just whitespace");
        assert_refused(t, check(t, "http://192.0.32.8/"),
                       "scheme: 'http'. Allowed schemes are: https.");
        assert_refused(t, check(t, "192.0.32.8"), "scheme: ''");
        assert_refused(t, check(t, "https://"), "must include a hostname");
        assert_refused(t, check(t, "https:///x"), "must include a hostname");
        assert_refused(t, check(t, "https://:80/x"), "must include a hostname");
        setenv("MLFLOW_WEBHOOK_ALLOWED_SCHEMES", "http,https", 1);
        assert_int_equal(check(t, "http://192.0.32.8/"), 0);
}

static void test_private(void **state) {
        static const char *const urls[] = {
                "https://127.0.0.1/",
                "https://localhost:8080/",
                "https://169.254.169.254/computeMetadata/v1/",
                "https://x@10.0.0.1/",
                "https://[::1]/",
                "https://[::ffff:127.0.0.1]/",
                "https://127.1/",
                "https://0x7f000001/",
                "https://8.8.8.8@192.168.0.1/",
        };
        struct tracking_test *t = *state;

        unsetenv("MLFLOW_WEBHOOK_ALLOWED_SCHEMES");
        unsetenv("MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS");
        for (size_t i = 0; i < ARRAY_SIZE(urls); i++)
                assert_refused(t, check(t, urls[i]), "must not resolve to a non-public IP address");
        setenv("MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS", "true", 1);
        assert_true(webhook_url_private_allowed());
        assert_int_equal(check(t, urls[0]), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_form, tracking_test_setup,
                                                tracking_test_teardown),
                cmocka_unit_test_setup_teardown(test_private, tracking_test_setup,
                                                tracking_test_teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
