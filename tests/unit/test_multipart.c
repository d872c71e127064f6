#include "tests/unit/base_test.h"

#include "daemons/bucketd/multipart.h"

struct seen {
        struct buf parts[4];
        char headers[4][200];
        unsigned n;
        int refuse;
};

static int on_part(void *ctx, unsigned index, char *headers) {
        struct seen *s = ctx;

        assert_true(index < 4);
        s->n = index + 1;
        (void) snprintf(s->headers[index], sizeof(s->headers[index]), "%s", headers);
        return s->refuse;
}

static int on_data(void *ctx, unsigned index, const void *data, size_t size) {
        struct seen *s = ctx;

        return buf_add(&s->parts[index], data, size);
}

static const struct multipart_ops ops = {on_part, on_data};

static void done(struct seen *s) {
        for (size_t i = 0; i < ARRAY_SIZE(s->parts); i++)
                buf_done(&s->parts[i]);
}

/* Feeds `body` in pieces of `step`. */
static int feed(const char *type, const char *body, size_t size, size_t step, struct seen *s,
                bool *ret_whole) {
        struct multipart m;
        int r = multipart_init(&m, type, &ops, s);

        if (r < 0)
                return r;
        for (size_t i = 0; r == 0 && i < size; i += step)
                r = multipart_feed(&m, body + i, MIN(step, size - i));
        *ret_whole = multipart_is_whole(&m);
        multipart_done(&m);
        return r;
}

/* However it is cut, the same comes out; and what only looks like a border is content. */
static void any_cut(void **state) {
        static const char body[] =
                "preamble\r\n--xx\r\nContent-Type: application/json\r\nA: b\r\n\r\n"
                "{\"name\":\"n\"}\r\n--xx  \r\n\r\n"
                "data\r\n--x\r\n\r\r\n--x\r\n-\r\r\n--xx--\r\nepilogue";

        (void) state;
        for (size_t step = 1; step <= sizeof(body); step++) {
                struct seen s = {};
                bool whole;

                assert_int_equal(feed("multipart/related; boundary=xx", body, sizeof(body) - 1,
                                      step, &s, &whole),
                                 0);
                assert_true(whole);
                assert_int_equal(s.n, 2);
                assert_string_equal(s.headers[0], "Content-Type: application/json\r\nA: b\r\n\r\n");
                assert_string_equal(s.parts[0].data, "{\"name\":\"n\"}");
                assert_string_equal(s.parts[1].data, "data\r\n--x\r\n\r\r\n--x\r\n-\r");
                done(&s);
        }
}

static void forms(void **state) {
        struct seen s = {};
        bool whole;
        static const char plain[] = "--a b\r\n\r\n\r\n--a b--";

        (void) state;
        assert_int_equal(feed("multipart/related; boundary=\"a b\"; x=y", plain, sizeof(plain) - 1,
                              5, &s, &whole),
                         0);
        assert_true(whole);
        assert_int_equal(s.n, 1);
        assert_int_equal(s.parts[0].len, 0);
        done(&s);
        s = (struct seen){};
        assert_int_equal(feed("multipart/related; boundary='===1=='", "--===1==\r\n\r\nabc", 15, 3,
                              &s, &whole),
                         0);
        assert_false(whole);
        done(&s);
}

static void refusals(void **state) {
        static const char *const types[] = {"", "text/plain", "multipart/related; boundary=",
                                            "multipart/related; boundary=\"\"", NULL};
        struct seen s = {};
        char body[10000];
        bool whole;

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(types); i++)
                assert_int_equal(feed(types[i], "", 0, 1, &s, &whole), -EINVAL);
        assert_int_equal(feed("m; boundary=x", "--xyz\r\n", 7, 7, &s, &whole), -EINVAL);
        /* Headers without end. */
        memset(body, 'h', sizeof(body));
        memcpy(body, "--x\r\n", 5);
        assert_int_equal(feed("m; boundary=x", body, sizeof(body), 100, &s, &whole), -EINVAL);
        s.refuse = 1;
        assert_int_equal(feed("m; boundary=x", "--x\r\n\r\n", 7, 7, &s, &whole), 1);
        done(&s);
}

static void headers(void **state) {
        char text[] = "content-type:  text/plain \r\nX: y\r\n\r\n";
        char none[] = "\r\n";

        (void) state;
        assert_string_equal(multipart_header(text, "Content-Type"), "text/plain");
        assert_null(multipart_header(none, "Content-Type"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(any_cut),
                cmocka_unit_test(forms),
                cmocka_unit_test(refusals),
                cmocka_unit_test(headers),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
