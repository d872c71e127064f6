/* Owns connections of tls_mutual: OpenSSL between two BIO callbacks.
 *
 * Out: each record is sent as OpenSSL writes it; all but the last of a write say that more follows.
 * What a full socket does not take is copied to the connection's `unsent`, and nothing new is
 * encrypted before that is out. So SSL_write never has to be repeated.
 * In: a recv() that was shorter than its room marks the socket as drained, which saves the one that
 * would say EAGAIN. */
#include <errno.h>
#include <limits.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/base/mem.h"
#include "lib/net/tls_mutual_ssl.h"

#define TLS_MUTUAL_RECORD ((size_t) 16384)

/* --- under OpenSSL --------------------------------------------------------------------------- */

/* Behind what is unsent already. */
static int tls_mutual_keep(struct tls_mutual_conn *c, const char *data, size_t size) {
        char *grown = mem_realloc(c->unsent, c->unsent_len + size);

        if (!grown)
                return -ENOMEM;
        memcpy(grown + c->unsent_len, data, size);
        c->unsent = grown;
        c->unsent_len += size;
        return 0;
}

/* How much the socket takes. */
static ssize_t tls_mutual_send(struct tls_mutual_conn *c, const char *data, size_t size,
                               int flags) {
        size_t done = 0;
        ssize_t n;

        while (done < size) {
                n = send(c->fd, data + done, size - done, MSG_NOSIGNAL | flags);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0 && errno == EAGAIN)
                        break;
                if (n < 0)
                        return -errno;
                done += (size_t) n;
        }
        return (ssize_t) done;
}

static int tls_mutual_on_write(BIO *bio, const char *data, int size) {
        struct tls_mutual_conn *c = BIO_get_data(bio);
        ssize_t n = 0;

        if (!c->unsent && c->sent_error == 0)
                n = tls_mutual_send(c, data, (size_t) size, c->has_more ? MSG_MORE : 0);
        if (n >= 0 && n < size)
                n = tls_mutual_keep(c, data + n, (size_t) (size - n));
        if (n < 0)
                c->sent_error = (int) n;
        /* A failure is told by the call that caused the write. */
        return size;
}

static int tls_mutual_on_read(BIO *bio, char *data, int size) {
        struct tls_mutual_conn *c = BIO_get_data(bio);
        ssize_t n;

        BIO_clear_retry_flags(bio);
        if (c->drained) {
                BIO_set_retry_read(bio);
                errno = EAGAIN;
                return -1;
        }
        do
                n = recv(c->fd, data, (size_t) size, 0);
        while (n < 0 && errno == EINTR);
        if (n < 0 && errno == EAGAIN)
                BIO_set_retry_read(bio);
        c->drained = n < size;
        return (int) n;
}

static long tls_mutual_on_ctrl(BIO *bio, int cmd, long num, void *ptr) {
        return cmd == BIO_CTRL_FLUSH || cmd == BIO_CTRL_DUP;
}

static BIO_METHOD *tls_mutual_bio;

static void tls_mutual_make_bio(void) {
        tls_mutual_bio = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "onebox");
        if (!tls_mutual_bio)
                return;
        BIO_meth_set_write(tls_mutual_bio, tls_mutual_on_write);
        BIO_meth_set_read(tls_mutual_bio, tls_mutual_on_read);
        BIO_meth_set_ctrl(tls_mutual_bio, tls_mutual_on_ctrl);
}

static int tls_mutual_set_bio(struct tls_mutual_conn *c) {
        static pthread_once_t once = PTHREAD_ONCE_INIT;
        BIO *bio;

        pthread_once(&once, tls_mutual_make_bio);
        bio = tls_mutual_bio ? BIO_new(tls_mutual_bio) : NULL;
        if (!bio)
                return -ENOMEM;
        BIO_set_data(bio, c);
        BIO_set_init(bio, 1);
        SSL_set_bio(c->ssl, bio, bio);
        return 0;
}

/* --- connections ----------------------------------------------------------------------------- */

int tls_mutual_conn_new(struct tls_mutual *m, int fd, struct tls_mutual_conn **ret) {
        struct tls_mutual_conn *c = mem_new(struct tls_mutual_conn);

        if (!c)
                return -ENOMEM;
        c->identity = tls_mutual_ref(m);
        c->fd = fd;
        c->alert = -1;
        c->ssl = SSL_new(m->ctx);
        if (!c->ssl || tls_mutual_set_bio(c) < 0 ||
            (m->name && SSL_set_tlsext_host_name(c->ssl, m->name) != 1)) {
                ERR_clear_error();
                tls_mutual_conn_free(c);
                return -ENOMEM;
        }
        SSL_set_app_data(c->ssl, c);
        SSL_set_connect_state(c->ssl);
        *ret = c;
        return 0;
}

struct tls_mutual_conn *tls_mutual_conn_free(struct tls_mutual_conn *c) {
        if (!c)
                return NULL;
        SSL_free(c->ssl);
        tls_mutual_unref(c->identity);
        mem_free(c->unsent);
        return mem_free(c);
}

void tls_mutual_conn_ready(struct tls_mutual_conn *c) {
        c->drained = false;
}

