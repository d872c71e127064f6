/* DNS messages, byte for byte. */
#include "tests/unit/base_test.h"

#include "lib/base/str.h"
#include "lib/net/dns_message.h"

static void test_query(void **state) {
        uint8_t q[DNS_MESSAGE_QUERY_MAX];
        size_t n;

        assert_int_equal(dns_message_query(0x1234, "a.example.", DNS_TXT, q, &n), 0);
        assert_int_equal(n, 12 + 11 + 4);
        assert_memory_equal(q, "\x12\x34\1\0\0\1\0\0\0\0\0\0\1a\7example\0\0\x10\0\1", n);
        assert_int_equal(dns_message_query(1, "", DNS_A, q, &n), -EINVAL);
        assert_int_equal(dns_message_query(1, "a..b", DNS_A, q, &n), -EINVAL);
        assert_int_equal(
                dns_message_query(1,
                                  "0123456789012345678901234567890123456789012345678901234567"
                                  "890123.x",
                                  DNS_A, q, &n),
                -EINVAL);
}

#define QUESTION "\1a\7example\0"
#define HEAD(flags, n) "\x12\x34" flags "\0\1\0" n "\0\0\0\0"
#define TTL "\0\0\0\1"

#define PARSE(bytes, type, ret)                                                                    \
        dns_message_parse((const uint8_t *) (bytes), sizeof(bytes) - 1, 0x1234, "A.example", type, \
                          ret)

static void test_txt(void **state) {
        char **texts = NULL;

        assert_int_equal(PARSE(HEAD("\x81\x80", "\2") QUESTION
                               "\0\x10\0\1"
                               "\xc0\x0c\0\x10\0\1" TTL "\0\6\5p:r:i"
                               "\xc0\x0c\0\x10\0\1" TTL "\0\6\1x\3y\1z",
                               DNS_TXT, &texts),
                         0);
        assert_int_equal(str_count(texts), 2);
        assert_string_equal(texts[0], "p:r:i");
        assert_string_equal(texts[1], "xy?z");
        str_free_list(texts);
}

static void test_aliases_inside_an_answer(void **state) {
        char **texts = NULL;

        /* The alias stands behind what it leads to. */
        assert_int_equal(PARSE(HEAD("\x81\x80", "\2") QUESTION
                               "\0\1\0\1"
                               "\1b\xc0\x0e\0\1\0\1" TTL "\0\4\x0a\0\0\3"
                               "\xc0\x0c\0\5\0\1" TTL "\0\4\1b\xc0\x0e",
                               DNS_A, &texts),
                         0);
        assert_int_equal(str_count(texts), 1);
        assert_string_equal(texts[0], "10.0.0.3");
        str_free_list(texts);
        texts = NULL;
        assert_int_equal(PARSE(HEAD("\x81\x80", "\1") QUESTION "\0\5\0\1"
                                                               "\xc0\x0c\0\5\0\1" TTL
                                                               "\0\4\1b\xc0\x0e",
                               DNS_CNAME, &texts),
                         0);
        assert_string_equal(texts[0], "b.example");
        str_free_list(texts);
}

static void test_no_answers(void **state) {
        char **texts = NULL;

        assert_int_equal(PARSE(HEAD("\x81\x83", "\0") QUESTION "\0\1\0\1", DNS_A, &texts), -ENOENT);
        assert_int_equal(PARSE(HEAD("\x81\x82", "\0") QUESTION "\0\1\0\1", DNS_A, &texts), -EAGAIN);
        assert_int_equal(PARSE(HEAD("\x83\x80", "\0") QUESTION "\0\1\0\1", DNS_A, &texts),
                         -EMSGSIZE);
        assert_int_equal(PARSE(HEAD("\x81\x80", "\0") QUESTION "\0\1\0\1", DNS_A, &texts), 0);
        assert_null(texts);
}

static void test_not_ours_or_broken(void **state) {
        char **texts = NULL;

        assert_int_equal(PARSE("", DNS_A, &texts), -EBADMSG);
        /* a question, not an answer; another type; another name; another number */
        assert_int_equal(PARSE(HEAD("\1\0", "\0") QUESTION "\0\1\0\1", DNS_A, &texts), -EBADMSG);
        assert_int_equal(PARSE(HEAD("\x81\x80", "\0") QUESTION "\0\x10\0\1", DNS_A, &texts),
                         -EBADMSG);
        assert_int_equal(PARSE(HEAD("\x81\x80", "\0") "\1b\7example\0\0\1\0\1", DNS_A, &texts),
                         -EBADMSG);
        assert_int_equal(dns_message_parse((const uint8_t *) HEAD("\x81\x80", "\0") QUESTION
                                           "\0\1\0\1",
                                           27, 1, "a.example", DNS_A, &texts),
                         -EBADMSG);
        /* a name that jumps to itself; a record beyond the end; an address of three bytes */
        assert_int_equal(PARSE(HEAD("\x81\x80", "\1") QUESTION "\0\1\0\1\xc0\x1b\0\1\0\1" TTL
                                                               "\0\4abcd",
                               DNS_A, &texts),
                         -EBADMSG);
        assert_int_equal(PARSE(HEAD("\x81\x80", "\1") QUESTION "\0\1\0\1\xc0\x0c\0\1\0\1" TTL
                                                               "\0\4abc",
                               DNS_A, &texts),
                         -EBADMSG);
        assert_int_equal(PARSE(HEAD("\x81\x80", "\1") QUESTION "\0\1\0\1\xc0\x0c\0\1\0\1" TTL
                                                               "\0\3abc",
                               DNS_A, &texts),
                         -EBADMSG);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_query),
                cmocka_unit_test(test_txt),
                cmocka_unit_test(test_aliases_inside_an_answer),
                cmocka_unit_test(test_no_answers),
                cmocka_unit_test(test_not_ours_or_broken),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
