/* Signed tokens: what we sign is what we read; nothing else is. The key's file. */
#include "tests/unit/db_test_dir.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sys/stat.h>

#include "lib/auth/auth_token.h"
#include "lib/base/arena.h"
#include "lib/base/base64.h"
#include "lib/base/buf.h"
#include "lib/base/entropy.h"
#include "lib/base/fault.h"

#define NOW (1800000000 * USEC_PER_SEC + 123456)

static struct auth_token_key *key_of(unsigned char fill) {
        unsigned char bytes[AUTH_TOKEN_KEY_BYTES];
        struct auth_token_key *key = NULL;

        memset(bytes, fill, sizeof(bytes));
        assert_int_equal(auth_token_key_new(bytes, &key), 0);
        return key;
}

static struct auth_token_claims session(void) {
        return (struct auth_token_claims){.user = "alice \"ü\"",
                                          .role = AUTH_OP,
                                          .source = AUTH_TOKEN_UNIX,
                                          .issued_at = NOW,
                                          .expires_at = NOW + USEC_PER_HOUR,
                                          .id = "j1"};
}

static struct auth_token_claims task(void) {
        return (struct auth_token_claims){.is_task = true,
                                          .user = "bob",
                                          .role = AUTH_USER,
                                          .issued_at = NOW,
                                          .expires_at = NOW + USEC_PER_HOUR,
                                          .dag_id = "iris",
                                          .run_id = "manual__1",
                                          .task_id = "train",
                                          .try_id = "01890a5d-ac96-774b-bcce-b302099a8057",
                                          .try_number = 3};
}

static int verify(struct auth_token_key *key, const char *token, usec_t now_at) {
        struct auth_token_claims c;
        struct arena a;
        int r;

        arena_init(&a, 0);
        r = auth_token_verify(key, token, now_at, &a, &c);
        arena_done(&a);
        return r;
}

static void test_session_round_trip(void **state) {
        _cleanup_(auth_token_key_freep) struct auth_token_key *key = key_of(1);
        struct auth_token_claims in = session(), out = {};
        _cleanup_buf_ struct buf b = {};
        struct arena a;

        arena_init(&a, 0);
        assert_int_equal(auth_token_sign(key, &in, &b), 0);
        assert_int_equal(auth_token_verify(key, buf_cstr(&b), NOW, &a, &out), 0);
        assert_false(out.is_task);
        assert_string_equal(out.user, in.user);
        assert_int_equal(out.role, AUTH_OP);
        assert_int_equal(out.source, AUTH_TOKEN_UNIX);
        assert_int_equal(out.issued_at, NOW);
        assert_int_equal(out.expires_at, (NOW + USEC_PER_HOUR) / USEC_PER_SEC * USEC_PER_SEC);
        assert_string_equal(out.id, "j1");
        assert_null(out.try_id);
        arena_done(&a);
}

static void test_task_round_trip(void **state) {
        _cleanup_(auth_token_key_freep) struct auth_token_key *key = key_of(1);
        struct auth_token_claims in = task(), out = {};
        _cleanup_buf_ struct buf b = {};
        struct arena a;

        arena_init(&a, 0);
        assert_int_equal(auth_token_sign(key, &in, &b), 0);
        assert_true(b.len < AUTH_TOKEN_MAX);
        assert_int_equal(auth_token_verify(key, buf_cstr(&b), NOW, &a, &out), 0);
        assert_true(out.is_task);
        assert_string_equal(out.user, "bob");
        assert_string_equal(out.dag_id, "iris");
        assert_string_equal(out.run_id, "manual__1");
        assert_string_equal(out.task_id, "train");
        assert_string_equal(out.try_id, in.try_id);
        assert_int_equal(out.try_number, 3);
        arena_done(&a);
}

static void test_a_user_named_task(void **state) {
        _cleanup_(auth_token_key_freep) struct auth_token_key *key = key_of(1);
        struct auth_token_claims in = session(), out = {};
        _cleanup_buf_ struct buf b = {};
        struct arena a;

        in.user = "task";
        arena_init(&a, 0);
        assert_int_equal(auth_token_sign(key, &in, &b), 0);
        assert_int_equal(auth_token_verify(key, buf_cstr(&b), NOW, &a, &out), 0);
        assert_false(out.is_task);
        arena_done(&a);
}

static void test_expiry(void **state) {
        _cleanup_(auth_token_key_freep) struct auth_token_key *key = key_of(1);
        struct auth_token_claims in = session();
        _cleanup_buf_ struct buf b = {};

        assert_int_equal(auth_token_sign(key, &in, &b), 0);
        assert_int_equal(verify(key, buf_cstr(&b), NOW + USEC_PER_HOUR - USEC_PER_SEC), 0);
        assert_int_equal(verify(key, buf_cstr(&b), NOW + USEC_PER_HOUR), -EKEYEXPIRED);
}

