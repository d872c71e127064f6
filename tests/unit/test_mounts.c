/* Where listeners open: ports that count up, sockets in their engine's place, stale ones replaced.
 */
#include "tests/unit/base_test.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "daemons/sqlproxy/mounts.h"

static struct flags flags_with(const char *more, const char *value) {
        char *argv[] = {(char *) "x", (char *) more, (char *) value, NULL};
        struct errmsg em = {};
        struct flags f;

        if (flags_parse(&f, more ? (value ? 3 : 2) : 1, argv, &em) < 0)
                fail_msg("%s", em.text);
        return f;
}

static struct instance_arg arg(const char *text) {
        struct instance_arg a;
        struct errmsg em = {};

        if (instance_arg_parse(text, false, &a, &em) < 0)
                fail_msg("%s", em.text);
        return a;
}

static void test_ports(void **state) {
        struct mounts_ports p;

        mounts_ports_init(&p, 0);
        assert_int_equal(mounts_ports_take(&p, "POSTGRES_15"), 5432);
        assert_int_equal(mounts_ports_take(&p, "MYSQL_8_0"), 3306);
        assert_int_equal(mounts_ports_take(&p, "POSTGRES_9"), 5433);
        assert_int_equal(mounts_ports_take(&p, "SQLSERVER_2019_WEB"), 1433);
        assert_int_equal(mounts_ports_take(&p, "NEW"), 0);
        mounts_ports_init(&p, 7000);
        assert_int_equal(mounts_ports_take(&p, "MYSQL"), 7000);
        assert_int_equal(mounts_ports_take(&p, "POSTGRES"), 7001);
}

static void test_what_is_needed(void **state) {
        struct flags none = flags_with(NULL, NULL), port = flags_with("--port", "5"),
                     dir = flags_with("-u", "/tmp"), priv = flags_with("--private-ip", NULL);
        struct instance_arg plain = arg("p:r:i"), own = arg("p:r:i?port=9"),
                            path = arg("p:r:i?unix-socket-path=/x"), psc = arg("p:r:i?psc"),
                            pub = arg("p:r:i?private-ip=f");

        assert_true(mounts_needs_engine(&none, &plain));
        assert_false(mounts_needs_engine(&port, &plain));
        assert_false(mounts_needs_engine(&none, &own));
        assert_true(mounts_needs_engine(&port, &path));
        assert_true(mounts_is_unix(&dir, &plain));
        assert_false(mounts_is_unix(&dir, &own));
        assert_int_equal(mounts_path(&none, &plain), IDENTITY_PUBLIC);
        assert_int_equal(mounts_path(&priv, &plain), IDENTITY_PRIVATE);
        assert_int_equal(mounts_path(&priv, &pub), IDENTITY_PUBLIC);
        assert_int_equal(mounts_path(&priv, &psc), IDENTITY_PRIVATE);
        assert_int_equal(mounts_path(&none, &psc), IDENTITY_PSC);
        flags_done(&none);
        flags_done(&port);
        flags_done(&dir);
        flags_done(&priv);
}

static void test_tcp(void **state) {
        struct flags f = flags_with("--address", "127.0.0.1");
        struct instance_arg a = arg("p:r:i"), same;
        struct mounts_ports p;
        struct errmsg em = {};
        struct mount *m, *n;
        char text[64];

        mounts_ports_init(&p, 0);
        assert_int_equal(mounts_open(&f, &a, "NEW", &p, &m, &em), 0);
        assert_true(strncmp(m->address, "127.0.0.1:", 10) == 0 &&
                    strcmp(m->address, "127.0.0.1:0") != 0);
        snprintf(text, sizeof text, "p:r:i?port=%s", strrchr(m->address, ':') + 1);
        same = arg(text);
        assert_int_equal(mounts_open(&f, &same, "", &p, &n, &em), -EADDRINUSE);
        assert_says(em, m->address);
        mounts_close(m);
        flags_done(&f);
}

static void test_unix(void **state) {
        struct flags f = flags_with("-u", *state);
        struct instance_arg a = arg("p:r:i");
        struct mounts_ports p = {};
        struct errmsg em = {};
        struct mount *pg, *my;
        char path[200], other[300];
        struct stat st;

        snprintf(path, sizeof path, "%s/p:r:i/.s.PGSQL.5432", (char *) *state);
        assert_int_equal(mounts_open(&f, &a, "POSTGRES_15", &p, &pg, &em), 0);
        assert_string_equal(pg->address, path);
        assert_int_equal(stat(path, &st), 0);
        assert_true(S_ISSOCK(st.st_mode));
        assert_int_equal(st.st_mode & 0777, 0777);
        mounts_close(pg);
        assert_int_equal(stat(path, &st), -1);

        snprintf(other, sizeof other, "p:r:i?unix-socket-path=%s/my.sock", (char *) *state);
        a = arg(other);
        assert_int_equal(mounts_open(&f, &a, "MYSQL_8_0", &p, &my, &em), 0);
        snprintf(path, sizeof path, "%s/my.sock", (char *) *state);
        assert_string_equal(my->address, path);
        mounts_close(my);
        a = arg("p:r:i?unix-socket-path=/nowhere/at/all/s");
        assert_int_equal(mounts_open(&f, &a, "MYSQL", &p, &my, &em), -ENOENT);
        assert_says(em, "/nowhere/at/all");
        flags_done(&f);
}

/* Of the dead: replaced. Of the living, and what is no socket: left alone. */
static void test_what_is_in_the_way(void **state) {
        struct flags f = flags_with("-u", *state);
        struct instance_arg a = arg("p:r:i");
        struct sockaddr_un sa = {.sun_family = AF_UNIX};
        struct mounts_ports p = {};
        struct errmsg em = {};
        struct mount *m;
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);

        snprintf(sa.sun_path, sizeof sa.sun_path, "%s/p:r:i", (char *) *state);
        assert_int_equal(bind(fd, (struct sockaddr *) &sa, sizeof sa), 0);
        assert_int_equal(listen(fd, 1), 0);
        assert_int_equal(mounts_open(&f, &a, "MYSQL", &p, &m, &em), -EADDRINUSE);
        close(fd);
        assert_int_equal(mounts_open(&f, &a, "MYSQL", &p, &m, &em), 0);
        mounts_close(m);
        assert_int_equal(fileio_write_atomic(sa.sun_path, "x", 1, 0600), 0);
        assert_int_equal(mounts_open(&f, &a, "MYSQL", &p, &m, &em), -EEXIST);
        assert_says(em, "no socket");
        flags_done(&f);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_ports),      cmocka_unit_test(test_what_is_needed),
                cmocka_unit_test(test_tcp),        dir_test(test_unix),
                dir_test(test_what_is_in_the_way),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
