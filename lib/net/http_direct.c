#include "lib/net/http_direct.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/net/http_direct_conn.h"
#include "lib/net/http_easy.h"
#include "lib/net/http_response.h"

#define HTTP_DIRECT_CONNECTIONS 32
#define HTTP_DIRECT_CONNECT_FOR (10 * USEC_PER_SEC)
#define HTTP_DIRECT_STALL_FOR (10 * USEC_PER_SEC)
#define HTTP_DIRECT_IDLE_FOR (30 * USEC_PER_SEC)

/* --- GETs ------------------------------------------------------------------------------------ */

/* Bytes that came with the head. */
static int http_direct_put(const struct http_direct_request *r, const char *data, size_t n,
                           struct http_direct_answer *ret) {
        while (n > 0) {
                struct iovec room;
                size_t part;
                int x;

                if (r->rooms(r->ctx, &room, 1) == 0)
                        return -EMSGSIZE;
                part = MIN(n, room.iov_len);
                memcpy(room.iov_base, data, part);
                x = r->took(r->ctx, part);
                if (x < 0)
                        return x;
                ret->n_received += part;
                data += part;
                n -= part;
        }
        return 0;
}

/* Where as many as `left` bytes go. curl fills one place at a time. */
static size_t http_direct_rooms(const struct http_direct_conn *c,
                                const struct http_direct_request *r, uint64_t left,
                                struct iovec rooms[HTTP_DIRECT_PIECES]) {
        size_t n = r->rooms(r->ctx, rooms, c->pool->is_plain ? HTTP_DIRECT_PIECES : 1);

        for (size_t i = 0; i < n; i++) {
                rooms[i].iov_len = (size_t) MIN((uint64_t) rooms[i].iov_len, left);
                left -= rooms[i].iov_len;
                if (left == 0)
                        return i + 1;
        }
        return n;
}

/* TLS gives a record at a time, which is little: what else is there comes along. */
static size_t http_direct_more(struct http_direct_conn *c, char *data, size_t size) {
        size_t n = 0, part;

        while (c->pool->is_tls && n < size &&
               curl_easy_recv(c->easy, data + n, size - n, &part) == CURLE_OK && part > 0)
                n += part;
        return n;
}

static int http_direct_body(struct http_direct_conn *c, const struct http_direct_request *r,
                            struct http_direct_answer *ret) {
        while (ret->n_received < r->n_wanted) {
                uint64_t left = r->n_wanted - ret->n_received;
                struct iovec rooms[HTTP_DIRECT_PIECES];
                size_t n_rooms = http_direct_rooms(c, r, left, rooms);
                ssize_t n;
                int x;

                if (n_rooms == 0)
                        return -EMSGSIZE;
                n = http_direct_conn_recv(c, rooms, n_rooms, left);
                if (n <= 0)
                        return n < 0 ? (int) n : -ECONNRESET;
                n += (ssize_t) http_direct_more(c, (char *) rooms[0].iov_base + n,
                                                rooms[0].iov_len - (size_t) n);
                x = r->took(r->ctx, (size_t) n);
                if (x < 0)
                        return x;
                ret->n_received += (uint64_t) n;
        }
        return 0;
}

/* The head, and what of the body came with it. */
static int http_direct_head(struct http_direct_conn *c, const struct http_direct_request *r,
                            struct http_response *head, struct http_direct_answer *ret) {
        usec_t sent_at = http_direct_conn_now(), stall_for = c->stall_for;

        if (r->first_for > 0)
                c->stall_for = MIN(c->stall_for, r->first_for);
        while (!head->has_head) {
                char first[HTTP_DIRECT_CONN_FIRST];
                struct iovec v = {first, sizeof(first)};
                ssize_t n = http_direct_conn_recv(c, &v, 1, 0), of_head;

                if (n <= 0)
                        return n < 0 ? (int) n : -ECONNRESET;
                c->stall_for = stall_for;
                if (ret->first_after == 0)
                        ret->first_after = http_direct_conn_now() - sent_at + 1;
                of_head = http_response_head(head, first, (size_t) n);
                if (of_head < 0)
                        return (int) of_head;
                if (!head->has_head)
                        continue;
                ret->status = head->status;
                if (head->status != (r->is_range ? 206 : 200) ||
                    http_response_length(head) != (int64_t) r->n_wanted)
                        return 1;
                if ((uint64_t) (n - of_head) > r->n_wanted)
                        return -EPROTO;
                return http_direct_put(r, first + of_head, (size_t) (n - of_head), ret);
        }
        return 0;
}

