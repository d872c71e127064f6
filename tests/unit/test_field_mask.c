#include "tests/unit/base_test.h"

#include "daemons/bucketd/field_mask.h"
#include "lib/base/json_write.h"

/* What of `text` is left by `fields`. */
static void check(const char *fields, const char *text, const char *expected) {
        _cleanup_buf_ struct buf out = {};
        const struct field_mask *m;
        struct json_write w;
        struct json *j;
        struct arena a;

        arena_init(&a, 0);
        assert_int_equal(json_parse_copy(&a, text, strlen(text), &j, NULL), 0);
        assert_int_equal(field_mask_parse(&a, fields, &m), 0);
        json_write_init(&w, &out, 0);
        field_mask_write(&w, j, m);
        assert_int_equal(json_write_finish(&w), 0);
        assert_string_equal(out.data, expected);
        arena_done(&a);
}

static void selects(void **state) {
        static const char list[] = "{\"kind\":\"k\",\"items\":[{\"name\":\"a\",\"size\":\"1\","
                                   "\"metadata\":{\"x\":\"1\",\"y\":\"2\"}},{\"name\":\"b\"}],"
                                   "\"nextPageToken\":\"t\"}";

        (void) state;
        check(NULL, list, list);
        check("", list, list);
        check("*", list, list);
        check("kind", list, "{\"kind\":\"k\"}");
        check("items(name)", list, "{\"items\":[{\"name\":\"a\"},{\"name\":\"b\"}]}");
        check("items/name", list, "{\"items\":[{\"name\":\"a\"},{\"name\":\"b\"}]}");
        check("nextPageToken,items(size,metadata/x)", list,
              "{\"items\":[{\"size\":\"1\",\"metadata\":{\"x\":\"1\"}},{}],"
              "\"nextPageToken\":\"t\"}");
        check("items/metadata(x,y),kind", list,
              "{\"kind\":\"k\",\"items\":[{\"metadata\":{\"x\":\"1\",\"y\":\"2\"}},{}]}");
        check("items(*)", list,
              "{\"items\":[{\"name\":\"a\",\"size\":\"1\",\"metadata\":{\"x\":\"1\",\"y\":\"2\"}},"
              "{\"name\":\"b\"}]}");
        check("none", list, "{}");
        check("kind,", list, "{\"kind\":\"k\"}");
}

static void refusals(void **state) {
        static const char *const texts[] = {
                ",",
                "a,,b",
                "a(",
                "a(b",
                "a)",
                "a()",
                "a/",
                "/a",
                "a(b))",
                "a(b)c",
                "(a)",
                "a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q",
                "a(b(c(d(e(f(g(h(i(j(k(l(m(n(o(p(q)))))))))))))))))",
        };
        const struct field_mask *m = NULL;
        struct arena a;

        (void) state;
        arena_init(&a, 0);
        for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
                if (field_mask_parse(&a, texts[i], &m) != -EINVAL || m)
                        fail_msg("\"%s\" is taken", texts[i]);
        arena_done(&a);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(selects),
                cmocka_unit_test(refusals),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
