/* Owns curl's multi handle, its sockets and timer on the loop, and the calls.
 *
 * curl calls back from inside curl_multi_*(): nothing there may remove a handle or end a call.
 * Finished calls are therefore taken from curl's message queue after each action, and done() is
 * called there. */
#include "lib/net/http_client.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/net/curl.h"
#include "lib/net/http_easy.h"
#include "lib/net/http_idle.h"
#include "lib/net/http_public.h"

#define HTTP_CLIENT_CONNECTIONS 32
#define HTTP_CLIENT_MAX_BODY ((size_t) 64 << 20)
#define HTTP_CLIENT_CONNECT_FOR (10 * USEC_PER_SEC)
#define HTTP_CLIENT_STALL_FOR (60 * USEC_PER_SEC)

struct http_client {
        struct loop *loop;
        CURLM *multi; /* made for the first call */
        long n_connections;
        struct loop_source *timer;
        struct loop_source *at_once; /* a defer: curl's time is over as it is told */
        struct loop_source *reap;    /* a defer: something may be finished */
        char *ca_file;
        struct http_idle idle;
        struct http_client_call *calls;
};

struct http_client_call {
        struct http_client *client;
        CURL *easy;
        struct curl_slist *headers;
        struct http_client_request r; /* strings are curl's copies: not used after the start */
        struct buf body;
        uint64_t n_received;
        int error; /* why we ended it ourselves */
        char text[CURL_ERROR_SIZE];
        struct http_client_call *next, **prev;
};

/* --- calls ----------------------------------------------------------------------------------- */

static void http_client_call_free(struct http_client_call *call) {
        if (call->prev) {
                *call->prev = call->next;
                if (call->next)
                        call->next->prev = call->prev;
                (void) curl_multi_remove_handle(call->client->multi, call->easy);
        }
        if (call->easy)
                curl_easy_cleanup(call->easy);
        curl_slist_free_all(call->headers);
        buf_done(&call->body);
        mem_free(call);
}

const char *http_client_call_header(struct http_client_call *call, const char *name) {
        struct curl_header *h;

        return curl_easy_header(call->easy, name, 0, CURLH_HEADER, -1, &h) == CURLHE_OK ? h->value
                                                                                        : NULL;
}

int http_client_call_status(struct http_client_call *call) {
        long status = 0;

        (void) curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
        return (int) status;
}

uint64_t http_client_call_received(struct http_client_call *call) {
        return call->n_received;
}

int64_t http_client_call_expected(struct http_client_call *call) {
        curl_off_t n = -1;

        (void) curl_easy_getinfo(call->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &n);
        return n;
}

static void http_client_finish(struct http_client_call *call, CURLcode code) {
        struct http_client_answer a = {
                .error = call->error ?: http_easy_errno(code),
                .body = &call->body,
                .text = "",
                .content_type = "",
        };
        char *type = NULL;
        long status = 0;

        (void) curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
        (void) curl_easy_getinfo(call->easy, CURLINFO_CONTENT_TYPE, &type);
        a.status = (int) status;
        if (type)
                a.content_type = type;
        if (call->error)
                a.text = errmsg_strerror(call->error);
        else if (code != CURLE_OK)
                a.text = http_easy_reason(call->easy, code, call->text);
        call->r.done(call->r.ctx, call, &a);
        http_client_call_free(call);
}

/* done() may start and cancel calls: the queue is read anew each time. */
static void http_client_reap(struct http_client *c) {
        CURLMsg *m;
        int left;

        if (!c->multi) /* a defer fires when it is made */
                return;
        while ((m = curl_multi_info_read(c->multi, &left))) {
                struct http_client_call *call = NULL;
                CURLcode code = m->data.result;

                if (m->msg != CURLMSG_DONE)
                        continue;
                (void) curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **) &call);
                http_client_finish(call, code);
        }
}

static int http_client_on_reap(struct loop_source *s, void *ctx) {
        http_client_reap(ctx);
        return 0;
}

/* --- curl on the loop ------------------------------------------------------------------------ */

static int http_client_on_io(struct loop_source *s, int fd, uint32_t revents, void *ctx) {
        struct http_client *c = ctx;
        int what = 0, n;

        if (revents & (EPOLLIN | EPOLLHUP | EPOLLERR))
                what |= CURL_CSELECT_IN;
        if (revents & EPOLLOUT)
                what |= CURL_CSELECT_OUT;
        if (revents & EPOLLERR)
                what |= CURL_CSELECT_ERR;
        (void) curl_multi_socket_action(c->multi, fd, what, &n);
        http_client_reap(c);
        return 0;
}

