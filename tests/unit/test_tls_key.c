/* Keys in memory and dates of certificates. */
#include "tests/unit/base_test.h"

#include <time.h>

#include "lib/net/tls_key.h"
#include "tests/unit/tls_test_cert.h"

static void test_key(void **state) {
        _cleanup_buf_ struct buf pem = {};
        struct tls_key *k;
        BIO *bio;
        EVP_PKEY *again;

        assert_int_equal(tls_key_new_rsa(&k), 0);
        assert_int_equal(tls_key_public_pem(k, "PUBLIC KEY", &pem), 0);
        bio = BIO_new_mem_buf(pem.data, (int) pem.len);
        again = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
        assert_non_null(again);
        assert_int_equal(EVP_PKEY_get_bits(again), 2048);
        assert_int_equal(EVP_PKEY_eq(again, tls_key_evp(k)), 1);
        EVP_PKEY_free(again);
        BIO_free(bio);
        buf_reset(&pem);
        assert_int_equal(tls_key_public_pem(k, "RSA PUBLIC KEY", &pem), 0);
        assert_non_null(strstr(pem.data, "-----BEGIN RSA PUBLIC KEY-----\n"));
        tls_key_unref(tls_key_ref(k));
        tls_key_unref(k);
        tls_key_unref(NULL);
}

static void test_dates_and_bundles(void **state) {
        struct tls_test_cert c;
        struct errmsg em = {};
        usec_t end_at;
        char *pem, *two;

        tls_test_cert_make(&c, NULL, "x", NULL, 3, true);
        pem = tls_test_cert_pem(&c);
        assert_int_equal(tls_key_cert_end(pem, &end_at, &em), 0);
        assert_in_range(end_at / USEC_PER_SEC, (usec_t) time(NULL) + 3 * 86400 - 60,
                        (usec_t) time(NULL) + 3 * 86400 + 60);
        assert_int_equal(asprintf(&two, "%stext\n%s", pem, pem) > 0, 1);
        assert_int_equal(tls_key_check_bundle(two, &em), 0);
        assert_int_equal(tls_key_check_bundle("", &em), -EINVAL);
        assert_says(em, "PEM");
        assert_int_equal(tls_key_cert_end("", &end_at, &em), -EINVAL);
        pem[60] = pem[60] == 'A' ? 'B' : 'A';
        assert_int_equal(tls_key_cert_end("-----BEGIN CERTIFICATE-----\nAAAA\n-----END "
                                          "CERTIFICATE-----\n",
                                          &end_at, &em),
                         -EINVAL);
        free(two);
        free(pem);
        tls_test_cert_done(&c);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_key),
                cmocka_unit_test(test_dates_and_bundles),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
