#include "daemons/tracking/order_parse.h"
#include "tests/unit/tracking_test.h"

static void test_good(void **state) {
        struct tracking_test *t = *state;
        static const struct {
                enum filter_family family;
                const char *text;
                enum filter_entity entity;
                const char *key;
                bool descending;
        } rows[] = {
                {FILTER_RUNS, "metrics.a", FILTER_METRIC, "a", false},
                {FILTER_RUNS, "metrics.`a b` desc", FILTER_METRIC, "a b", true},
                {FILTER_RUNS, "params.\"x\" ASC", FILTER_PARAM, "x", false},
                {FILTER_RUNS, "metrics.'a b' DESC", FILTER_METRIC, "a b", true},
                {FILTER_RUNS, "Created  DESC", FILTER_ATTRIBUTE, "start_time", true},
                {FILTER_RUNS, "attributes.end_time", FILTER_ATTRIBUTE, "end_time", false},
                {FILTER_EXPERIMENTS, "attribute.name DESC", FILTER_ATTRIBUTE, "name", true},
                {FILTER_REGISTERED_MODELS, "last_updated_timestamp", FILTER_ATTRIBUTE, "timestamp",
                 false},
                {FILTER_MODEL_VERSIONS, "version_number DESC", FILTER_ATTRIBUTE, "version_number",
                 true},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct order_key k;

                assert_int_equal(order_parse(rows[i].family, rows[i].text, &t->refusal, &k), 0);
                assert_int_equal(k.entity, rows[i].entity);
                assert_string_equal(k.key, rows[i].key);
                assert_int_equal(k.descending, rows[i].descending);
        }
}

static void test_refused(void **state) {
        struct tracking_test *t = *state;
        static const struct {
                enum filter_family family;
                const char *text, *words;
        } rows[] = {
                {FILTER_RUNS, "", "Could not be parsed"},
                {FILTER_RUNS, " metrics.a", "Could not be parsed"},
                {FILTER_RUNS, "metrics.a ", "Could not be parsed"},
                {FILTER_RUNS, "metrics.a, b", "Could not be parsed"},
                {FILTER_RUNS, "metrics.a b c", "Could not be parsed"},
                {FILTER_RUNS, "order", "Could not be parsed"},
                {FILTER_RUNS, "1", "Could not be parsed"},
                {FILTER_RUNS, "metrics.a up", "Invalid ordering key"},
                {FILTER_RUNS, "foo", "Invalid attribute key 'foo'"},
                {FILTER_RUNS, "dataset.name", "Invalid identifier type 'dataset'"},
                {FILTER_EXPERIMENTS, "tags.x", "Invalid order_by entity: tag"},
                {FILTER_REGISTERED_MODELS, "foo", "Invalid order by key 'foo'"},
                {FILTER_MODEL_VERSIONS, "tags.x", "Invalid order by key 'x'"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct order_key k;

                assert_refused(t, order_parse(rows[i].family, rows[i].text, &t->refusal, &k),
                               rows[i].words);
        }
}

static void test_unique(void **state) {
        struct tracking_test *t = *state;
        const struct order_key keys[] = {{FILTER_METRIC, "a", false},
                                         {FILTER_PARAM, "a", false},
                                         {FILTER_METRIC, "a", true}};

        assert_int_equal(order_parse_unique(keys, 2, &t->refusal), 0);
        assert_refused(t, order_parse_unique(keys, 3, &t->refusal), "duplicate fields: metric.a");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                tracking_test(test_good),
                tracking_test(test_refused),
                tracking_test(test_unique),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
