#pragma once
/* The frames between onebox-serving and a Python worker (python/serving_worker.py):
 *
 *      4 bytes   length of the head, big endian
 *      4 bytes   length of the body, big endian
 *      head      JSON
 *      body      bytes, untouched
 * To the worker: {"id", "endpoint", "method", "type"}. From it: once {"ready": true} or {"ready":
 * false, "error": text}, then {"id", "status", "type"} for each request. Pure. */
#include <stddef.h>
#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/errmsg.h"

#define PYWORKER_FRAME_HEAD_MAX 65536

struct pyworker_frame_request {
        uint64_t id;
        const char *endpoint;
        const char *method;
        const char *content_type;
        const void *body;
        size_t body_size;
};

enum pyworker_frame_kind { PYWORKER_FRAME_READY = 1, PYWORKER_FRAME_REFUSED, PYWORKER_FRAME_REPLY };

struct pyworker_frame_message {
        enum pyworker_frame_kind kind;
        const char *error; /* REFUSED: why, for people */
        uint64_t id;       /* REPLY, and all below */
        int status;        /* 200…599 */
        const char *content_type;
        const char *body;
        size_t body_size;
};

/* 0, -ENOMEM, -E2BIG (a body beyond 4 GiB). */
int pyworker_frame_add(struct buf *out, const struct pyworker_frame_request *r);

/* Takes one whole frame off the front of data. The message lives in the arena, its body in data.
 * 0; PYWORKER_FRAME_MORE: not all of it is there yet; -EPROTO with em: no such frame can come from
 * a worker of ours; -EFBIG: its body is beyond max_body; -ENOMEM. */
#define PYWORKER_FRAME_MORE 1
int pyworker_frame_next(struct arena *a, const char *data, size_t len, size_t max_body,
                        struct pyworker_frame_message *ret, size_t *ret_used, struct errmsg *em);
