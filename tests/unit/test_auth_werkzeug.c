/* Hashes that werkzeug 3 made. */
#include <string.h>

#include "tests/unit/db_test_dir.h"

#include "lib/auth/auth_password.h"
#include "lib/auth/auth_werkzeug.h"

#define SCRYPT                                                                     \
        "scrypt:32768:8:1$bIqxj1bZav3VBqkl$16dff8530efedaedadbeeb0fc1f9629d2c6da1" \
        "537f1f451bfd741b69bd65cb62240f8bd3bd2a91aa90481c693ac653f7a78f6165e0a314" \
        "0fc16dc6a49a3d89a9"
#define SMALL                                                                  \
        "scrypt:1024:8:2$W2QiWzN7EACf5x39$99fcf5d64c384273b7b7eb85996dade530c" \
        "4a4be2faa97865017affd9ab9bb4aa464b5aaba7fc29ea302ccb6996f5a78506989"  \
        "37d6929f4c69144ce41715c403"
#define SHA256                                                             \
        "pbkdf2:sha256:1000000$ys7tQLscZmrkOngU$7f08fecd1e236814a50fce0e5" \
        "2b1bdb684bce98d8831e080f3db96b75b972f6b"
#define SHA512                                                               \
        "pbkdf2:sha512:1000$2p8i3UkMcbpgZWCb$9601b3dbd4923e2da2da94b0279a1"  \
        "d4e1b51f45af3259c8199ca184fd97470844f01d8f71833a0c1c1e4033df79fb99" \
        "4a6ebccd6b5826bb1e6022f97f8fb1076"

static void test_vectors(void **state) {
        static const struct {
                const char *password, *hash;
        } rows[] = {
                {"correct horse", SCRYPT},
                {"x", SMALL},
                {"correct horse", SHA256},
                {"ünï", SHA512},
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                assert_true(auth_werkzeug_is_hash(rows[i].hash));
                assert_int_equal(auth_werkzeug_check(rows[i].password, rows[i].hash), 1);
                assert_int_equal(auth_werkzeug_check("another", rows[i].hash), 0);
                assert_int_equal(auth_password_check(rows[i].password, rows[i].hash), 1);
                assert_int_equal(auth_password_check("another", rows[i].hash), 0);
        }
}

static void test_refused(void **state) {
        static const char *const bad[] = {
                "",
                "$",
                "$$",
                "scrypt",
                "scrypt:1024:8:2",
                "scrypt:1024:8$salt$00",
                "$y$j9T$x$y",
                "scrypt:1024:8:2$$00",
                "scrypt:1024:8:2$salt$zz",
                "scrypt:1024:8:2$salt$00",
                "pbkdf2:md5:1000$salt$00",
                "pbkdf2:sha256$salt$00",
                "pbkdf2:sha256:0$salt$00",
                "plain$salt$00",
                "scrypt:18446744073709551616:8:1$salt$00",
        };
        /* What no login may cost, with a digest as long as it should be. */
        static const char *const costly[] = {
                "scrypt:1048576:8:1",        "scrypt:1000:8:1",
                "scrypt:1024:0:1",           "scrypt:1024:8:17",
                "scrypt:1024:99999999999:1", "scrypt:9223372036854775808:8:1"};
        char text[512];

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
                assert_false(auth_werkzeug_is_hash(bad[i]));
                assert_int_equal(auth_werkzeug_check("x", bad[i]), 0);
        }
        for (size_t i = 0; i < ARRAY_SIZE(costly); i++) {
                snprintf(text, sizeof(text), "%s%s", costly[i], strchr(SMALL, '$'));
                assert_false(auth_werkzeug_is_hash(text));
        }
        snprintf(text, sizeof(text), "pbkdf2:sha512:10000001%s", strchr(SHA512, '$'));
        assert_false(auth_werkzeug_is_hash(text));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_vectors),
                cmocka_unit_test(test_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
