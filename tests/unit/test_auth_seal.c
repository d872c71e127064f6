/* Fernet tokens, compared with the specification's vectors. */
#include <errno.h>
#include <string.h>

#include "tests/unit/db_test_dir.h"

#include "lib/auth/auth_seal.h"
#include "lib/base/entropy.h"

#define KEY "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4="
#define TOKEN                                                       \
        "gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_" \
        "5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmp"                        \
        "U4IwqDA=="
#define T0 (499162800 * USEC_PER_SEC)

/* The vector's IV: 0, 1, 2, … */
static int fill(struct entropy *e, void *p, size_t n) {
        for (size_t i = 0; i < n; i++)
                ((unsigned char *) p)[i] = (unsigned char) i;
        return 0;
}

static void test_vector(void **state) {
        struct entropy e = {.fill = fill};
        _cleanup_buf_ struct buf out = {};
        struct auth_seal s;

        assert_int_equal(auth_seal_init(&s, KEY), 0);
        assert_int_equal(auth_seal_close(&s, &e, T0, "hello", &out), 0);
        assert_string_equal(buf_cstr(&out), TOKEN);
        buf_reset(&out);
        assert_int_equal(auth_seal_open(&s, TOKEN, &out), 0);
        assert_string_equal(buf_cstr(&out), "hello");
}

static void test_refused(void **state) {
        static const char *const bad[] = {"", "gAAA", "!", KEY, TOKEN "A"};
        _cleanup_buf_ struct buf out = {};
        char changed[sizeof(TOKEN)];
        struct auth_seal s;

        assert_int_equal(auth_seal_init(&s, KEY), 0);
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
                assert_int_equal(auth_seal_open(&s, bad[i], &out), -EBADMSG);
        for (size_t i = 0; i < sizeof(TOKEN) - 3; i++) {
                memcpy(changed, TOKEN, sizeof(TOKEN));
                changed[i] = changed[i] == 'A' ? 'B' : 'A';
                if (strcmp(changed, TOKEN) != 0)
                        assert_int_equal(auth_seal_open(&s, changed, &out), -EBADMSG);
        }
        assert_int_equal(auth_seal_init(&s, "short"), -EINVAL);
}

static void test_file(void **state) {
        struct test_dir *dir;
        struct errmsg em = {};
        struct auth_seal a, b;

        test_dir_setup((void **) &dir);
        assert_ok(em, auth_seal_init_file(&a, dir->file, entropy_system(), &em));
        assert_ok(em, auth_seal_init_file(&b, dir->file, entropy_system(), &em));
        assert_memory_equal(a.key, b.key, AUTH_SEAL_KEY);
        test_dir_teardown((void **) &dir);
}

static void test_equal(void **state) {
        assert_true(auth_seal_equal("abc", "abd", 2));
        assert_false(auth_seal_equal("abc", "abd", 3));
        assert_true(auth_seal_equal("", "x", 0));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_vector),
                cmocka_unit_test(test_equal),
                cmocka_unit_test(test_refused),
                cmocka_unit_test(test_file),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