static int http_direct_exchange(struct http_direct_conn *c, const struct http_direct_request *r,
                                const struct buf *text, struct http_direct_answer *ret,
                                bool *ret_keep) {
        struct iovec all = {text->data, text->len};
        struct http_response head;
        int x = http_direct_conn_send(c, &all, 1, NULL);

        if (x < 0)
                return x;
        http_response_init(&head, false);
        http_direct_conn_low_water(c, 1);
        x = http_direct_head(c, r, &head, ret);
        if (x == 0)
                x = http_direct_body(c, r, ret);
        *ret_keep = x == 0 && head.keep_alive;
        http_response_done(&head);
        return x;
}

int http_direct_get(struct http_direct *d, const struct http_direct_request *r,
                    struct http_direct_answer *ret) {
        _cleanup_buf_ struct buf text = {};
        usec_t began_at = http_direct_conn_now();
        bool again = false;
        int x;

        *ret = (struct http_direct_answer){};
        x = http_direct_conn_print(d, "GET", r->target, r->token, r->headers, &text);
        if (x >= 0)
                x = buf_add_lit(&text, "\r\n");
        if (x < 0)
                return x;
        do {
                struct http_direct_conn *c;
                bool keep = false, was_used;

                x = http_direct_conn_take(d, again, &c);
                if (x < 0)
                        break;
                was_used = c->fd >= 0;
                x = http_direct_conn_ready(c);
                if (x >= 0)
                        x = http_direct_exchange(c, r, &text, ret, &keep);
                http_direct_conn_give(c, keep);
                /* The server closed it just then: that is no failure, once. */
                again = x == -ECONNRESET && was_used && ret->status == 0 && !again;
        } while (again);
        ret->took_for = http_direct_conn_now() - began_at;
        if (r->token)
                explicit_bzero(text.data, text.len);
        return d->stopping && x < 0 ? -ECANCELED : x;
}

/* --- making and freeing ---------------------------------------------------------------------- */

void http_direct_trim(struct http_direct *d) {
        struct http_direct_conn *weeds;

        pthread_mutex_lock(&d->lock);
        weeds = http_direct_conn_weed(d, http_direct_conn_now());
        pthread_mutex_unlock(&d->lock);
        http_direct_conn_close_all(weeds);
}

void http_direct_stop(struct http_direct *d) {
        pthread_mutex_lock(&d->lock);
        d->stopping = true;
        for (struct http_direct_conn *c = d->busy; c; c = c->next)
                if (c->fd >= 0)
                        (void) shutdown(c->fd, SHUT_RDWR);
        pthread_mutex_unlock(&d->lock);
}

int http_direct_new(const struct http_direct_options *o, struct http_direct **ret) {
        _cleanup_(http_direct_freep) struct http_direct *d = NULL;
        const char *host = strstr(o->origin, "://");

        if (!host || host[3 + strcspn(host + 3, "/?#@ \r\n")])
                return -EINVAL;
        if (http_easy_init() != CURLE_OK)
                return -ENOMEM;
        d = mem_new(struct http_direct);
        if (!d) {
                curl_global_cleanup();
                return -ENOMEM;
        }
        pthread_mutex_init(&d->lock, NULL);
        d->o = *o;
        d->o.n_connections = o->n_connections ?: HTTP_DIRECT_CONNECTIONS;
        d->o.connect_for = o->connect_for ?: HTTP_DIRECT_CONNECT_FOR;
        d->o.stall_for = o->stall_for ?: HTTP_DIRECT_STALL_FOR;
        d->o.idle_for = o->idle_for ?: HTTP_DIRECT_IDLE_FOR;
        d->is_tls = str_starts(o->origin, "https://");
        d->is_plain = http_easy_is_plain(o->origin);
        d->origin = mem_strdup(o->origin);
        d->host = mem_strdup(host + 3);
        if (!d->origin || !d->host || (o->ca_file && !(d->ca_file = mem_strdup(o->ca_file))))
                return -ENOMEM;
        *ret = TAKE_PTR(d);
        return 0;
}

struct http_direct *http_direct_free(struct http_direct *d) {
        if (!d)
                return NULL;
        http_direct_conn_close_all(d->idle);
        pthread_mutex_destroy(&d->lock);
        mem_free(d->origin);
        mem_free(d->host);
        mem_free(d->ca_file);
        mem_free(d);
        curl_global_cleanup();
        return NULL;
}
