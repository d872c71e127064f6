/* Signed URLs as Google's own library makes them (google-cloud-storage,
 * _signing.generate_signed_url_v4). */
#include "tests/unit/base_test.h"

#include "lib/gcp/gcs_sign.h"
#include "lib/gcp/token_jwt.h"

#define AT (INT64_C(1767323045) * USEC_PER_SEC) /* 2026-01-02T03:04:05Z */

static const char pem[] = "-----BEGIN PRIVATE KEY-----\n"
                          "MIIEvgIBADANBgkqhkiG9w0BAQEFAASCBKgwggSkAgEAAoIBAQC0w82A58Wn2Hog\n"
                          "U4sFktzYeA7TP3DhLlZ/UG75n1GryIYRYbt31TXdJqWhtTQNjeab1Gs/nbwZS+Fi\n"
                          "MWmCpjq4lj1ZsBvIrwCxE70g9dCPr9oa5kt4ovFm2GcV/cP75IZvV6UXemzMAV+f\n"
                          "gGlyJrNhDZrLKmNuU1KXvQ7taRZ1n8c8sloDAPMHjhL3QDSp4bUvPL9qiYQOTcAh\n"
                          "roLdxHNyAzq68Nh7Vn6yV8I753zrQts6t8XE7IaTHtc05b8BGuXwHXexX68k1mHE\n"
                          "A6fOP2n/Mkyhzdan2+M0uiCKtg3YokxnfLejpt8HjXbqdzWa2ecSnjs4xZP42ccn\n"
                          "TpntX/q7AgMBAAECggEAB/t1gbG6arUGf5Lw2qgnlG+IyA9PHsJ7E1gr7l34r0tF\n"
                          "kFLuglYp8MAaJE/qIocXnd39dmuyuLM/GqTv8dMBWNFZmDJMp8oCj889VM1GDnJH\n"
                          "gVSWFJetbUs1EiWImAD5ZsVKBwVi9IdC/7od7eqDlU+SfFI83cxUI1s344f2c+8t\n"
                          "Tfp7x1ZmJHKunX7MfuSkCMrYR4/wWGd6UHcRfIFy5Zgre6TmvFYY7sx6N7mwkBG4\n"
                          "qb4zq3JPmHc6kCh/LfKTPfKFVfQzkv2PQuy5z3c7YBATGUy20mzpHZFRFgZdeTrT\n"
                          "2rVrjDU/2IdBLPeuczPTtNXgN8/dD7WdzBhZlUvqgQKBgQDcebPGD688q3bmTFTJ\n"
                          "aDea5x8dpFm/QhPUrAUA3Pju5lZZGpjbACREGR1dBM53YC1j9gtJKkGEPQCCDuZ5\n"
                          "bHf56Ry7L6XlVM2E5E+RJ68H4UNsvWo46H1sqmUa8wOzNtSypLmgLCONNAPESe6Y\n"
                          "537qpp2JVLqT4K2qXCTP/gJd4QKBgQDR5BjIgsilp4+9BFCd4dn3IA335aicm2mf\n"
                          "vm4RWBwRdO976kLnQc0Yul0og7YZYSET40rhTS4DVEbBefB4I8japKhXRI2ZwzI9\n"
                          "QE079p2T5KkQ9Ca+6EK6Qe88fszCV3iVjkgcdBS9xAx3Vwl1s1S2qF5ePH6gmLtI\n"
                          "V0TivBqUGwKBgQCXVDWPsb5O/0XaJvRfVdgsy4yw9NjhDQK9i+DXSdTXbWRBPp9C\n"
                          "WmOKFk7wRNdOWsZtATmX25gioxhRLNcG6uuirl2ZIchVk5KJL4hpknpyBy0XWx+o\n"
                          "tfM4/e/twnV8shrmD2iVxxYT2mrndPN/Ig4cE4a3918lFyc8coiV9rw7IQKBgH6F\n"
                          "83Kbc/x336vfeAFUbiIMTp9K77NH9An5rzwBUxoq1VprQt1IyyvG2/VaQGFYLaph\n"
                          "b3gVIFGdcfGbYhvp5l/2tgu1JW61PgmyQ1yMMz09r7SqmNioBeFlcaOUBDZ6qBPv\n"
                          "awTL7Nzf22vtKaSr77sUD57a9LI2n17iTIIpRhRVAoGBAK2Cj/vj+pZVMek5NusL\n"
                          "MmE9qt3fjLCCF9XpWUzWuSK+B+Y1TX2LzmHc5zOCuH7PKM8o7TrMS1VYxgSGd9jO\n"
                          "ztLGzSbBiTT+7G9i6yuuRYLgPH0afoSHU3R2rh7xVBtGMmN0Clui/4+Pl0eoq+85\n"
                          "Sso//hKjziYgEBfwzeOebdUl\n"
                          "-----END PRIVATE KEY-----\n";

