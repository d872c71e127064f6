/* Owns the contexts of identities: certificate, key, anchors, and the check of the server. The
 * connections are in tls_mutual_conn.c. */
#include "lib/net/tls_mutual.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/net/tls_mutual_ssl.h"

/* Eight full records as they are on the wire: a burst is one call to the kernel, and the next one
 * does not begin with the rest of a record. Given back when it is empty. */
#define TLS_MUTUAL_READ_AHEAD ((size_t) 8 * 16406 + 64)

struct tls_mutual *tls_mutual_ref(struct tls_mutual *m) {
        atomic_fetch_add(&m->n_refs, 1);
        return m;
}

struct tls_mutual *tls_mutual_unref(struct tls_mutual *m) {
        if (!m || atomic_fetch_sub(&m->n_refs, 1) != 1)
                return NULL;
        SSL_CTX_free(m->ctx);
        mem_free(m->name);
        mem_free(m->common_name);
        return mem_free(m);
}

const char *tls_mutual_ssl_reason(void) {
        unsigned long code = ERR_get_error();

        ERR_clear_error();
        return (code ? ERR_reason_error_string(code) : NULL) ?: "no reason given";
}

/* --- who is there ---------------------------------------------------------------------------- */

static bool tls_mutual_has_name(X509 *cert, const char *name) {
        unsigned flags = X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS;
        char dotted[300];
        int n;

        if (X509_check_host(cert, name, 0, flags, NULL) == 1 ||
            X509_check_ip_asc(cert, name, 0) == 1)
                return true;
        n = snprintf(dotted, sizeof dotted, "%s.", name);
        return n > 0 && (size_t) n < sizeof dotted &&
               X509_check_host(cert, dotted, 0, flags, NULL) == 1;
}

/* The last common name of the subject, as text; false when there is none. */
static bool tls_mutual_common_name(X509 *cert, struct buf *out) {
        X509_NAME *subject = X509_get_subject_name(cert);
        int last = -1, i = -1, n;
        unsigned char *text = NULL;

        while ((i = X509_NAME_get_index_by_NID(subject, NID_commonName, i)) >= 0)
                last = i;
        if (last < 0)
                return false;
        n = ASN1_STRING_to_UTF8(&text,
                                X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, last)));
        if (n < 0)
                return false;
        buf_add(out, text, (size_t) n);
        OPENSSL_free(text);
        return out->len > 0 && strlen(out->data) == out->len;
}

static int tls_mutual_check_who(const struct tls_mutual *m, X509 *cert, struct errmsg *em) {
        _cleanup_buf_ struct buf cn = {};
        bool has_cn;

        if (m->name && tls_mutual_has_name(cert, m->name))
                return 0;
        has_cn = tls_mutual_common_name(cert, &cn);
        if (has_cn && str_eq(cn.data, m->common_name))
                return 0;
        if (m->name)
                return errmsg_fail(em, -EKEYREJECTED,
                                   "tls: failed to verify certificate: x509: certificate is not "
                                   "valid for %s",
                                   m->name);
        if (!has_cn)
                return errmsg_fail(em, -EKEYREJECTED, "certificate CN was empty, expected \"%s\"",
                                   m->common_name);
        return errmsg_fail(em, -EKEYREJECTED, "certificate had CN \"%s\", expected \"%s\"", cn.data,
                           m->common_name);
}

/* In place of OpenSSL's own check: the chain from our anchors alone, then the name. */
static int tls_mutual_on_verify(X509_STORE_CTX *store, void *arg) {
        SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
        struct tls_mutual_conn *c = SSL_get_app_data(ssl);
        struct errmsg em = {};

        X509_STORE_CTX_set0_untrusted(store, NULL);
        if (X509_verify_cert(store) != 1) {
                errmsg_set(&c->why, "tls: failed to verify certificate: x509: %s",
                           X509_verify_cert_error_string(X509_STORE_CTX_get_error(store)));
                return 0;
        }
        if (tls_mutual_check_who(arg, X509_STORE_CTX_get0_cert(store), &em) < 0) {
                X509_STORE_CTX_set_error(store, X509_V_ERR_HOSTNAME_MISMATCH);
                c->why = em;
                return 0;
        }
        return 1;
}