static void test_every_changed_character_is_noticed(void **state) {
        _cleanup_(auth_token_key_freep) struct auth_token_key *key = key_of(1), *other = key_of(2);
        struct auth_token_claims in = session();
        _cleanup_buf_ struct buf b = {};

        assert_int_equal(auth_token_sign(key, &in, &b), 0);
        assert_int_equal(verify(other, buf_cstr(&b), NOW), -EBADMSG);
        for (size_t i = 0; i < b.len; i++) {
                char old = b.data[i];

                b.data[i] = old == 'A' ? 'B' : 'A';
                assert_int_equal(verify(key, b.data, NOW), -EBADMSG);
                b.data[i] = old;
        }
        for (size_t n = 0; n < b.len; n++) {
                char old = b.data[n];

                b.data[n] = '\0';
                assert_int_equal(verify(key, b.data, NOW), -EBADMSG);
                b.data[n] = old;
        }
        assert_int_equal(verify(key, b.data, NOW), 0);
}

static void test_other_forms_are_refused(void **state) {
        _cleanup_(auth_token_key_freep) struct auth_token_key *key = key_of(1);
        static const char *const headers[] = {
                "{\"alg\":\"none\"}", "{\"alg\":\"RS256\"}", "{}", "{\"alg\":5}", "[]", "x"};
        char huge[AUTH_TOKEN_MAX + 2];

        for (size_t i = 0; i < ARRAY_SIZE(headers); i++) {
                _cleanup_buf_ struct buf b = {};

                assert_int_equal(base64_encode(&b, headers[i], strlen(headers[i]),
                                               BASE64_URL | BASE64_NO_PAD),
                                 0);
                assert_int_equal(buf_add_str(&b, ".e30.e30"), 0);
                assert_int_equal(verify(key, buf_cstr(&b), NOW), -EBADMSG);
        }
        assert_int_equal(verify(key, "", NOW), -EBADMSG);
        assert_int_equal(verify(key, "..", NOW), -EBADMSG);
        assert_int_equal(verify(key, "a.b", NOW), -EBADMSG);
        assert_int_equal(verify(key, "a.b.c.d", NOW), -EBADMSG);
        memset(huge, 'a', sizeof(huge));
        huge[sizeof(huge) - 1] = '\0';
        assert_int_equal(verify(key, huge, NOW), -EBADMSG);
}

/* A token with this payload and header, rightly signed with key_of(1). */
static void sign_text(const char *header, const char *payload, struct buf *out) {
        unsigned char key[AUTH_TOKEN_KEY_BYTES], mac[EVP_MAX_MD_SIZE];
        const unsigned flags = BASE64_URL | BASE64_NO_PAD;
        unsigned n = 0;

        memset(key, 1, sizeof(key));
        assert_int_equal(base64_encode(out, header, strlen(header), flags), 0);
        assert_int_equal(buf_add_char(out, '.'), 0);
        assert_int_equal(base64_encode(out, payload, strlen(payload), flags), 0);
        assert_non_null(HMAC(EVP_sha512(), key, sizeof(key), (unsigned char *) out->data, out->len,
                             mac, &n));
        assert_int_equal(buf_add_char(out, '.'), 0);
        assert_int_equal(base64_encode(out, mac, n, flags), 0);
}

static int verify_text(const char *header, const char *payload) {
        _cleanup_(auth_token_key_freep) struct auth_token_key *key = key_of(1);
        _cleanup_buf_ struct buf b = {};

        sign_text(header, payload, &b);
        return verify(key, buf_cstr(&b), NOW);
}

#define HS512 "{\"alg\":\"HS512\"}"
#define TIMES "\"iat\":1800000000,\"exp\":1800003600"
#define TASK                                                                                       \
        "{\"sub\":\"task\",\"role\":\"user\",\"user\":\"u\",\"dag\":\"d\",\"run\":\"r\",\"task\":" \
        "\"t\","

