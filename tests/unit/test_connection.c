/* Connections against Airflow's own reading of them (connection_table.tsv), and back again. */
#include "tests/unit/core_table.h"

#include <errno.h>

#include "daemons/scheduler/connection.h"
#include "lib/base/json.h"
#include "lib/base/json_write.h"

static const char *fields(const struct connection *c, struct arena *a) {
        struct buf b = {};
        struct json_write w;
        struct json *extra;
        const char *text;

        json_write_init(&w, &b, 0);
        json_write_object(&w);
        json_write_kv_str(&w, "conn_type", c->type);
        json_write_kv_str(&w, "host", c->host);
        json_write_kv_str(&w, "login", c->login);
        json_write_kv_str(&w, "password", c->password);
        json_write_kv_str(&w, "schema", c->schema);
        if (c->port > 0)
                json_write_kv_i64(&w, "port", c->port);
        else
                json_write_kv_null(&w, "port");
        json_write_key(&w, "extra");
        if (c->extra && json_parse_copy(a, c->extra, strlen(c->extra), &extra, NULL) == 0)
                json_write_node(&w, extra);
        else
                json_write_null(&w);
        json_write_end(&w);
        assert_int_equal(json_write_finish(&w), 0);
        text = arena_strdup(a, buf_cstr(&b));
        buf_done(&b);
        return text;
}

static void check_row(const struct core_table_row *row) {
        struct connection c, again;
        struct errmsg em = {};
        struct buf uri = {};
        struct arena a;
        int r;

        arena_init(&a, 0);
        r = connection_parse(row->columns[0], &a, &c, &em);
        if (str_eq(row->columns[1], "error")) {
                assert_int_equal(r, -EINVAL);
                assert_true(em.text[0] != 0);
        } else {
                if (r < 0)
                        fail_msg("%s: %s", row->columns[0], em.text);
                assert_string_equal(fields(&c, &a), row->columns[1]);
                /* and what it prints reads the same */
                if (c.host && strpbrk(c.host, "ABCDEFGHIJKLMNOPQRSTUVWXYZ")) {
                        arena_done(&a); /* host names are in lower case */
                        return;
                }
                assert_int_equal(connection_print_uri(&c, &a, &uri), 0);
                if (connection_parse(buf_cstr(&uri), &a, &again, &em) < 0)
                        fail_msg("%s: %s", buf_cstr(&uri), em.text);
                assert_string_equal(fields(&again, &a), row->columns[1]);
        }
        buf_done(&uri);
        arena_done(&a);
}

static void test_airflow_table(void **state) {
        assert_true(core_table_read("connection_table.tsv", check_row) > 30);
}

static void test_json(void **state) {
        struct connection c;
        struct errmsg em = {};
        struct arena a;

        arena_init(&a, 0);
        assert_int_equal(
                connection_parse(" {\"conn_type\": \"postgresql\", \"host\": \"h\", \"port\": "
                                 "\"5432\", \"extra\": {\"a\": [1]}}",
                                 &a, &c, &em),
                0);
        assert_string_equal(c.type, "postgres");
        assert_int_equal(c.port, 5432);
        assert_string_equal(c.extra, "{\"a\":[1]}");
        assert_int_equal(connection_parse("{\"host\":\"h\"}", &a, &c, &em), -EINVAL);
        assert_non_null(strstr(em.text, "conn_type"));
        assert_int_equal(connection_parse("{\"conn_type\":\"x\",\"port\":70000}", &a, &c, &em),
                         -EINVAL);
        assert_int_equal(connection_parse("{\"conn_type\":\"x\",\"port\":\"p\"}", &a, &c, &em),
                         -EINVAL);
        assert_int_equal(connection_parse("{torn", &a, &c, &em), -EINVAL);
        assert_int_equal(connection_parse("no uri", &a, &c, &em), -EINVAL);
        arena_done(&a);
}

static void test_mask(void **state) {
        struct arena a;

        arena_init(&a, 0);
        assert_string_equal(
                connection_mask("{\"a\":1,\"my_Token\":\"x\",\"b\":{\"password\":\"y\",\"c\":null},"
                                "\"d\":[{\"api_key\":2}]}",
                                &a),
                "{\"a\":1,\"my_Token\":\"***\",\"b\":{\"password\":\"***\",\"c\":null},"
                "\"d\":[{\"api_key\":\"***\"}]}");
        assert_string_equal(connection_mask("plain text", &a), "plain text");
        assert_true(connection_is_sensitive("DB_PASSWORD"));
        assert_false(connection_is_sensitive("region"));
        arena_done(&a);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_airflow_table),
                cmocka_unit_test(test_json),
                cmocka_unit_test(test_mask),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
