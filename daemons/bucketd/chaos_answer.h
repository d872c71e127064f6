/* chaos_answer.h: an answer as a plan spoils it: late, cut, slow, with a wrong byte.
 *
 * Owns what is to be sent until it is. Threads: made on any, goes on on the loop's. */
#pragma once

#include "daemons/bucketd/chaos.h"
#include "lib/base/buf.h"
#include "lib/net/http_request.h"

struct loop;

/* The answers that are late. Zeroed is none; the loop's thread. */
struct chaos_late {
        struct sender *first;
        bool is_over;
};
/* None is late any more: those that are go out now. */
void chaos_answer_flush(struct chaos_late *l);

struct chaos_answer {
        struct chaos_late *late;
        struct http_request *req;
        struct loop *loop;
        struct chaos_plan plan;
        int status;
        const char *type; /* lives as long as the request */
        enum { CHAOS_BUF, CHAOS_HEAD, CHAOS_FILE, CHAOS_STREAM } kind;
        struct buf body;
        int fd;
        uint64_t offset, size;
        struct http_request_stream stream;
};

/* Takes what is in a copy of *a. What a route returns. */
int chaos_answer(const struct chaos_answer *a);

/* The gate before each piece of a request's body: 0 go on, HTTP_PAUSE, or negative: cut. */
struct chaos_gate {
        struct http_request *req;
        struct loop_source *timer;
        uint64_t n_came;
        usec_t began_at;
};
int chaos_answer_gate(struct chaos_gate *g, struct http_request *req, struct loop *loop,
                      const struct chaos_plan *plan, size_t size);
/* The request goes away. */
void chaos_answer_gate_done(struct chaos_gate *g);