/* --- making one ------------------------------------------------------------------------------ */

static int tls_mutual_bad(struct errmsg *em, const char *what) {
        return errmsg_fail(em, -EINVAL, "%s: %s", what, tls_mutual_ssl_reason());
}

static int tls_mutual_set_anchors(struct tls_mutual *m, const char *pem, struct errmsg *em) {
        X509_STORE *store = SSL_CTX_get_cert_store(m->ctx);
        BIO *bio = BIO_new_mem_buf(pem, -1);
        X509 *cert;
        int n = 0;

        if (!bio)
                return errmsg_errno(em, -ENOMEM, "cannot read the authorities");
        while ((cert = PEM_read_bio_X509(bio, NULL, NULL, NULL))) {
                n += X509_STORE_add_cert(store, cert);
                X509_free(cert);
        }
        BIO_free(bio);
        if (n == 0)
                return tls_mutual_bad(em, "the server's authority is no certificate in PEM form");
        ERR_clear_error();
        X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_TRUSTED_FIRST);
        return 0;
}

static int tls_mutual_set_own(struct tls_mutual *m, const struct tls_mutual_options *o,
                              struct errmsg *em) {
        BIO *bio = BIO_new_mem_buf(o->cert_pem, -1);
        X509 *cert = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
        int ok;

        BIO_free(bio);
        if (!cert)
                return tls_mutual_bad(em, "the own certificate is not in PEM form");
        ok = SSL_CTX_use_certificate(m->ctx, cert) == 1;
        X509_free(cert);
        if (!ok)
                return tls_mutual_bad(em, "the own certificate cannot be used");
        if (SSL_CTX_use_PrivateKey(m->ctx, tls_key_evp(o->key)) != 1 ||
            SSL_CTX_check_private_key(m->ctx) != 1)
                return tls_mutual_bad(em, "the own certificate is not for our key");
        return 0;
}

static int tls_mutual_set_names(struct tls_mutual *m, const struct tls_mutual_options *o) {
        size_t len = strlen(o->name ?: "");

        if (len > 0 && o->name[len - 1] == '.')
                len--;
        if (len > 0) {
                m->name = mem_strndup(o->name, len);
                if (!m->name)
                        return -ENOMEM;
        }
        m->common_name = mem_strdup(o->common_name);
        return m->common_name ? 0 : -ENOMEM;
}

static void tls_mutual_set_modes(struct tls_mutual *m) {
        SSL_CTX_set_min_proto_version(m->ctx, TLS1_3_VERSION);
        SSL_CTX_set_ciphersuites(m->ctx, "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256:"
                                         "TLS_AES_256_GCM_SHA384");
        SSL_CTX_set_mode(m->ctx, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
        SSL_CTX_set_session_cache_mode(m->ctx, SSL_SESS_CACHE_OFF);
        SSL_CTX_set_options(m->ctx, SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION);
        SSL_CTX_set_verify(m->ctx, SSL_VERIFY_PEER, NULL);
        SSL_CTX_set_cert_verify_callback(m->ctx, tls_mutual_on_verify, m);
        SSL_CTX_set_read_ahead(m->ctx, 1);
        SSL_CTX_set_default_read_buffer_len(m->ctx, TLS_MUTUAL_READ_AHEAD);
}

int tls_mutual_new(const struct tls_mutual_options *o, struct tls_mutual **ret, struct errmsg *em) {
        _cleanup_(tls_mutual_unrefp) struct tls_mutual *m = mem_new(struct tls_mutual);
        int r;

        if (!m)
                return errmsg_errno(em, -ENOMEM, "cannot make an identity");
        atomic_init(&m->n_refs, 1);
        ERR_clear_error();
        m->ctx = SSL_CTX_new(TLS_client_method());
        if (!m->ctx || tls_mutual_set_names(m, o) < 0)
                return errmsg_errno(em, -ENOMEM, "cannot make an identity");
        tls_mutual_set_modes(m);
        r = tls_mutual_set_anchors(m, o->ca_pem, em);
        if (r >= 0)
                r = tls_mutual_set_own(m, o, em);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(m);
        return 0;
}
