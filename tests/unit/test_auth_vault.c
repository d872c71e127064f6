/* Sealed texts: they open with their key and under their name only; keys change hands in order. */
#include "tests/unit/db_test_dir.h"

#include <errno.h>
#include <sys/stat.h>

#include "lib/auth/auth_vault.h"
#include "lib/base/entropy.h"
#include "lib/base/fileio.h"
#include "lib/base/mem.h"

static struct entropy_fake fake;
static char path[256];

static int setup(void **state) {
        int r = test_dir_setup(state);

        entropy_fake_init(&fake, 7);
        snprintf(path, sizeof(path), "%s/key", ((struct test_dir *) *state)->path);
        return r;
}

static int teardown(void **state) {
        return test_dir_teardown(state);
}

static struct auth_vault_keys *load(void) {
        struct auth_vault_keys *k = NULL;
        struct errmsg em = {};

        if (auth_vault_load(path, &fake.entropy, &k, &em) < 0)
                fail_msg("%s", em.text);
        return k;
}

static void test_round_trip(void **state) {
        struct auth_vault_keys *k = load();
        struct buf sealed = {}, again = {}, clear = {};
        struct stat st;

        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
        assert_int_equal(auth_vault_close(k, &fake.entropy, "n", "s3cret", 6, &sealed), 0);
        assert_int_equal(auth_vault_close(k, &fake.entropy, "n", "s3cret", 6, &again), 0);
        assert_null(strstr(buf_cstr(&sealed), "s3cret"));
        assert_string_not_equal(buf_cstr(&sealed), buf_cstr(&again));
        assert_true(auth_vault_is_current(k, buf_cstr(&sealed)));
        assert_int_equal(auth_vault_open(k, "n", buf_cstr(&sealed), &clear), 0);
        assert_string_equal(buf_cstr(&clear), "s3cret");
        buf_reset(&clear);
        assert_int_equal(auth_vault_open(k, "m", buf_cstr(&sealed), &clear), -EBADMSG);
        assert_int_equal(auth_vault_open(k, "n", "s1:00000000:AAAA", &clear), -ENOKEY);
        assert_int_equal(auth_vault_open(k, "n", "plain", &clear), -ENOKEY);
        for (size_t i = strlen("s1:00000000:"); i < sealed.len; i++) {
                char old = sealed.data[i];

                sealed.data[i] = old == 'A' ? 'B' : 'A';
                if (auth_vault_open(k, "n", buf_cstr(&sealed), &clear) == 0)
                        /* the spare bits of base64's last digit may differ */
                        assert_true(i >= sealed.len - 4);
                sealed.data[i] = old;
        }
        sealed.data[20] = 0;
        assert_int_equal(auth_vault_open(k, "n", buf_cstr(&sealed), &clear), -EBADMSG);
        buf_done(&sealed);
        buf_done(&again);
        buf_done(&clear);
        auth_vault_free(k);
}

static void test_rotation(void **state) {
        struct auth_vault_keys *k = load();
        struct buf sealed = {}, clear = {};
        struct errmsg em = {};

        assert_int_equal(auth_vault_close(k, &fake.entropy, "n", "x", 1, &sealed), 0);
        auth_vault_free(k);
        assert_int_equal(auth_vault_add_key(path, &fake.entropy, &em), 0);
        k = load();
        assert_false(auth_vault_is_current(k, buf_cstr(&sealed)));
        assert_int_equal(auth_vault_open(k, "n", buf_cstr(&sealed), &clear), 0);
        auth_vault_free(k);
        assert_int_equal(auth_vault_drop_old(path, &em), 0);
        k = load();
        assert_int_equal(auth_vault_open(k, "n", buf_cstr(&sealed), &clear), -ENOKEY);
        auth_vault_free(k);
        buf_done(&sealed);
        buf_done(&clear);
}

static void expect_refused(const char *text, mode_t mode, int error, const char *part) {
        struct auth_vault_keys *k = NULL;
        struct errmsg em = {};

        unlink(path);
        assert_int_equal(fileio_write_durable(path, text, strlen(text), mode), 0);
        assert_int_equal(chmod(path, mode), 0);
        assert_int_equal(auth_vault_load(path, NULL, &k, &em), error);
        assert_non_null(strstr(em.text, part));
}

static void test_bad_files(void **state) {
        static const char good[] =
                "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n";
        struct auth_vault_keys *k = NULL;
        struct errmsg em = {};

        assert_int_equal(auth_vault_load(path, NULL, &k, &em), -ENOENT);
        expect_refused("", 0600, -EINVAL, "no key");
        expect_refused("abc\n", 0600, -EINVAL, "64 hex digits");
        expect_refused("zz112233445566778899aabbccddeeff00112233445566778899aabbccddeeff", 0600,
                       -EINVAL, "64 hex digits");
        expect_refused(good, 0644, -EPERM, "chmod 600");
}

int main(void) {
#define ON(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
        const struct CMUnitTest tests[] = {ON(test_round_trip), ON(test_rotation),
                                           ON(test_bad_files)};

        return cmocka_run_group_tests(tests, NULL, NULL);
}