static void test_signed_claims_must_be_right(void **state) {
        static const char *const bad[] = {
                "[]",
                "5",
                "{}",
                "not json",
                "{\"sub\":\"a\",\"src\":\"store\"," TIMES "}",
                "{\"sub\":\"a\",\"role\":\"emperor\",\"src\":\"store\"," TIMES "}",
                "{\"sub\":5,\"role\":\"user\",\"src\":\"store\"," TIMES "}",
                "{\"sub\":\"a\",\"role\":\"user\"," TIMES "}",
                "{\"sub\":\"a\",\"role\":\"user\",\"src\":\"moon\"," TIMES "}",
                "{\"sub\":\"a\",\"role\":\"user\",\"src\":\"store\",\"iat\":1800000000}",
                "{\"sub\":\"a\",\"role\":\"user\",\"src\":\"store\",\"exp\":1800003600}",
                "{\"sub\":\"a\",\"role\":\"user\",\"src\":\"store\",\"iat\":-1,\"exp\":1800003600}",
                "{\"sub\":\"a\",\"role\":\"user\",\"src\":\"store\",\"iat\":1,\"exp\":1e300}",
                "{\"sub\":\"a\",\"role\":\"user\",\"src\":\"store\",\"iat\":1,\"exp\":"
                "18446744073709551615}",
                TASK TIMES "}",
                TASK "\"try_id\":\"i\"," TIMES "}",
                TASK "\"try_id\":\"i\",\"try\":-1," TIMES "}",
                TASK "\"try_id\":\"i\",\"try\":2147483648," TIMES "}",
                TASK "\"try_id\":7,\"try\":1," TIMES "}",
        };

        for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
                if (verify_text(HS512, bad[i]) != -EBADMSG)
                        fail_msg("accepted: %s", bad[i]);
        assert_int_equal(verify_text(HS512, TASK "\"try_id\":\"i\",\"try\":2147483647," TIMES "}"),
                         0);
        assert_int_equal(
                verify_text("{\"alg\":\"HS256\"}", TASK "\"try_id\":\"i\",\"try\":1," TIMES "}"),
                -EBADMSG); /* signed by another algorithm than it says */
        assert_int_equal(verify_text("[\"HS512\"]", TASK "\"try_id\":\"i\",\"try\":1," TIMES "}"),
                         -EBADMSG);
}

/* RFC 7515's own way of signing, done by Python: hmac.new(b"\1" * 64, …, "sha256") */
static void test_hs256_of_another_hand(void **state) {
        static const char token[] =
                "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."
                "eyJzdWIiOiJhbGljZSIsInJvbGUiOiJ1c2VyIiwic3JjIjoic3RvcmUiLCJpYXQiOjE4MDAwMDAwMDAs"
                "ImV4cCI6MTgwMDAwMzYwMH0."
                "jA6Qt6uSeYkxLSekV-teMq6ryZs2Q6z50tH4tJGmoPo";
        _cleanup_(auth_token_key_freep) struct auth_token_key *key = key_of(1);

        assert_int_equal(verify(key, token, NOW), 0);
}

static void test_key_file(void **state) {
        struct test_dir *t = *state;
        struct auth_token_claims in = session();
        struct auth_token_key *key = NULL, *again = NULL;
        _cleanup_buf_ struct buf b = {};
        struct errmsg em = {};
        struct stat st;

        assert_int_equal(auth_token_key_open(t->file, false, 0600, entropy_system(), &em, &key),
                         -ENOENT);
        assert_ok(em, auth_token_key_open(t->file, true, 0640, entropy_system(), &em, &key));
        assert_int_equal(stat(t->file, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0640);
        assert_ok(em, auth_token_key_open(t->file, true, 0600, entropy_system(), &em, &again));
        assert_int_equal(auth_token_sign(key, &in, &b), 0);
        assert_int_equal(verify(again, buf_cstr(&b), NOW), 0);
        auth_token_key_free(key);
        auth_token_key_free(again);
        assert_int_equal(chmod(t->file, 0644), 0);
        assert_int_equal(auth_token_key_open(t->file, true, 0600, entropy_system(), &em, &key),
                         -EPERM);
        assert_non_null(strstr(em.text, "chmod"));
        assert_int_equal(fileio_write_atomic(t->file, "short\n", 6, 0600), 0);
        assert_int_equal(chmod(t->file, 0600), 0);
        assert_int_equal(auth_token_key_open(t->file, true, 0600, entropy_system(), &em, &key),
                         -EINVAL);
        assert_non_null(strstr(em.text, "not a token key"));
        assert_null(auth_token_key_free(NULL));
}

static void test_key_file_failures_leave_none(void **state) {
        static const enum fault_point points[] = {FAULT_WRITE, FAULT_FSYNC};
        struct test_dir *t = *state;
        struct auth_token_key *key = NULL;
        struct errmsg em = {};

        for (size_t i = 0; i < ARRAY_SIZE(points); i++) {
                fault_arm(points[i], 1, EIO, 1);
                assert_int_equal(
                        auth_token_key_open(t->file, true, 0600, entropy_system(), &em, &key),
                        -EIO);
                fault_reset();
                assert_int_equal(access(t->file, F_OK), -1);
        }
        assert_null(key);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_session_round_trip),
                cmocka_unit_test(test_task_round_trip),
                cmocka_unit_test(test_a_user_named_task),
                cmocka_unit_test(test_expiry),
                cmocka_unit_test(test_every_changed_character_is_noticed),
                cmocka_unit_test(test_other_forms_are_refused),
                cmocka_unit_test(test_signed_claims_must_be_right),
                cmocka_unit_test(test_hs256_of_another_hand),
                IN_DIR(test_key_file),
                IN_DIR(test_key_file_failures_leave_none),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
