#include "daemons/web/web_ready.h"

#include <assert.h>
#include <errno.h>

#include "lib/base/arena.h"
#include "lib/base/json_write.h"
#include "lib/base/str.h"

#define PATIENCE (2 * USEC_PER_SEC)

struct question {
        struct round *round;
        const char *name, *socket;
        const char *trouble; /* NULL: it is ready */
};

/* One request's questions; lives in its arena. */
struct round {
        struct http_request *req;
        size_t n, n_open;
        struct question questions[WEB_READY_MAX];
};

static void answer(struct round *round) {
        struct buf out = {};
        struct json_write w;
        bool ready = true;

        for (size_t i = 0; i < round->n; i++)
                ready = ready && !round->questions[i].trouble;
        json_write_init(&w, &out, 0);
        json_write_object(&w);
        json_write_kv_str(&w, "status", ready ? "ready" : "not ready");
        json_write_kv_object(&w, "upstreams");
        for (size_t i = 0; i < round->n; i++) {
                const struct question *q = &round->questions[i];

                json_write_kv_str(&w, q->name, q->trouble ? q->trouble : "ok");
        }
        json_write_end(&w);
        json_write_end(&w);
        if (json_write_finish(&w) < 0) {
                buf_done(&out);
                http_request_reply_error(round->req, 503, "out of memory");
                return;
        }
        http_request_reply_json(round->req, ready ? 200 : 503, &out);
}

static void on_answer(void *ctx, struct http_client_call *call,
                      const struct http_client_answer *a) {
        struct question *q = ctx;
        struct round *round = q->round;

        if (a->error < 0)
                q->trouble = arena_printf(round->req->arena, "does not answer at %s", q->socket);
        else if (a->status != 200)
                q->trouble = arena_printf(round->req->arena, "answered %d", a->status);
        else
                q->trouble = NULL;
        assert(round->n_open > 0);
        if (--round->n_open == 0)
                answer(round);
}

static int ask(struct question *q, struct http_client *client, const struct web_ready_upstream *u) {
        struct http_client_call *call;
        const char *url = arena_printf(q->round->req->arena, "http://localhost%s", u->path);
        const struct http_client_request r = {
                .url = url,
                .unix_path = u->socket,
                .done = on_answer,
                .ctx = q,
                .max_body = 65536,
                .total_for = PATIENCE,
        };

        return url ? http_client_start(client, &r, &call) : -ENOMEM;
}

int web_ready_ask(struct http_request *req, struct http_client *client,
                  const struct web_ready_upstream *upstreams, size_t n) {
        struct round *round = arena_new(req->arena, struct round);

        assert(n > 0 && n <= WEB_READY_MAX);
        if (!round)
                return -ENOMEM;
        round->req = req;
        round->n = n;
        /* One more than asked, so that the last answer cannot come before the last question. */
        round->n_open = n + 1;
        for (size_t i = 0; i < n; i++) {
                struct question *q = &round->questions[i];

                *q = (struct question){round, upstreams[i].name, upstreams[i].socket,
                                       "was not asked"};
                if (ask(q, client, &upstreams[i]) < 0)
                        round->n_open--;
        }
        if (--round->n_open == 0)
                answer(round);
        return HTTP_LATER;
}
