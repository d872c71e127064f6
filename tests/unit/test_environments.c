#include "tests/unit/base_test.h"

#include <sys/stat.h>

#include "daemons/scheduler/environments.h"
#include "lib/base/json_write.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

#define NOW (UINT64_C(1767323045) * USEC_PER_SEC)

static void put(const char *dir, const char *name, const char *text) {
        _cleanup_free_ char *path = str_printf("%s/%s", dir, name);

        assert_int_equal(fileio_mkdir_parents(path, 0755), 0);
        assert_int_equal(fileio_write_atomic(path, text, strlen(text), 0644), 0);
}

static bool is_there(const char *dir, const char *key, const char *suffix) {
        _cleanup_free_ char *path = str_printf("%s/venvs/queue/%s%s", dir, key, suffix);

        return access(path, F_OK) == 0;
}

static enum environments_state ask(const char *dir, const struct dag_environment *e,
                                   struct environments_found *ret) {
        struct errmsg em;

        assert_int_equal(environments_ask(dir, e, NOW, ret, &em), 0);
        return ret->state;
}

static void what_wants_nothing_has_the_common_one(void **state) {
        _cleanup_free_ char *source = str_printf("%s/src", (char *) *state);
        struct dag_environment e = {.image = "i", .source = source};
        struct environments_found f;

        assert_int_equal(ask(*state, &e, &f), ENVIRONMENTS_COMMON);
        put(source, "requirements.txt", "# nothing\n\n   \n");
        assert_int_equal(ask(*state, &e, &f), ENVIRONMENTS_COMMON);
        e.build_cmd = "make";
        assert_int_equal(ask(*state, &e, &f), ENVIRONMENTS_WAITS);
}

static void it_is_asked_for_and_found(void **state) {
        _cleanup_free_ char *source = str_printf("%s/src", (char *) *state);
        struct dag_environment e = {.image = "i", .source = source};
        struct environments_found f, other;
        char name[64];

        put(source, "requirements.txt", "six\n");
        assert_int_equal(ask(*state, &e, &f), ENVIRONMENTS_WAITS);
        assert_true(is_there(*state, f.key, ".json"));
        snprintf(name, sizeof(name), "venvs/%s/complete", f.key);
        put(*state, name, "");
        assert_int_equal(ask(*state, &e, &f), ENVIRONMENTS_READY);
        assert_true(is_there(*state, f.key, ".used"));
        /* all that goes in makes another one */
        put(source, "requirements.txt", "six==1\n");
        assert_int_equal(ask(*state, &e, &other), ENVIRONMENTS_WAITS);
        assert_string_not_equal(f.key, other.key);
        put(source, "requirements.txt", "six\n");
        e.python_version = "3.11";
        assert_int_equal(ask(*state, &e, &other), ENVIRONMENTS_WAITS);
        assert_string_not_equal(f.key, other.key);
        e.python_version = NULL;
        assert_int_equal(ask(*state, &e, &other), ENVIRONMENTS_READY);
}

static void images_share_what_is_alike(void **state) {
        _cleanup_free_ char *one = str_printf("%s/one", (char *) *state),
                            *two = str_printf("%s/two", (char *) *state);
        struct dag_environment a = {.image = "a", .source = one}, b = {.image = "b", .source = two};
        struct environments_found f, g;

        put(one, "requirements.txt", "six\n");
        put(two, "requirements.txt", "six\n");
        ask(*state, &a, &f);
        ask(*state, &b, &g);
        assert_string_equal(f.key, g.key);
        /* a path in it means another thing in another place */
        put(one, "requirements.txt", "./wheels/x.whl\n");
        put(two, "requirements.txt", "./wheels/x.whl\n");
        ask(*state, &a, &f);
        ask(*state, &b, &g);
        assert_string_not_equal(f.key, g.key);
}

static void a_failure_counts_once(void **state) {
        _cleanup_free_ char *source = str_printf("%s/src", (char *) *state);
        struct dag_environment e = {.image = "i", .source = source};
        struct environments_found f;
        _cleanup_buf_ struct buf b = {};
        char name[64], text[256];
        struct json_write w;

        put(source, "requirements.txt", "no-such-thing\n");
        ask(*state, &e, &f);
        snprintf(name, sizeof(name), "venvs/%s.state", f.key);
        snprintf(text, sizeof(text),
                 "{\"state\":\"failed\",\"message\":\"pip says no\",\"ended\":%llu}",
                 (unsigned long long) (NOW / USEC_PER_SEC) + 1);
        put(*state, name, text);
        assert_int_equal(ask(*state, &e, &f), ENVIRONMENTS_FAILED);
        assert_string_equal(f.message.text, "pip says no");
        /* one from before is tried again */
        snprintf(text, sizeof(text),
                 "{\"state\":\"failed\",\"message\":\"pip says no\",\"ended\":%llu}",
                 (unsigned long long) (NOW / USEC_PER_SEC) - 1);
        put(*state, name, text);
        assert_int_equal(ask(*state, &e, &f), ENVIRONMENTS_WAITS);
        json_write_init(&w, &b, 0);
        json_write_array(&w);
        assert_int_equal(environments_write(*state, &w), 0);
        json_write_end(&w);
        assert_int_equal(json_write_finish(&w), 0);
        assert_non_null(strstr(buf_cstr(&b), "pip says no"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                dir_test(what_wants_nothing_has_the_common_one),
                dir_test(it_is_asked_for_and_found),
                dir_test(images_share_what_is_alike),
                dir_test(a_failure_counts_once),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
