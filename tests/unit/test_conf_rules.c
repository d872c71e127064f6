#include "tests/unit/base_test.h"

#include "cli/conf_rules.h"
#include "lib/base/conf.h"

/* The complaints about a file, one a line. */
static void expect(const char *file, const char *wanted) {
        const struct conf_table *t = &all_conf_table;
        const char *texts[CONF_RULES_MAX];
        struct all_conf conf = {};
        struct arena a;
        char got[2048] = "";
        int n;

        arena_init(&a, 0);
        if (conf_defaults(t, &conf, NULL) < 0 ||
            conf_parse(t, file, strlen(file), "t", &conf, NULL) < 0)
                fail_msg("%s is no configuration", file);
        n = conf_rules_check(&conf, &a, texts);
        assert_true(n >= 0);
        for (int i = 0; i < n; i++) {
                strcat(got, texts[i]);
                strcat(got, "\n");
        }
        if (*wanted ? !strstr(got, wanted) || n != 1 : n != 0)
                fail_msg("%s: \"%s\" is wanted, it is:\n%s", file, wanted, got);
        conf_done(t, &conf);
        arena_done(&a);
}

static void what_is_right_passes(void **state) {
        (void) state;
        expect("", "");
        expect("[night]\nstop = 0 21 * * *\ntimezone = Europe/Berlin\n", "");
        expect("[gitsync]\nenabled = yes\nrepo = git@host:x.git\n", "");
        expect("[logging]\nremote_base_log_folder = nonsense\n", ""); /* switched off */
        expect("[logging]\nremote_logging = yes\nremote_base_log_folder = /srv/logs\n", "");
        expect("[logging]\nremote_logging = yes\nremote_base_log_folder = gs://b/logs\n", "");
        expect("[tracking]\nbackend_store_uri = sqlite:////x.db\nartifacts_destination = art\n",
               "");
        expect("[tracking]\nbackend_store_uri = mysql+pymysql://u@h:3306/d\n", "");
        expect("[tracking]\nartifacts_destination = s3://b/p\nallow_cidrs = 10.0.0.0/8 ::1\n", "");
        expect("[scheduler]\ndatabase = postgresql://u@h/d\n", "");
}

static void what_cannot_work_is_named(void **state) {
        (void) state;
        expect("[night]\nstop = 25:00\n", "[night] stop: ");
        expect("[night]\ntimezone = Europe/Berln\n", "did you mean \"Europe/Berlin\"");
        expect("[gitsync]\nenabled = yes\n", "[gitsync] repo: enabled = yes needs");
        expect("[logging]\nremote_logging = yes\n", "folder: remote_logging = yes needs");
        expect("[logging]\nremote_logging = yes\nremote_base_log_folder = b/x\n",
               "folder: b/x is none, and");
        expect("[tracking]\nbackend_store_uri = oracle://u:secret@x/y\n",
               "[tracking] backend_store_uri: oracle://u:***@x/y is no database");
        expect("[tracking]\nbackend_store_uri = mlflow.db\n", "mlflow.db is no database");
        expect("[tracking]\nartifacts_destination = ftp://x/y\n", "cannot be kept at ftp://x/y");
        expect("[tracking]\nallow_cidrs = 10.0.0.0/99\n",
               "[tracking] allow_cidrs: \"10.0.0.0/99\"");
        expect("[web]\nallow_cidrs = all\n", "[web] allow_cidrs: ");
        expect("[scheduler]\ndatabase = mysql://u@h/d\n", "use postgresql://USER@HOST/DATABASE");
        expect("[web]\nlisten = 0.0.0.0:8080\n", "[web] listen: 0.0.0.0:8080 is reachable from");
        expect("[web]\nlisten = 127.0.0.1:80 8080\n", "\"8080\" is not an address");
        expect("[tracking]\nlisten = unix:run\n", "[tracking] listen: unix:run is not a socket");
        expect("[bucketd]\nlisten = [::]:1\n", "[bucketd] listen: [::]:1 is reachable from");
}

static void all_are_told_at_once(void **state) {
        static const char file[] =
                "[night]\nstop = x\n[web]\nallow_cidrs = x\n[gitsync]\nenabled=yes\n";
        const char *texts[CONF_RULES_MAX];
        struct all_conf conf = {};
        struct arena a;

        (void) state;
        arena_init(&a, 0);
        assert_int_equal(conf_defaults(&all_conf_table, &conf, NULL), 0);
        assert_int_equal(conf_parse(&all_conf_table, file, strlen(file), "t", &conf, NULL), 0);
        assert_int_equal(conf_rules_check(&conf, &a, texts), 3);
        conf_done(&all_conf_table, &conf);
        arena_done(&a);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_is_right_passes),
                cmocka_unit_test(what_cannot_work_is_named),
                cmocka_unit_test(all_are_told_at_once),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
