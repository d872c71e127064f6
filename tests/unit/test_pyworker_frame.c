/* Frames: what is written is what the worker reads; what it sends is taken whole or not at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above first. */
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "daemons/serving/pyworker_frame.h"
#include "lib/base/fault.h"
#include "lib/base/macros.h"

static struct arena arena;
static struct pyworker_frame_message message;
static struct errmsg em;
static size_t used;

static int setup(void **state) {
        arena_init(&arena, 0);
        memset(&message, 0, sizeof(message));
        em.text[0] = 0;
        used = 0;
        return 0;
}

static int teardown(void **state) {
        arena_done(&arena);
        return 0;
}

static int next(const void *data, size_t len) {
        return pyworker_frame_next(&arena, data, len, 1000, &message, &used, &em);
}

/* A frame with this head and body in out. */
static void make(struct buf *out, const char *head, const char *body, size_t body_size) {
        size_t n = strlen(head);
        const unsigned char sizes[8] = {
                0, 0, (unsigned char) (n >> 8),         (unsigned char) n,
                0, 0, (unsigned char) (body_size >> 8), (unsigned char) body_size};

        buf_reset(out);
        buf_add(out, sizes, sizeof(sizes));
        buf_add(out, head, n);
        buf_add(out, body, body_size);
        assert_int_equal(buf_error(out), 0);
}

static void request(void **state) {
        static const char head[] =
                "{\"id\":7,\"endpoint\":\"/p\",\"method\":\"POST\",\"type\":\"a/b\"}";
        const struct pyworker_frame_request r = {7, "/p", "POST", "a/b", "x\0y", 3};
        _cleanup_buf_ struct buf out = {};

        assert_int_equal(pyworker_frame_add(&out, &r), 0);
        assert_int_equal(out.len, 8 + strlen(head) + 3);
        assert_memory_equal(out.data, "\0\0\0", 3);
        assert_int_equal((unsigned char) out.data[3], strlen(head));
        assert_memory_equal(out.data + 4, "\0\0\0\3", 4);
        assert_memory_equal(out.data + 8, head, strlen(head));
        assert_memory_equal(out.data + 8 + strlen(head), "x\0y", 3);
}

static void reply(void **state) {
        _cleanup_buf_ struct buf b = {};

        make(&b, "{\"id\": 7, \"status\": 200, \"type\": \"text/html\"}", "a\0b", 3);
        buf_add(&b, "more", 4);
        assert_int_equal(next(b.data, b.len), 0);
        assert_int_equal(message.kind, PYWORKER_FRAME_REPLY);
        assert_int_equal(message.id, 7);
        assert_int_equal(message.status, 200);
        assert_string_equal(message.content_type, "text/html");
        assert_int_equal(message.body_size, 3);
        assert_memory_equal(message.body, "a\0b", 3);
        assert_int_equal(used, b.len - 4);
}

/* At every length short of the whole, nothing is taken. */
static void pieces(void **state) {
        _cleanup_buf_ struct buf b = {};

        make(&b, "{\"id\": 7, \"status\": 200, \"type\": \"text/html\"}", "body", 4);
        for (size_t n = 0; n < b.len; n++) {
                assert_int_equal(next(b.data, n), PYWORKER_FRAME_MORE);
                assert_int_equal(used, 0);
        }
        assert_int_equal(next(b.data, b.len), 0);
}

static void readiness(void **state) {
        _cleanup_buf_ struct buf b = {};

        make(&b, "{\"ready\": true}", "", 0);
        assert_int_equal(next(b.data, b.len), 0);
        assert_int_equal(message.kind, PYWORKER_FRAME_READY);
        make(&b, "{\"ready\": false, \"error\": \"no module\"}", "", 0);
        assert_int_equal(next(b.data, b.len), 0);
        assert_int_equal(message.kind, PYWORKER_FRAME_REFUSED);
        assert_string_equal(message.error, "no module");
        make(&b, "{\"ready\": false}", "", 0);
        assert_int_equal(next(b.data, b.len), 0);
        assert_true(strlen(message.error) > 0);
}

static void nonsense(void **state) {
        static const char *const heads[] = {
                "nothing",
                "[]",
                "{}",
                "{\"ready\": 1}",
                "{\"id\": -1, \"status\": 200, \"type\": \"x\"}",
                "{\"id\": 1, \"status\": 199, \"type\": \"x\"}",
                "{\"id\": 1, \"status\": 600, \"type\": \"x\"}",
                "{\"id\": 1, \"status\": 200}",
                "{\"id\": 1.5, \"status\": 200, \"type\": \"x\"}",
        };
        _cleanup_buf_ struct buf b = {};

        for (size_t i = 0; i < ARRAY_SIZE(heads); i++) {
                make(&b, heads[i], "", 0);
                em.text[0] = 0;
                assert_int_equal(next(b.data, b.len), -EPROTO);
                assert_true(em.text[0] != 0);
        }
        assert_int_equal(next("\0\0\0\0\0\0\0\0", 8), -EPROTO);
        assert_int_equal(next("\0\1\0\1\0\0\0\0", 8), -EPROTO);
        assert_int_equal(next("\377\377\377\377\377\377\377\377", 8), -EPROTO);
        assert_int_equal(used, 0);
}

/* Refused by its size alone, before it is there. */
static void too_long(void **state) {
        assert_int_equal(next("\0\0\0\2\0\0\3\351", 8), -EFBIG);
        assert_non_null(strstr(em.text, "1001 bytes"));
        assert_int_equal(next("\0\0\0\2\0\0\3\350", 8), PYWORKER_FRAME_MORE);
}

/* Memory that runs out at every place in turn. */
static void out_of_memory(void **state) {
        const struct pyworker_frame_request request_ = {7, "/p", "POST", "a/b", "xy", 2};
        _cleanup_buf_ struct buf reply_ = {};
        unsigned n = 0;
        int r = -ENOMEM;

        make(&reply_, "{\"id\": 7, \"status\": 200, \"type\": \"text/html\"}", "b", 1);
        while (r == -ENOMEM) {
                struct buf out = {};
                struct arena a;

                arena_init(&a, 0);
                fault_arm(FAULT_ALLOC, ++n, 0, 1);
                r = pyworker_frame_add(&out, &request_);
                if (r == 0)
                        r = pyworker_frame_next(&a, reply_.data, reply_.len, 1000, &message, &used,
                                                &em);
                fault_reset();
                buf_done(&out);
                arena_done(&a);
        }
        assert_int_equal(r, 0);
        assert_true(n > 2);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(request),  TEST(reply),    TEST(pieces),        TEST(readiness),
                TEST(nonsense), TEST(too_long), TEST(out_of_memory),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
