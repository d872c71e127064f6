/* Values as JSON. */
#include "tests/unit/pipelines_tree_fixture.h"

#include "daemons/scheduler/pipelines_emit.h"
#include "lib/base/buf.h"

static const struct pipelines_emit_row rows[] = {
        {"text", "text", PIPELINES_EMIT_TEXT},          {"any", "any", PIPELINES_EMIT_SCALAR},
        {"first", "both", PIPELINES_EMIT_SCALAR},       {"second", "both", PIPELINES_EMIT_SCALAR},
        {"minutes", "seconds", PIPELINES_EMIT_MINUTES},
};

static int emit(struct pipelines_tree_fixture *f, const char *text, const char *fallback,
                struct buf *out) {
        struct json_write w;
        int r;

        f->config.variables = pipelines_tree_fixture_parse(f, "{n: 3, yes: true, t: x}");
        json_write_init(&w, out, 0);
        json_write_object(&w);
        r = pipelines_emit_rows(&f->context, &f->config, pipelines_tree_fixture_parse(f, text),
                                fallback ? pipelines_tree_fixture_parse(f, fallback) : NULL, rows,
                                ARRAY_SIZE(rows), &w);
        json_write_end(&w);
        assert_int_equal(json_write_finish(&w), 0);
        return r;
}

static void expect(const char *text, const char *fallback, const char *expected) {
        _cleanup_buf_ struct buf out = {};
        struct pipelines_tree_fixture f;

        pipelines_tree_fixture_init(&f);
        assert_int_equal(emit(&f, text, fallback, &out), 0);
        assert_string_equal(buf_cstr(&out), expected);
        pipelines_tree_fixture_done(&f);
}

static void test_rows(void **state) {
        expect("{}", NULL, "{}");
        expect("{text: 7, any: 7}", NULL, "{\"text\":\"7\",\"any\":7}");
        expect("{text: yes, any: yes}", NULL, "{\"text\":\"True\",\"any\":true}");
        expect("{any: '{{n}}'}", NULL, "{\"any\":3}"); /* a variable keeps its kind */
        expect("{any: '{{yes}}'}", NULL, "{\"any\":true}");
        expect("{any: '{{t}}'}", NULL, "{\"any\":\"x\"}");
        expect("{any: {a: [1, '{{t}}']}}", NULL, "{\"any\":{\"a\":[1,\"{{t}}\"]}}");
        expect("{first: 1, second: 2}", NULL, "{\"both\":1}");
        expect("{second: 2}", NULL, "{\"both\":2}");
        expect("{text: own}", "{text: theirs, any: 2}", "{\"text\":\"own\",\"any\":2}");
        expect("{minutes: 45}", NULL, "{\"seconds\":2700}");
        expect("{minutes: 0.5}", NULL, "{\"seconds\":30.0}");
}

static void test_errors(void **state) {
        _cleanup_buf_ struct buf out = {};
        struct pipelines_tree_fixture f;

        pipelines_tree_fixture_init(&f);
        assert_int_equal(emit(&f, "{minutes: soon, text: [1]}", NULL, &out), PIPELINES_BAD);
        assert_int_equal(f.result.n_messages, 2);
        pipelines_tree_fixture_said(
                &f, false, "/p/f.yml:1:2: minutes must be a number of minutes, not \"soon\"");
        pipelines_tree_fixture_done(&f);
}

static void test_pairs(void **state) {
        _cleanup_(pipelines_emit_pairs_done) struct pipelines_pairs p = {};
        _cleanup_buf_ struct buf out = {};
        struct pipelines_tree_fixture f;
        struct json_write w;

        pipelines_tree_fixture_init(&f);
        assert_int_equal(pipelines_emit_add_map(&f.context, NULL, &p), 0);
        assert_int_equal(pipelines_emit_add_map(
                                 &f.context, pipelines_tree_fixture_parse(&f, "{A: 1, B: x}"), &p),
                         0);
        assert_int_equal(pipelines_emit_add_map(
                                 &f.context, pipelines_tree_fixture_parse(&f, "{A: 2, C: ~}"), &p),
                         0);
        json_write_init(&w, &out, 0);
        json_write_object(&w);
        pipelines_emit_pairs(&w, "env", &p);
        json_write_end(&w);
        assert_int_equal(json_write_finish(&w), 0);
        assert_string_equal(buf_cstr(&out), "{\"env\":{\"A\":\"2\",\"B\":\"x\",\"C\":\"None\"}}");
        assert_string_equal(pipelines_emit_env_name(&f.arena, "X_", "l1-ratio.2"), "X_L1_RATIO_2");
        pipelines_tree_fixture_done(&f);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_rows),
                cmocka_unit_test(test_errors),
                cmocka_unit_test(test_pairs),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