size_t tls_mutual_conn_unsent(const struct tls_mutual_conn *c) {
        return c->unsent_len - c->unsent_at;
}

int tls_mutual_conn_flush(struct tls_mutual_conn *c) {
        ssize_t n;

        if (!c->unsent)
                return 0;
        n = tls_mutual_send(c, c->unsent + c->unsent_at, tls_mutual_conn_unsent(c), 0);
        if (n < 0)
                return (int) n;
        c->unsent_at += (size_t) n;
        if (c->unsent_at < c->unsent_len)
                return -EAGAIN;
        c->unsent = mem_free(c->unsent);
        c->unsent_len = c->unsent_at = 0;
        return 0;
}

/* What an alert or a failure means; remembers the alert. */
static int tls_mutual_failure(struct tls_mutual_conn *c, int saved) {
        int reason = ERR_GET_REASON(ERR_peek_error());

        if (reason > SSL_AD_REASON_OFFSET && reason < SSL_AD_REASON_OFFSET + 256) {
                c->alert = reason - SSL_AD_REASON_OFFSET;
                return -EACCES;
        }
        if (reason == SSL_R_UNEXPECTED_EOF_WHILE_READING)
                return -ECONNRESET;
        if (ERR_peek_error() == 0)
                return saved > 0 && saved != EAGAIN ? -saved : -ECONNRESET;
        return -EPROTO;
}

/* Of a call that did not succeed: 0 = in order at its end, -EAGAIN, or the failure. */
static int tls_mutual_result(struct tls_mutual_conn *c, int n, int saved) {
        switch (SSL_get_error(c->ssl, n)) {
        case SSL_ERROR_WANT_READ:
        case SSL_ERROR_WANT_WRITE:
                return -EAGAIN;
        case SSL_ERROR_ZERO_RETURN:
                return 0;
        default:
                return tls_mutual_failure(c, saved);
        }
}

int tls_mutual_conn_handshake(struct tls_mutual_conn *c, struct errmsg *em) {
        int n, r;

        ERR_clear_error();
        errno = 0;
        n = SSL_do_handshake(c->ssl);
        r = n == 1 ? 0 : tls_mutual_result(c, n, errno);
        if (n != 1 && r == 0)
                r = -ECONNRESET;
        if (r == -EAGAIN || r == 0)
                return c->sent_error < 0 ? errmsg_errno(em, c->sent_error, "write") : r;
        if (c->why.text[0])
                r = errmsg_fail(em, -EKEYREJECTED, "%s", c->why.text);
        else if (r == -EACCES)
                errmsg_set(em, "remote error: tls: %s", tls_mutual_alert_text(c->alert));
        else if (r == -EPROTO)
                errmsg_set(em, "tls: %s", tls_mutual_ssl_reason());
        else
                errmsg_set(em, "%s", r == -ECONNRESET ? "EOF" : errmsg_strerror(r));
        ERR_clear_error();
        return r;
}

ssize_t tls_mutual_conn_read(struct tls_mutual_conn *c, void *data, size_t size) {
        size_t done = 0;
        int n, r = -EAGAIN;

        if (c->has_ended)
                return c->end;
        while (done < size) {
                ERR_clear_error();
                errno = 0;
                n = SSL_read(c->ssl, (char *) data + done,
                             (int) MIN(size - done, (size_t) INT_MAX));
                if (n > 0) {
                        done += (size_t) n;
                        continue;
                }
                r = tls_mutual_result(c, n, errno);
                break;
        }
        /* The instance's session tickets make OpenSSL keep a buffer that is of no use to us. */
        if (r == -EAGAIN)
                (void) SSL_free_buffers(c->ssl);
        if (r != -EAGAIN) {
                c->has_ended = true;
                c->end = r;
                ERR_clear_error();
        }
        return done > 0 ? (ssize_t) done : r;
}

/* One record. */
static int tls_mutual_write_one(struct tls_mutual_conn *c, const char *data, size_t size) {
        int n, r;

        ERR_clear_error();
        errno = 0;
        n = SSL_write(c->ssl, data, (int) size);
        if (n > 0)
                return c->sent_error;
        r = tls_mutual_result(c, n, errno);
        ERR_clear_error();
        return r < 0 ? r : -EPIPE;
}

ssize_t tls_mutual_conn_write(struct tls_mutual_conn *c, const void *data, size_t size) {
        size_t done = 0, n;
        int r = tls_mutual_conn_flush(c);

        size = MIN(size, TLS_MUTUAL_WRITE_MAX);
        while (r >= 0 && done < size) {
                n = MIN(size - done, TLS_MUTUAL_RECORD);
                c->has_more = done + n < size;
                r = tls_mutual_write_one(c, (const char *) data + done, n);
                done += n;
        }
        c->has_more = false;
        return r < 0 ? r : (ssize_t) done;
}

int tls_mutual_conn_end(struct tls_mutual_conn *c) {
        ERR_clear_error();
        (void) SSL_shutdown(c->ssl);
        ERR_clear_error();
        return c->sent_error;
}

int tls_mutual_conn_alert(const struct tls_mutual_conn *c) {
        return c->alert;
}

const char *tls_mutual_conn_cipher(const struct tls_mutual_conn *c) {
        return SSL_get_cipher_name(c->ssl);
}
