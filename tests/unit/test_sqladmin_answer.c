/* What the Admin API answers. */
#include "tests/unit/base_test.h"

#include "lib/gcp/sqladmin_answer.h"

static int settings(struct arena *a, const char *text, struct sqladmin_settings *ret,
                    struct errmsg *em) {
        char *copy = arena_strdup(a, text);

        return sqladmin_answer_settings(a, copy, strlen(copy), ret, em);
}

static void test_settings(void **state) {
        struct sqladmin_settings s;
        struct errmsg em = {};
        struct arena a;

        arena_init(&a, 0);
        assert_int_equal(
                settings(&a,
                         "{\"region\":\"r\",\"backendType\":\"SECOND_GEN\",\"databaseVersion\":"
                         "\"POSTGRES_15\",\"serverCaCert\":{\"cert\":\"PEM\"},\"ipAddresses\":[{"
                         "\"type\":\"PRIMARY\",\"ipAddress\":\"1.2.3.4\"},{\"type\":\"OUTGOING\","
                         "\"ipAddress\":\"9.9.9.9\"},{\"type\":\"PRIVATE\",\"ipAddress\":\"10.0.0.1"
                         "\"}],\"pscEnabled\":true,\"dnsNames\":[{\"name\":\"n.\",\"connectionType"
                         "\":\"PRIVATE_SERVICE_CONNECT\",\"dnsScope\":\"INSTANCE\"}],"
                         "\"mdxProtocolSupport\":[\"X\",\"CLIENT_PROTOCOL_TYPE\"],\"new\":{}}",
                         &s, &em),
                0);
        assert_string_equal(s.region, "r");
        assert_string_equal(s.engine, "POSTGRES_15");
        assert_string_equal(s.public_address, "1.2.3.4");
        assert_string_equal(s.private_address, "10.0.0.1");
        assert_string_equal(s.ca_pem, "PEM");
        assert_true(s.has_ca && s.psc_enabled && s.takes_client_protocol);
        assert_int_equal(s.n_dns_names, 1);
        assert_string_equal(s.dns_names[0].name, "n.");
        assert_int_equal(settings(&a, "{}", &s, &em), 0);
        assert_string_equal(s.public_address, "");
        assert_false(s.has_ca || s.takes_client_protocol);
        assert_true(settings(&a, "[]", &s, &em) < 0);
        assert_true(settings(&a, "{\"a\":", &s, &em) < 0);
        /* Other types than the expected ones are as if absent. */
        assert_int_equal(
                settings(&a, "{\"region\":1,\"ipAddresses\":{},\"dnsNames\":[1]}", &s, &em), 0);
        assert_string_equal(s.region, "");
        arena_done(&a);
}

static void test_cert(void **state) {
        const char *pem = NULL;
        struct errmsg em = {};
        struct arena a;
        char good[] = "{\"ephemeralCert\":{\"kind\":\"sql#sslCert\",\"cert\":\"PEM\"}}";
        char none[] = "{\"ephemeralCert\":{}}";

        arena_init(&a, 0);
        assert_int_equal(sqladmin_answer_cert(&a, good, strlen(good), &pem, &em), 0);
        assert_string_equal(pem, "PEM");
        assert_int_equal(sqladmin_answer_cert(&a, none, strlen(none), &pem, &em), -EINVAL);
        assert_says(em, "no certificate");
        arena_done(&a);
}

static void test_errors(void **state) {
        static const char forbidden[] = "{\"error\":{\"code\":403,\"message\":\"no\",\"errors\":[{"
                                        "\"message\":\"no\",\"reason\":\"notAuthorized\"}]}}";
        static const char plain[] = "{\"error\":{\"message\":\"slow down\"}}";
        struct errmsg em = {};
        char reason[64];

        sqladmin_answer_error(403, forbidden, strlen(forbidden), &em, reason, sizeof reason);
        assert_string_equal(em.text, "googleapi: Error 403: no, notAuthorized");
        assert_string_equal(reason, "notAuthorized");
        sqladmin_answer_error(429, plain, strlen(plain), &em, reason, sizeof reason);
        assert_string_equal(em.text, "googleapi: Error 429: slow down");
        assert_string_equal(reason, "");
        sqladmin_answer_error(502, "<html>", 6, &em, NULL, 0);
        assert_string_equal(em.text, "googleapi: got HTTP response code 502 with body: <html>");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_settings),
                cmocka_unit_test(test_cert),
                cmocka_unit_test(test_errors),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
