/* Secrets as MLflow's own server seals them: a vector made by it, what we seal, and what must not
 * open. */
#include <errno.h>
#include <string.h>

#include "tests/unit/db_test_dir.h"

#include "lib/auth/auth_envelope.h"
#include "lib/base/entropy.h"
#include "lib/base/hex.h"

#define SECRET "{\"api_key\": \"sk-1234567890\"}"
/* mlflow.utils.crypto._encrypt_secret(SECRET, KEKManager("correct horse", 1), "s-1", "näme") */
#define SEALED                                                         \
        "0cf75cb2c38151b40857acf1a91423173bc24d51f332b945e805e0809d42" \
        "72be8c13bf102d7f659bf331c8c7c8a01d2c19a592b57b95dd88"
#define KEY                                                            \
        "34e30274bbca85db62cf64620bfe9c4338459109474723febd2bce1109ce" \
        "bbb130f7120c1b88802b86767702c46b31e69b6096748aca76a508def81a"

static void decode(const char *hex, struct buf *out) {
        char bytes[128];
        size_t n = strlen(hex) / 2;

        assert_true(n <= sizeof(bytes));
        assert_true(hex_decode(hex, bytes, n) >= 0);
        assert_int_equal(buf_add(out, bytes, n), 0);
}

static struct auth_envelope *make(const char *passphrase, int64_t version) {
        struct auth_envelope *e;

        assert_int_equal(auth_envelope_new(passphrase, version, &e), 0);
        assert_int_equal(auth_envelope_ready(e), 0);
        assert_int_equal(auth_envelope_ready(e), 0);
        return e;
}

static void test_theirs(void **state) {
        _cleanup_(auth_envelope_freep) struct auth_envelope *e = make("correct horse", 1);
        _cleanup_buf_ struct buf sealed = {}, key = {}, out = {};

        decode(SEALED, &sealed);
        decode(KEY, &key);
        assert_int_equal(auth_envelope_open(e, "s-1", "näme", &sealed, &key, &out), 0);
        assert_string_equal(buf_cstr(&out), SECRET);
        assert_int_equal(auth_envelope_version(e), 1);
}

static void test_other_places(void **state) {
        _cleanup_(auth_envelope_freep) struct auth_envelope *e = make("correct horse", 1);
        _cleanup_(auth_envelope_freep) struct auth_envelope *other = make("correct horse", 2);
        _cleanup_buf_ struct buf sealed = {}, key = {}, out = {}, none = {};

        decode(SEALED, &sealed);
        decode(KEY, &key);
        assert_int_equal(auth_envelope_open(e, "s-2", "näme", &sealed, &key, &out), -EBADMSG);
        assert_int_equal(auth_envelope_open(e, "s-1", "name", &sealed, &key, &out), -EBADMSG);
        assert_int_equal(auth_envelope_open(other, "s-1", "näme", &sealed, &key, &out), -EBADMSG);
        assert_int_equal(auth_envelope_open(e, "s-1", "näme", &none, &key, &out), -EBADMSG);
        assert_int_equal(auth_envelope_open(e, "s-1", "näme", &sealed, &none, &out), -EBADMSG);
        assert_int_equal(auth_envelope_open(e, "s-1", "näme", &key, &sealed, &out), -EBADMSG);
        assert_int_equal(out.len, 0);
}

static void test_changed(void **state) {
        _cleanup_(auth_envelope_freep) struct auth_envelope *e = make("correct horse", 1);
        _cleanup_buf_ struct buf sealed = {}, key = {}, out = {};
        struct buf *const both[] = {&sealed, &key};

        decode(SEALED, &sealed);
        decode(KEY, &key);
        for (size_t b = 0; b < ARRAY_SIZE(both); b++)
                for (size_t i = 0; i < both[b]->len; i++) {
                        both[b]->data[i] ^= 1;
                        assert_int_equal(auth_envelope_open(e, "s-1", "näme", &sealed, &key, &out),
                                         -EBADMSG);
                        both[b]->data[i] ^= 1;
                }
}

static void test_ours(void **state) {
        _cleanup_(auth_envelope_freep) struct auth_envelope *e = make("p", 0);
        _cleanup_buf_ struct buf sealed = {}, key = {}, again = {}, out = {};

        assert_int_equal(auth_envelope_close(e, entropy_system(), "a", "b", SECRET, &sealed, &key),
                         0);
        assert_int_equal(auth_envelope_close(e, entropy_system(), "a", "b", SECRET, &again, &out),
                         0);
        assert_int_equal(sealed.len, again.len);
        assert_memory_not_equal(sealed.data, again.data, sealed.len);
        assert_null(memmem(sealed.data, sealed.len, "sk-", 3));
        buf_reset(&out);
        assert_int_equal(auth_envelope_open(e, "a", "b", &sealed, &key, &out), 0);
        assert_string_equal(buf_cstr(&out), SECRET);
}

static void test_refused(void **state) {
        struct auth_envelope *e = NULL;
        char text[1026];

        memset(text, 'x', 1025);
        text[1025] = 0;
        assert_int_equal(auth_envelope_new("", 1, &e), -EINVAL);
        assert_int_equal(auth_envelope_new(text, 1, &e), -EINVAL);
        assert_int_equal(auth_envelope_new("p", -1, &e), -EINVAL);
        assert_int_equal(auth_envelope_new("p", INT64_C(1) << 31, &e), -EINVAL);
        assert_null(e);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_theirs),  cmocka_unit_test(test_other_places),
                cmocka_unit_test(test_changed), cmocka_unit_test(test_ours),
                cmocka_unit_test(test_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
