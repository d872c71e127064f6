/* Random and mutated documents through our parser and jansson: both take a text or both refuse it,
 * and what they take is the same value. */
#include "tests/unit/base_test.h"

#include "lib/base/buf.h"
#include "lib/base/entropy.h"
#include "lib/base/json.h"
#include "lib/base/str.h"
#include "tests/unit/json_oracle.h"

static struct entropy_fake dice;

static unsigned roll(unsigned bound) {
        uint64_t v = 0;

        (void) entropy_below(&dice.entropy, bound, &v);
        return (unsigned) v;
}

static void add_random_string(struct buf *b) {
        static const char *const parts[] = {
                "a", "key",  "\\n", "\\u00e9", "\xc3\xa9", "\\ud83d\\ude00",
                " ", "\\\"", "\\/", "0"};

        buf_add_char(b, '"');
        for (unsigned n = roll(6); n > 0; n--)
                buf_add_str(b, parts[roll(ARRAY_SIZE(parts))]);
        buf_add_char(b, '"');
}

static void add_random_value(struct buf *b, unsigned depth) {
        static const char *const scalars[] = {"0",    "-1",    "1.5",  "1e3",           "-2.5E-3",
                                              "true", "false", "null", "1234567890123", "0.1"};
        unsigned kind = roll(depth > 4 ? 2 : 4), n = roll(5);

        if (kind == 0) {
                buf_add_str(b, scalars[roll(ARRAY_SIZE(scalars))]);
                return;
        }
        if (kind == 1) {
                add_random_string(b);
                return;
        }
        buf_add_char(b, kind == 2 ? '[' : '{');
        for (unsigned i = 0; i < n; i++) {
                buf_add_str(b, i ? ", " : "");
                if (kind == 3)
                        buf_printf(b, "\"k%u\" : ", i);
                add_random_value(b, depth + 1);
        }
        buf_add_char(b, kind == 2 ? ']' : '}');
}

static void mutate(struct buf *b) {
        static const char spice[] = "\"\\{}[],:0-+.eE tfn\x01\x80\xff";

        for (unsigned n = roll(3) + 1; n > 0 && b->len > 0; n--) {
                size_t at = roll((unsigned) b->len);

                if (roll(2))
                        b->data[at] = spice[roll(sizeof(spice) - 1)];
                else
                        buf_truncate(b, at);
        }
}

static void add_value(struct buf *out, const struct json *j) {
        const struct json *child;
        double d = 0;

        switch ((enum json_type) j->type) {
        case JSON_OBJECT:
        case JSON_ARRAY:
                buf_add_char(out, j->type == JSON_OBJECT ? '{' : '[');
                json_each (child, j) {
                        if (child->key)
                                buf_printf(out, "%s=", child->key);
                        add_value(out, child);
                }
                buf_add_char(out, j->type == JSON_OBJECT ? '}' : ']');
                break;
        case JSON_STRING:
                buf_printf(out, "s%u:", j->len);
                buf_add(out, j->str, j->len);
                break;
        case JSON_NUMBER:
                assert_int_equal(json_f64(j, &d), 0);
                buf_printf(out, "%a;", d == 0 ? 0 : d); /* jansson has no -0 integer */
                break;
        default:
                buf_add_char(out, j->type == JSON_NULL ? 'n' : j->type == JSON_TRUE ? 't' : 'f');
                break;
        }
}

/* Where the two differ by decision: integers beyond int64 and doubles beyond range, which jansson
 * refuses and we keep as text. */
static bool is_beyond_jansson(const struct json *j) {
        const struct json *child;
        int64_t i;
        double d;

        if (j->type == JSON_NUMBER)
                return json_i64(j, &i) == JSON_OUT_OF_RANGE || json_f64(j, &d) != 0;
        json_each (child, j) {
                if (is_beyond_jansson(child))
                        return true;
        }
        return false;
}

static void compare(const struct buf *text) {
        _cleanup_buf_ struct buf mine = {}, theirs = {};
        _cleanup_(arena_done) struct arena a;
        struct errmsg em = {};
        struct json *j;
        int r, oracle;

        arena_init(&a, 0);
        r = json_parse_copy(&a, buf_cstr(text), text->len, &j, &em);
        oracle = json_oracle_read(buf_cstr(text), text->len, &theirs);
        if (r == 0 && oracle < 0 && is_beyond_jansson(j))
                return;
        if ((r == 0) != (oracle == 0))
                fail_msg("we say %d (%s), jansson %d: %s", r, em.text, oracle, buf_cstr(text));
        if (r < 0)
                return;
        add_value(&mine, j);
        if (!str_eq(buf_cstr(&mine), buf_cstr(&theirs)))
                fail_msg("%s: %s, not %s", buf_cstr(text), buf_cstr(&mine), buf_cstr(&theirs));
}

static void random_documents(void **state) {
        (void) state;
        entropy_fake_init(&dice, 3);
        for (int i = 0; i < 20000; i++) {
                _cleanup_buf_ struct buf text = {};

                add_random_value(&text, 0);
                compare(&text);
        }
}

static void mutated_documents(void **state) {
        (void) state;
        entropy_fake_init(&dice, 4);
        for (int i = 0; i < 60000; i++) {
                _cleanup_buf_ struct buf text = {};

                add_random_value(&text, 0);
                mutate(&text);
                compare(&text);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(random_documents),
                cmocka_unit_test(mutated_documents),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