static int http_client_on_at_once(struct loop_source *s, void *ctx) {
        struct http_client *c = ctx;
        int n;

        if (c->multi)
                (void) curl_multi_socket_action(c->multi, CURL_SOCKET_TIMEOUT, 0, &n);
        http_client_reap(c);
        return 0;
}

static int http_client_on_timer(struct loop_source *s, usec_t now, void *ctx) {
        return http_client_on_at_once(s, ctx);
}

static int http_client_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *of_socket) {
        struct http_client *c = ctx;
        struct loop_source *io = of_socket;
        uint32_t events =
                (what & CURL_POLL_IN ? EPOLLIN : 0) | (what & CURL_POLL_OUT ? EPOLLOUT : 0);
        int r;

        if (what == CURL_POLL_REMOVE) {
                loop_source_free(io);
                return 0;
        }
        if (io)
                return loop_source_set_events(io, events) < 0 ? -1 : 0;
        r = loop_io(c->loop, fd, events, http_client_on_io, c, &io);
        if (r >= 0 && curl_multi_assign(c->multi, fd, io) != CURLM_OK)
                r = -ENOMEM;
        return r < 0 ? -1 : 0;
}

/* A new call begins by a time of 0: a timer would begin it up to its accuracy later. */
static int http_client_set_timer(CURLM *multi, long in_ms, void *ctx) {
        struct http_client *c = ctx;
        int r = in_ms > 0 ? loop_source_arm_in(c->timer, (usec_t) in_ms * USEC_PER_MSEC)
                          : loop_source_set_enabled(c->timer, false);

        if (r >= 0 && in_ms == 0)
                r = loop_source_set_once(c->at_once);
        return r < 0 ? -1 : 0;
}

/* --- bodies ---------------------------------------------------------------------------------- */

static size_t http_client_write(char *data, size_t one, size_t size, void *ctx) {
        struct http_client_call *call = ctx;
        int r;

        if (call->r.write) {
                r = call->r.write(call->r.ctx, call, data, size);
                if (r == HTTP_CLIENT_PAUSE)
                        return CURL_WRITEFUNC_PAUSE;
        } else if (call->body.len + size > call->r.max_body) {
                r = -EFBIG;
        } else {
                r = buf_add(&call->body, data, size);
        }
        if (r < 0)
                call->error = r;
        else
                call->n_received += size;
        return r < 0 ? size + 1 : size;
}

static size_t http_client_read(char *data, size_t one, size_t size, void *ctx) {
        struct http_client_call *call = ctx;
        ssize_t n = call->r.read(call->r.ctx, data, one * size);

        if (n == -EAGAIN)
                return CURL_READFUNC_PAUSE;
        if (n < 0) {
                call->error = (int) n;
                return CURL_READFUNC_ABORT;
        }
        return (size_t) n;
}

/* --- starting -------------------------------------------------------------------------------- */

static int http_client_add_header(struct http_client_call *call, const char *text) {
        struct curl_slist *grown;

        if (text[strcspn(text, "\r\n")])
                return -EINVAL;
        grown = curl_slist_append(call->headers, text);
        if (!grown)
                return -ENOMEM;
        call->headers = grown;
        return 0;
}

static _printf_(2, 3) int http_client_printf_header(struct http_client_call *call, const char *fmt,
                                                    ...) {
        va_list ap;
        char *text;
        int r;

        va_start(ap, fmt);
        text = str_vprintf(fmt, ap);
        va_end(ap);
        if (!text)
                return -ENOMEM;
        r = http_client_add_header(call, text);
        mem_free_secret(text, strlen(text));
        return r;
}

static int http_client_add_headers(struct http_client_call *call, const char *const *headers) {
        int r = 0;

        for (; *headers && r >= 0; headers++)
                r = http_client_add_header(call, *headers);
        return r;
}

static int http_client_set_headers(struct http_client_call *call,
                                   const struct http_client_request *r) {
        bool has_body = r->body || r->read;
        int x = 0;

        if (r->headers)
                x = http_client_add_headers(call, r->headers);
        if (x >= 0 && r->token)
                x = http_client_printf_header(call, "Authorization: Bearer %s", r->token);
        if (x >= 0 && has_body)
                x = http_client_printf_header(call, "Content-Type: %s",
                                              r->content_type ?: "application/json");
        /* No wait for "100 Continue": our bodies are small or wanted. */
        if (x >= 0 && has_body)
                x = http_client_add_header(call, "Expect:");
        if (x >= 0 && r->read && r->body_total < 0)
                x = http_client_add_header(call, "Transfer-Encoding: chunked");
        return x;
}

