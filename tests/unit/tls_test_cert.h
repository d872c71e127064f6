/* tls_test_cert.h: certificates made in the test. */
#pragma once

#include <assert.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/macros.h"

struct tls_test_cert {
        EVP_PKEY *key; /* NULL: somebody else's */
        X509 *cert;
};

static inline _unused_ void tls_test_cert_ext(X509 *cert, int nid, const char *value) {
        X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

        assert(ext);
        X509_add_ext(cert, ext, -1);
        X509_EXTENSION_free(ext);
}

/* For a key of its own, or (key) somebody's public one; signed by `by` or itself. names: "DNS:a".
 */
static inline _unused_ void tls_test_cert_for(struct tls_test_cert *c, EVP_PKEY *key,
                                              const struct tls_test_cert *by, const char *cn,
                                              const char *names, long days, bool is_ca) {
        X509_NAME *name;
        static long serial;

        *c = (struct tls_test_cert){.cert = X509_new()};
        X509_set_version(c->cert, X509_VERSION_3);
        ASN1_INTEGER_set(X509_get_serialNumber(c->cert), ++serial);
        X509_gmtime_adj(X509_getm_notBefore(c->cert), -2 * 86400);
        X509_gmtime_adj(X509_getm_notAfter(c->cert), days * 86400);
        name = X509_get_subject_name(c->cert);
        if (cn)
                X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *) cn, -1,
                                           -1, 0);
        X509_set_issuer_name(c->cert, by ? X509_get_subject_name(by->cert) : name);
        X509_set_pubkey(c->cert, key);
        if (names)
                tls_test_cert_ext(c->cert, NID_subject_alt_name, names);
        tls_test_cert_ext(c->cert, NID_basic_constraints, is_ca ? "CA:TRUE" : "CA:FALSE");
        assert(X509_sign(c->cert, by ? by->key : key, EVP_sha256()) > 0);
}

static inline _unused_ void tls_test_cert_make(struct tls_test_cert *c,
                                               const struct tls_test_cert *by, const char *cn,
                                               const char *names, long days, bool is_ca) {
        EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");

        tls_test_cert_for(c, key, by, cn, names, days, is_ca);
        c->key = key;
}

static inline _unused_ char *tls_test_cert_pem(const struct tls_test_cert *c) {
        BIO *bio = BIO_new(BIO_s_mem());
        char *data, *copy;
        long n;

        PEM_write_bio_X509(bio, c->cert);
        n = BIO_get_mem_data(bio, &data);
        copy = strndup(data, (size_t) n);
        BIO_free(bio);
        return copy;
}

static inline _unused_ void tls_test_cert_done(struct tls_test_cert *c) {
        X509_free(c->cert);
        EVP_PKEY_free(c->key);
}
