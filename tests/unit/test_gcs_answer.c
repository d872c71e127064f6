#include "lib/gcp/gcs_answer.h"

#include "lib/base/macros.h"
#include "lib/gcp/gcs_request.h"
#include "tests/unit/base_test.h"

static void test_fill(void **state) {
        struct gcs_answer a = {};

        gcs_answer_fill(&a, 200, "http://h/s", "12", NULL);
        assert_int_equal(a.status, 200);
        assert_string_equal(a.location, "http://h/s");
        assert_int_equal(a.generation, 12);
        assert_int_equal(a.n_committed, 0);
        a = (struct gcs_answer){};
        gcs_answer_fill(&a, 308, NULL, NULL, "bytes=0-41");
        assert_null(a.location);
        assert_int_equal(a.generation, GCS_ANY);
        assert_int_equal(a.n_committed, 42);
        a = (struct gcs_answer){};
        gcs_answer_fill(&a, 308, NULL, "none", "bytes");
        assert_int_equal(a.generation, GCS_ANY);
        assert_int_equal(a.n_committed, 0);
        gcs_answer_fill(&a, 200, NULL, NULL, "bytes=0-41");
        assert_int_equal(a.n_committed, 0);
}

static void judge(int status, const char *body, int error, const char *text) {
        struct gcs_answer a = {
                .status = status, .text = "", .body = body, .body_len = strlen(body)};
        char words[GCS_ANSWER_WORDS];

        gcs_answer_judge(&a, words);
        assert_int_equal(a.error, error);
        assert_string_equal(a.text, text);
}

static void test_judge(void **state) {
        judge(200, "{}", 0, "");
        judge(206, "", 0, "");
        judge(308, "", 0, "");
        judge(404, "{\"error\":{\"message\":\"No such object\"}}", -ENOENT,
              "HTTP 404: No such object");
        judge(412, "{\"error\":7}", -ESTALE, "HTTP 412: {\"error\":7}");
        judge(503, "busy\nnow", -EIO, "HTTP 503: busy");
        judge(429, "", -EBUSY, "HTTP 429: ");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_fill),
                cmocka_unit_test(test_judge),
        };

        return cmocka_run_group_tests_name("gcs_answer", tests, NULL, NULL);
}
