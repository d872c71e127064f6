#include "lib/net/http_direct_call.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/net/http_direct_conn.h"

#define HTTP_DIRECT_CALL_PIECE ((size_t) 16 << 10) /* received at a time */

void http_direct_call_answer_done(struct http_direct_call_answer *a) {
        http_response_done(&a->head);
        buf_done(&a->body);
}

static uint64_t http_direct_call_size(const struct http_direct_call *c) {
        uint64_t n = 0;

        for (size_t i = 0; i < c->n_body; i++)
                n += c->body[i].iov_len;
        return n;
}

static int http_direct_call_print(const struct http_direct *d, const struct http_direct_call *c,
                                  struct buf *ret) {
        int r = http_direct_conn_print(d, c->method, c->target, c->token, c->headers, ret);

        if (r < 0)
                return r;
        if (c->content_type) {
                if (c->content_type[strcspn(c->content_type, "\r\n")])
                        return -EINVAL;
                buf_printf(ret, "Content-Type: %s\r\nContent-Length: %" PRIu64 "\r\n",
                           c->content_type, http_direct_call_size(c));
        }
        buf_add_lit(ret, "\r\n");
        return buf_error(ret);
}

/* The head and the body as they go, on the heap: used up by sending. */
static struct iovec *http_direct_call_pieces(const struct http_direct_call *c,
                                             const struct buf *text) {
        struct iovec *v = mem_alloc_array(c->n_body + 1, sizeof(*v));

        if (!v)
                return NULL;
        v[0] = (struct iovec){text->data, text->len};
        if (c->n_body > 0)
                memcpy(v + 1, c->body, c->n_body * sizeof(*v));
        return v;
}

/* n bytes came. */
static int http_direct_call_take(const struct http_direct_call *c, char *data, size_t n,
                                 struct http_direct_call_answer *ret) {
        ssize_t k = http_response_head(&ret->head, data, n);

        if (k < 0)
                return (int) k;
        if (!ret->head.has_head)
                return 0;
        ret->status = ret->head.status;
        data += k;
        k = http_response_body(&ret->head, data, n - (size_t) k);
        if (k < 0)
                return (int) k;
        if (ret->body.len + (size_t) k > c->max_answer)
                return -EFBIG;
        return buf_add(&ret->body, data, (size_t) k);
}

static int http_direct_call_receive(struct http_direct_conn *conn, const struct http_direct_call *c,
                                    struct http_direct_call_answer *ret) {
        int r = 0;

        while (r >= 0 && !ret->head.is_complete) {
                char data[HTTP_DIRECT_CALL_PIECE];
                struct iovec v = {data, sizeof(data)};
                bool has_length = ret->head.has_head && ret->head.framing == HTTP_RESPONSE_LENGTH;
                ssize_t n = http_direct_conn_recv(conn, &v, 1, has_length ? ret->head.left : 0);

                if (n < 0)
                        return (int) n;
                if (n == 0)
                        return http_response_eof(&ret->head);
                r = http_direct_call_take(c, data, (size_t) n, ret);
        }
        return r;
}

static int http_direct_call_exchange(struct http_direct_conn *conn,
                                     const struct http_direct_call *c, const struct buf *text,
                                     struct http_direct_call_answer *ret, bool *ret_keep) {
        _cleanup_free_ struct iovec *v = http_direct_call_pieces(c, text);
        struct http_direct_conn_early early = {};
        int sent, r = v ? 0 : -ENOMEM;

        if (r < 0)
                return r;
        if (c->stall_for > 0)
                conn->stall_for = c->stall_for;
        ret->was_sent = true;
        http_direct_conn_low_water(conn, 1);
        sent = http_direct_conn_send(conn, v, c->n_body + 1, &early);
        if (sent < 0)
                return sent;
        if (early.n > 0)
                r = http_direct_call_take(c, early.data, early.n, ret);
        if (r >= 0)
                r = http_direct_call_receive(conn, c, ret);
        *ret_keep = r == 0 && sent == 0 && ret->head.keep_alive;
        return r;
}

static int http_direct_call_try(struct http_direct *d, const struct http_direct_call *c,
                                const struct buf *text, bool fresh, bool *ret_was_used,
                                struct http_direct_call_answer *ret) {
        struct http_direct_conn *conn;
        bool keep = false;
        int r = http_direct_conn_take(d, fresh, &conn);

        if (r < 0)
                return r;
        *ret_was_used = conn->fd >= 0;
        r = http_direct_conn_ready(conn);
        if (r >= 0)
                r = http_direct_call_exchange(conn, c, text, ret, &keep);
        http_direct_conn_give(conn, keep);
        return r;
}

int http_direct_call(struct http_direct *d, const struct http_direct_call *c,
                     struct http_direct_call_answer *ret) {
        _cleanup_buf_ struct buf text = {};
        usec_t began_at = http_direct_conn_now();
        bool was_used = false;
        int r;

        *ret = (struct http_direct_call_answer){};
        http_response_init(&ret->head, false);
        r = http_direct_call_print(d, c, &text);
        if (r >= 0)
                r = http_direct_call_try(d, c, &text, false, &was_used, ret);
        /* The server closed it just then: that is no failure, once. */
        if (r == -ECONNRESET && was_used && ret->status == 0) {
                ret->unsure = ret->was_sent;
                http_response_done(&ret->head);
                http_response_init(&ret->head, false);
                r = http_direct_call_try(d, c, &text, true, &was_used, ret);
        }
        ret->took_for = http_direct_conn_now() - began_at;
        if (c->token && text.data)
                explicit_bzero(text.data, text.len);
        return d->stopping && r < 0 ? -ECANCELED : r;
}