static const struct {
        const char *method, *object, *endpoint;
        struct aws_sigv4_pair query[2];
        size_t n_query;
        const char *url;
} rows[] = {
        {"PUT",
         "some/p\u00e4th (1).bin",
         "https://storage.googleapis.com",
         {{"partNumber", "3"}, {"uploadId", "AB/c+=="}},
         2,
         "https://storage.googleapis.com/bkt/some/p%C3%A4th%20%281%29.bin?X-Goog-Algor"
         "ithm=GOOG4-RSA-SHA256&X-Goog-Credential=signer%40p.iam.gserviceaccount.com%2"
         "F20260102%2Fauto%2Fstorage%2Fgoog4_request&X-Goog-Date=20260102T030405Z&X-Go"
         "og-Expires=3600&X-Goog-SignedHeaders=host&partNumber=3&uploadId=AB%2Fc%2B%3D"
         "%3D&X-Goog-Signature=8ba7138b10c096db7f032bca4670ea4c8ecec6032c2605af4a8bca1"
         "f9c6e26fe010bfbe53627a95a62f1d6e146d12f09975ae60c7f0675622e39f338cea94883e57"
         "93ac64b13c4bb1819e66870da7252d94318001e37a93bd528c69a362a7d2c9b96dac8d520125"
         "fcaf2221b36cc91bfef4b2e5631cd236a7b565fccb963cc5a0998d9fb4bd0a0f2de2f03dc4fe"
         "9fd4d2372bc798a445676a484f476c3ea0630dc202623991ac2b5a42ad62c3dd52fd58cde9d9"
         "3322c98101420e523b2cee927126458cd63b533681ddb870d66734ea89ed83ec081dc3e93d87"
         "8397574e4453f650076b62893a650f349556720405dbf713593c5121c97652e05452b562932c"
         "a"},
        {"GET",
         "d/x y",
         "http://127.0.0.1:4443",
         {{"response-content-disposition", "attachment; filename*=UTF-8''x%20y"}},
         1,
         "http://127.0.0.1:4443/bkt/d/x%20y?X-Goog-Algorithm=GOOG4-RSA-SHA256&X-Goog-C"
         "redential=signer%40p.iam.gserviceaccount.com%2F20260102%2Fauto%2Fstorage%2Fg"
         "oog4_request&X-Goog-Date=20260102T030405Z&X-Goog-Expires=3600&X-Goog-SignedH"
         "eaders=host&response-content-disposition=attachment%3B%20filename%2A%3DUTF-8"
         "%27%27x%2520y&X-Goog-Signature=4204e9f5e41d573ff9cc8b98901bb09f3a924c0cac60a"
         "629c4507a12164009efab7c2bae9a99642cd66f52ed75a85e5cd009336fb806389f5b8d53176"
         "f8ed65755ce4b28fb00828b9b6b901fc7499e155c34e9271d710b7c05b02ea5437499d0b407a"
         "867bfc1e424ff73dea7318cef0da69ba1a783ec1aeef947695f1f90a2f76a427394141eadb9a"
         "8a5689242ab64984e5a1931435be43fde8eb0727a7d069fb2a6de28ef31661c4a464d40c9ea2"
         "5ba443886f13dc41c1e24aadddd6ea446855c0370ff7499451eba0c7e35a0fc915016226057a"
         "d4b7d618738dfcf912def0d7428e013161cbb4a817c4495caa17bce399162089b485b5715203"
         "6490cbc02fa"},
};

static void test_as_googles(void **state) {
        struct gcs_sign s = {
                .email = "signer@p.iam.gserviceaccount.com", .at = AT, .valid_for = USEC_PER_HOUR};
        struct errmsg em = {};

        assert_int_equal(token_jwt_key(pem, &em, &s.key), 0);
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_buf_ struct buf url = {};

                s.endpoint = rows[i].endpoint;
                assert_int_equal(gcs_sign_url(&s, rows[i].method, "bkt", rows[i].object,
                                              rows[i].query, rows[i].n_query, &url, &em),
                                 0);
                assert_string_equal(buf_cstr(&url), rows[i].url);
        }
        token_jwt_key_free(s.key);
}

int main(void) {
        const struct CMUnitTest tests[] = {cmocka_unit_test(test_as_googles)};

        return cmocka_run_group_tests(tests, NULL, NULL);
}
