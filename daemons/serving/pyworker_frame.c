#include "daemons/serving/pyworker_frame.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "lib/base/json.h"
#include "lib/base/json_write.h"

#define PREFIX_SIZE 8

int pyworker_frame_add(struct buf *out, const struct pyworker_frame_request *r) {
        _cleanup_buf_ struct buf head = {};
        uint32_t sizes[2];
        struct json_write w;

        if (r->body_size > UINT32_MAX)
                return -E2BIG;
        json_write_init(&w, &head, 0);
        json_write_object(&w);
        json_write_kv_u64(&w, "id", r->id);
        json_write_kv_str(&w, "endpoint", r->endpoint);
        json_write_kv_str(&w, "method", r->method);
        json_write_kv_str(&w, "type", r->content_type);
        json_write_end(&w);
        if (json_write_finish(&w) < 0)
                return -ENOMEM;
        assert(head.len <= UINT32_MAX);

        sizes[0] = htobe32((uint32_t) head.len);
        sizes[1] = htobe32((uint32_t) r->body_size);
        buf_add(out, sizes, sizeof(sizes));
        buf_add(out, head.data, head.len);
        buf_add(out, r->body, r->body_size);
        return buf_error(out);
}

static int read_ready(const struct json *j, struct pyworker_frame_message *m, struct errmsg *em) {
        bool ready = false;
        int r;

        m->error = "it gave no reason";
        r = json_need_bool(j, "ready", &ready, em);
        if (r < 0)
                return r;
        m->kind = ready ? PYWORKER_FRAME_READY : PYWORKER_FRAME_REFUSED;
        return json_want_str(j, "error", &m->error, em);
}

static int read_reply(const struct json *j, struct pyworker_frame_message *m, struct errmsg *em) {
        int64_t id = 0, status = 0;
        int r;

        m->kind = PYWORKER_FRAME_REPLY;
        r = json_need_i64(j, "id", &id, em);
        if (r < 0)
                return r;
        r = json_need_i64(j, "status", &status, em);
        if (r < 0)
                return r;
        if (id < 0 || status < 200 || status > 599)
                return errmsg_fail(em, -EINVAL, "id or status is out of range");
        m->id = (uint64_t) id;
        m->status = (int) status;
        return json_need_str(j, "type", &m->content_type, em);
}

static int read_head(struct arena *a, const char *text, size_t len,
                     struct pyworker_frame_message *m, struct errmsg *em) {
        struct json *j;
        int r;

        r = json_parse_copy(a, text, len, &j, em);
        if (r < 0)
                return r;
        return json_get(j, "ready") ? read_ready(j, m, em) : read_reply(j, m, em);
}

int pyworker_frame_next(struct arena *a, const char *data, size_t len, size_t max_body,
                        struct pyworker_frame_message *ret, size_t *ret_used, struct errmsg *em) {
        struct pyworker_frame_message m = {};
        uint32_t sizes[2];
        size_t head, body;
        int r;

        if (len < PREFIX_SIZE)
                return PYWORKER_FRAME_MORE;
        memcpy(sizes, data, PREFIX_SIZE);
        head = be32toh(sizes[0]);
        body = be32toh(sizes[1]);
        if (head == 0 || head > PYWORKER_FRAME_HEAD_MAX)
                return errmsg_fail(em, -EPROTO, "a frame's head has %zu bytes", head);
        if (body > max_body)
                return errmsg_fail(em, -EFBIG, "an answer has %zu bytes, at most %zu may be sent",
                                   body, max_body);
        if (len - PREFIX_SIZE < head || len - PREFIX_SIZE - head < body)
                return PYWORKER_FRAME_MORE;

        r = read_head(a, data + PREFIX_SIZE, head, &m, em);
        if (r == -EINVAL)
                return -EPROTO;
        if (r < 0)
                return r;
        m.body = data + PREFIX_SIZE + head;
        m.body_size = body;
        *ret = m;
        *ret_used = PREFIX_SIZE + head + body;
        return 0;
}
