/* An instance's answer, judged. */
#include "tests/unit/base_test.h"

#include "daemons/sqlproxy/settings.h"
#include "lib/base/str.h"
#include "tests/unit/tls_test_cert.h"

static const struct conn_name cn = {"p", "r", "i", ""};
static char *ca;

static struct sqladmin_settings base(void) {
        return (struct sqladmin_settings){
                .region = "r",
                .backend_type = "SECOND_GEN",
                .engine = "POSTGRES_15",
                .ca_pem = ca,
                .ca_mode = "",
                .dns_name = "",
                .connection_name = "",
                .public_address = "1.2.3.4",
                .private_address = "",
                .has_ca = true,
        };
}

static void refuse(const struct sqladmin_settings *s, bool iam, const char *says) {
        struct identity *id = identity_new();
        struct errmsg em = {};

        assert_int_equal(settings_apply(s, &cn, iam, id, &em), -EINVAL);
        assert_says(em, says);
        identity_unref(id);
}

static void test_refusals(void **state) {
        struct sqladmin_settings s = base();

        s.region = "x";
        refuse(&s, false, "region was mismatched - got r, want x (connection name = \"p:r:i\")");
        s = base();
        s.backend_type = "FIRST_GEN";
        refuse(&s, false, "only Second Generation");
        s = base();
        s.public_address = "";
        refuse(&s, false, "no supported IP");
        s = base();
        s.has_ca = false;
        refuse(&s, false, "does not have a server CA");
        s = base();
        s.ca_pem = "none";
        refuse(&s, false, "PEM");
        s = base();
        s.engine = "SQLSERVER_2019";
        refuse(&s, true, "SQLSERVER_2019 does not support Auto IAM");
}

static void test_names_to_verify(void **state) {
        static const struct sqladmin_dns_name names[] = {
                {"z.example.", "PRIVATE_SERVICE_CONNECT", "INSTANCE"},
                {"a.r.sql-psc.goog.", "PRIVATE_SERVICE_CONNECT", "INSTANCE"},
                {"c.example.", "PRIVATE_SERVICE_CONNECT", "CLUSTER"},
        };
        struct conn_name domain = {"p", "r", "i", "db.example.com"};
        struct sqladmin_settings s = base();
        struct errmsg em = {};
        struct identity *id = identity_new();

        assert_int_equal(settings_apply(&s, &cn, false, id, &em), 0);
        assert_string_equal(id->verify_name, "");
        identity_unref(id);

        s.dns_names = names;
        s.n_dns_names = 3;
        id = identity_new();
        assert_int_equal(settings_apply(&s, &cn, false, id, &em), 0);
        assert_string_equal(id->verify_name, "z.example.");
        assert_null(id->psc_hosts);
        identity_unref(id);

        s.psc_enabled = true;
        id = identity_new();
        assert_int_equal(settings_apply(&s, &cn, false, id, &em), 0);
        assert_string_equal(id->verify_name, "a.r.sql-psc.goog");
        assert_int_equal(str_count(id->psc_hosts), 2);
        assert_string_equal(id->psc_hosts[1], "z.example");
        identity_unref(id);

        id = identity_new();
        assert_int_equal(settings_apply(&s, &domain, false, id, &em), 0);
        assert_string_equal(id->verify_name, "db.example.com");
        identity_unref(id);
}

static void test_hosts(void **state) {
        struct sqladmin_settings s = base();
        struct identity *id = identity_new();
        struct errmsg em = {};

        s.private_address = "10.0.0.1";
        assert_int_equal(settings_apply(&s, &cn, false, id, &em), 0);
        assert_string_equal(identity_hosts(id, IDENTITY_PUBLIC, "p:r:i", &em)[0], "1.2.3.4");
        assert_string_equal(identity_hosts(id, IDENTITY_PRIVATE, "p:r:i", &em)[0], "10.0.0.1");
        assert_string_equal(identity_hosts(id, IDENTITY_AUTO, "p:r:i", &em)[0], "1.2.3.4");
        assert_null(identity_hosts(id, IDENTITY_PSC, "p:r:i", &em));
        assert_says(em, "instance does not have IP of type \"PSC\"");
        identity_unref(id);
        s.public_address = "";
        id = identity_new();
        assert_int_equal(settings_apply(&s, &cn, false, id, &em), 0);
        assert_string_equal(identity_hosts(id, IDENTITY_AUTO, "p:r:i", &em)[0], "10.0.0.1");
        identity_unref(id);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_refusals),
                cmocka_unit_test(test_names_to_verify),
                cmocka_unit_test(test_hosts),
        };
        struct tls_test_cert authority;
        int r;

        tls_test_cert_make(&authority, NULL, "ca", NULL, 1, true);
        ca = tls_test_cert_pem(&authority);
        r = cmocka_run_group_tests(tests, NULL, NULL);
        free(ca);
        tls_test_cert_done(&authority);
        return r;
}
