/* Owns private keys made here (EVP_PKEY) and reads dates of certificates. */
#include "lib/net/tls_key.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "lib/base/base64.h"
#include "lib/base/mem.h"

#define TLS_KEY_RSA_BITS 2048u
#define TLS_KEY_PEM_COLUMNS 64

struct tls_key {
        EVP_PKEY *pkey;
        atomic_uint n_refs;
};

int tls_key_new_rsa(struct tls_key **ret) {
        struct tls_key *k = mem_new(struct tls_key);

        if (!k)
                return -ENOMEM;
        atomic_init(&k->n_refs, 1);
        k->pkey = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t) TLS_KEY_RSA_BITS);
        if (!k->pkey) {
                ERR_clear_error();
                tls_key_unref(k);
                return -EIO;
        }
        *ret = k;
        return 0;
}

struct tls_key *tls_key_ref(struct tls_key *k) {
        atomic_fetch_add(&k->n_refs, 1);
        return k;
}

struct tls_key *tls_key_unref(struct tls_key *k) {
        if (!k || atomic_fetch_sub(&k->n_refs, 1) != 1)
                return NULL;
        EVP_PKEY_free(k->pkey);
        return mem_free(k);
}

void *tls_key_evp(const struct tls_key *k) {
        return k->pkey;
}

int tls_key_public_pem(const struct tls_key *k, const char *label, struct buf *out) {
        _cleanup_buf_ struct buf text = {};
        unsigned char *der = NULL;
        int n = i2d_PUBKEY(k->pkey, &der), r;

        if (n <= 0) {
                ERR_clear_error();
                return -ENOMEM;
        }
        r = base64_encode(&text, der, (size_t) n, 0);
        OPENSSL_free(der);
        if (r < 0)
                return r;
        buf_printf(out, "-----BEGIN %s-----\n", label);
        for (size_t i = 0; i < text.len; i += TLS_KEY_PEM_COLUMNS) {
                buf_add(out, text.data + i, MIN(text.len - i, (size_t) TLS_KEY_PEM_COLUMNS));
                buf_add_char(out, '\n');
        }
        buf_printf(out, "-----END %s-----\n", label);
        return buf_error(out);
}

static const char *tls_key_reason(void) {
        unsigned long code = ERR_get_error();

        ERR_clear_error();
        return (code ? ERR_reason_error_string(code) : NULL) ?: "no reason given";
}

/* The next certificate of the text: 1 = there it is, 0 = no more, -EINVAL. */
static int tls_key_next_cert(BIO *bio, X509 **ret, struct errmsg *em) {
        X509 *cert;

        ERR_clear_error();
        cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);
        if (cert) {
                *ret = cert;
                return 1;
        }
        if (ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE) {
                ERR_clear_error();
                return 0;
        }
        return errmsg_fail(em, -EINVAL, "failed to parse as X.509 certificate: %s",
                           tls_key_reason());
}

int tls_key_cert_end(const char *pem, usec_t *ret_at, struct errmsg *em) {
        BIO *bio = BIO_new_mem_buf(pem, -1);
        X509 *cert = NULL;
        struct tm tm;
        time_t at;
        int r;

        if (!bio)
                return errmsg_errno(em, -ENOMEM, "cannot read a certificate");
        r = tls_key_next_cert(bio, &cert, em);
        BIO_free(bio);
        if (r <= 0)
                return r < 0 ? r : errmsg_fail(em, -EINVAL, "failed to decode valid PEM cert");
        r = ASN1_TIME_to_tm(X509_get0_notAfter(cert), &tm);
        X509_free(cert);
        at = r == 1 ? timegm(&tm) : -1;
        if (at < 0)
                return errmsg_fail(em, -EINVAL, "the certificate's end is no time");
        *ret_at = (usec_t) at * USEC_PER_SEC;
        return 0;
}

int tls_key_check_bundle(const char *pem, struct errmsg *em) {
        BIO *bio = BIO_new_mem_buf(pem, -1);
        X509 *cert;
        int r, n = 0;

        if (!bio)
                return errmsg_errno(em, -ENOMEM, "cannot read certificates");
        while ((r = tls_key_next_cert(bio, &cert, em)) > 0) {
                X509_free(cert);
                n++;
        }
        BIO_free(bio);
        if (r == 0 && n == 0)
                r = errmsg_fail(em, -EINVAL, "failed to decode valid PEM cert");
        return r;
}