/* The first failure sticks. */
#define HTTP_CLIENT_SET(call, option, value)                                      \
        do {                                                                      \
                if (code == CURLE_OK)                                             \
                        code = curl_easy_setopt((call)->easy, (option), (value)); \
        } while (0)

static CURLcode http_client_set_body(struct http_client_call *call,
                                     const struct http_client_request *r) {
        CURLcode code = CURLE_OK;

        if (r->read) {
                HTTP_CLIENT_SET(call, CURLOPT_UPLOAD, 1L);
                HTTP_CLIENT_SET(call, CURLOPT_READFUNCTION, http_client_read);
                HTTP_CLIENT_SET(call, CURLOPT_READDATA, call);
                if (r->body_total >= 0)
                        HTTP_CLIENT_SET(call, CURLOPT_INFILESIZE_LARGE, (curl_off_t) r->body_total);
        } else if (r->body) {
                HTTP_CLIENT_SET(call, CURLOPT_POST, 1L);
                HTTP_CLIENT_SET(call, CURLOPT_POSTFIELDS, r->body);
                HTTP_CLIENT_SET(call, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) r->body_size);
        }
        if (r->method && str_eq(r->method, "HEAD"))
                HTTP_CLIENT_SET(call, CURLOPT_NOBODY, 1L);
        else if (r->method)
                HTTP_CLIENT_SET(call, CURLOPT_CUSTOMREQUEST, r->method);
        else if (r->read)
                HTTP_CLIENT_SET(call, CURLOPT_CUSTOMREQUEST, "POST");
        HTTP_CLIENT_SET(call, CURLOPT_WRITEFUNCTION, http_client_write);
        HTTP_CLIENT_SET(call, CURLOPT_WRITEDATA, call);
        return code;
}

static CURLcode http_client_set_limits(struct http_client_call *call,
                                       const struct http_client_request *r) {
        usec_t stall_for = r->stall_for ?: HTTP_CLIENT_STALL_FOR;
        CURLcode code = CURLE_OK;

        HTTP_CLIENT_SET(call, CURLOPT_CONNECTTIMEOUT_MS,
                        (long) ((r->connect_for ?: HTTP_CLIENT_CONNECT_FOR) / USEC_PER_MSEC));
        if (stall_for != USEC_INFINITY) {
                HTTP_CLIENT_SET(call, CURLOPT_LOW_SPEED_LIMIT, 1L);
                HTTP_CLIENT_SET(call, CURLOPT_LOW_SPEED_TIME,
                                (long) MAX(stall_for / USEC_PER_SEC, (usec_t) 1));
        }
        if (r->io_size > 0) {
                HTTP_CLIENT_SET(call, CURLOPT_BUFFERSIZE, (long) r->io_size);
                HTTP_CLIENT_SET(call, CURLOPT_UPLOAD_BUFFERSIZE, (long) r->io_size);
        }
        if (r->total_for > 0)
                HTTP_CLIENT_SET(call, CURLOPT_TIMEOUT_MS, (long) (r->total_for / USEC_PER_MSEC));
        return code;
}

/* A name may mean another address now than when it was looked at: this one is connected to. */
static curl_socket_t http_client_open_public(void *ctx, curlsocktype purpose,
                                             struct curl_sockaddr *a) {
        (void) ctx;
        (void) purpose;
        if (!http_public_address(&a->addr))
                return CURL_SOCKET_BAD;
        return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

static CURLcode http_client_set_target(struct http_client_call *call,
                                       const struct http_client_request *r) {
        CURLcode code =
                http_easy_set_target(call->easy, r->url, r->unix_path, call->client->ca_file);

        HTTP_CLIENT_SET(call, CURLOPT_ERRORBUFFER, call->text);
        HTTP_CLIENT_SET(call, CURLOPT_PRIVATE, call);
        if (r->public_only) {
                HTTP_CLIENT_SET(call, CURLOPT_OPENSOCKETFUNCTION, http_client_open_public);
                HTTP_CLIENT_SET(call, CURLOPT_PROXY, "");
        }
        HTTP_CLIENT_SET(call, CURLOPT_HTTPHEADER, call->headers);
        return code;
}

static CURLcode http_client_set_idle(struct http_client_call *call) {
        struct http_client *c = call->client;
        long max_s = http_idle_max(&c->idle, loop_now(c->loop, CLOCK_BOOTTIME),
                                   loop_now(c->loop, CLOCK_MONOTONIC));
        CURLcode code = CURLE_OK;

        if (max_s < 0)
                HTTP_CLIENT_SET(call, CURLOPT_FRESH_CONNECT, 1L);
        else
                HTTP_CLIENT_SET(call, CURLOPT_MAXAGE_CONN, max_s);
        return code;
}

static int http_client_prepare(struct http_client_call *call, const struct http_client_request *r) {
        CURLcode code;
        int x;

        call->easy = curl_easy_init();
        if (!call->easy)
                return -ENOMEM;
        x = http_client_set_headers(call, r);
        if (x < 0)
                return x;
        code = http_client_set_target(call, r);
        if (code == CURLE_OK)
                code = http_client_set_body(call, r);
        if (code == CURLE_OK)
                code = http_client_set_limits(call, r);
        if (code == CURLE_OK)
                code = http_client_set_idle(call);
        return code == CURLE_OUT_OF_MEMORY ? -ENOMEM : code == CURLE_OK ? 0 : -EINVAL;
}

/* A program that calls nobody does without libcurl. */
static int http_client_open(struct http_client *c) {
        CURLM *multi;

        if (c->multi)
                return 0;
        if (curl_load(NULL) < 0)
                return -EPROTONOSUPPORT;
        /* Thread-safe and counted since curl 7.84. */
        if (http_easy_init() != CURLE_OK)
                return -ENOMEM;
        multi = curl_multi_init();
        if (!multi) {
                curl_global_cleanup();
                return -ENOMEM;
        }
        curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, http_client_socket);
        curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, c);
        curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, http_client_set_timer);
        curl_multi_setopt(multi, CURLMOPT_TIMERDATA, c);
        curl_multi_setopt(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, c->n_connections);
        /* All are kept: by itself curl closes what is more than four times the calls under way. */
        curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, c->n_connections);
        c->multi = multi;
        return 0;
}

int http_client_start(struct http_client *c, const struct http_client_request *r,
                      struct http_client_call **ret) {
        struct http_client_call *call = mem_new(struct http_client_call);
        int x;

        if (!call)
                return -ENOMEM;
        call->client = c;
        call->r = *r;
        if (call->r.max_body == 0)
                call->r.max_body = HTTP_CLIENT_MAX_BODY;
        x = http_client_open(c);
        if (x >= 0)
                x = http_client_prepare(call, r);
        if (x >= 0 && curl_multi_add_handle(c->multi, call->easy) != CURLM_OK)
                x = -ENOMEM;
        if (x < 0) {
                http_client_call_free(call);
                return x;
        }
        call->next = c->calls;
        call->prev = &c->calls;
        if (call->next)
                call->next->prev = &call->next;
        c->calls = call;
        if (ret)
                *ret = call;
        return 0;
}

void http_client_call_resume(struct http_client_call *call) {
        /* May call write() at once; the end is reaped from the loop, never under the caller. */
        (void) curl_easy_pause(call->easy, CURLPAUSE_CONT);
        (void) loop_source_set_once(call->client->reap);
}

void http_client_call_cancel(struct http_client_call *call) {
        if (call)
                http_client_call_free(call);
}

/* --- making and freeing ---------------------------------------------------------------------- */

int http_client_new(struct loop *l, const struct http_client_options *o, struct http_client **ret) {
        _cleanup_(http_client_freep) struct http_client *c = mem_new(struct http_client);
        int r;

        if (!c)
                return -ENOMEM;
        c->loop = l;
        c->n_connections =
                (long) (o && o->n_connections ? o->n_connections : HTTP_CLIENT_CONNECTIONS);
        if (o && o->ca_file && !(c->ca_file = mem_strdup(o->ca_file)))
                return -ENOMEM;
        r = loop_timer(l, CLOCK_MONOTONIC, USEC_INFINITY, USEC_PER_MSEC, http_client_on_timer, c,
                       &c->timer);
        if (r >= 0)
                r = loop_defer(l, http_client_on_at_once, c, &c->at_once);
        if (r >= 0)
                r = loop_defer(l, http_client_on_reap, c, &c->reap);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(c);
        return 0;
}

struct http_client *http_client_free(struct http_client *c) {
        if (!c)
                return NULL;
        while (c->calls) {
                struct http_client_call *call = c->calls;

                call->error = -ECANCELED;
                http_client_finish(call, CURLE_OK);
        }
        if (c->multi) {
                curl_multi_cleanup(c->multi);
                curl_global_cleanup();
        }
        loop_source_free(c->timer);
        loop_source_free(c->at_once);
        loop_source_free(c->reap);
        mem_free(c->ca_file);
        mem_free(c);
        return NULL;
}
