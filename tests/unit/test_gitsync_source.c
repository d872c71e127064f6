#include "tests/unit/base_test.h"

#include "daemons/gitsync/gitsync_source.h"
#include "lib/base/mem.h"

static void addresses(void **state) {
        static const struct {
                const char *repo;
                int scheme; /* -1: refused */
                const char *host;
        } rows[] = {
                {"ssh://git@github.com/team/dags.git", GITSYNC_SSH, "github.com"},
                {"ssh://git@[::1]:2222/team/dags.git", GITSYNC_SSH, "::1"},
                {"git@host.example:team/dags.git", GITSYNC_SSH, "host.example"},
                {"https://git.example:8443/dags", GITSYNC_HTTPS, "git.example"},
                {"file:///srv/git/dags", GITSYNC_FILE, ""},
                {"/srv/git/dags", GITSYNC_FILE, ""},
                {NULL, -1, NULL},
                {"", -1, NULL},
                {"--upload-pack=x", -1, NULL},
                {"ssh://-oProxyCommand=x/y", -1, NULL},
                {"-x:y", -1, NULL},
                {"ext::sh -c id", -1, NULL},
                {"http://git.example/dags", -1, NULL},
                {"git://git.example/dags", -1, NULL},
                {"https://token@git.example/dags", -1, NULL},
                {"https://u:p@git.example/dags", -1, NULL},
                {"ssh://u:p@git.example/dags", -1, NULL},
                {"file://relative", -1, NULL},
                {"relative/path", -1, NULL},
                {"https:///nohost", -1, NULL},
                {"git@host:a b", -1, NULL},
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                char host[GITSYNC_HOST_SIZE] = "";
                enum gitsync_scheme scheme = GITSYNC_SSH;
                struct errmsg em = {};
                int r = gitsync_source_parse(rows[i].repo, &scheme, host, &em);

                if ((r < 0) != (rows[i].scheme < 0))
                        fail_msg("row %zu (%s): %d", i, rows[i].repo, r);
                if (r < 0) {
                        assert_true(em.text[0]);
                        assert_null(strstr(em.text, "u:p"));
                } else {
                        assert_int_equal(scheme, rows[i].scheme);
                        assert_string_equal(host, rows[i].host);
                }
        }
}

static void names_of_branches(void **state) {
        static const char *const good[] = {"main", "feature/x-1", "v1.0", "release_2"};
        static const char *const bad[] = {"",    "-x",   "a..b", "a b",    "a~1",  "a^",
                                          "a:b", "a//b", "x/",   "x.lock", "@{u}", "a\\b"};

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(good); i++)
                assert_int_equal(gitsync_source_check_ref(good[i], NULL), 0);
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
                assert_int_equal(gitsync_source_check_ref(bad[i], NULL), -EINVAL);
}

static void subpaths(void **state) {
        static const struct {
                const char *given, *is;
        } rows[] = {
                {"tests/dags", "tests/dags"},
                {"/tests/dags/", "tests/dags"},
                {".", ""},
                {"/", ""},
                {"./a", "a"},
                {"../a", NULL},
                {"a/../b", NULL},
                {"-x", NULL},
                {"a//b", NULL},
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_free_ char *is = NULL;
                int r = gitsync_source_subpath(rows[i].given, &is, NULL);

                if (rows[i].is) {
                        assert_int_equal(r, 0);
                        assert_string_equal(is, rows[i].is);
                } else {
                        assert_int_equal(r, -EINVAL);
                        assert_null(is);
                }
        }
}

#define A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define C "cccccccccccccccccccccccccccccccccccccccc"
#define D "dddddddddddddddddddddddddddddddddddddddd"

static const char remote[] =
        A "\tHEAD\n" A "\trefs/heads/main\n" B "\trefs/heads/feature/v1\n" C "\trefs/tags/v1\n" D
          "\trefs/tags/v1^{}\n" C "\trefs/tags/light\n" B "\trefs/tags/main\n";

static void refs_of_a_remote(void **state) {
        static const struct {
                const char *ref, *commit, *full;
        } rows[] = {
                {NULL, A, "HEAD"},
                {"main", A, "refs/heads/main"}, /* a branch before a tag */
                {"v1", D, "refs/tags/v1"},      /* the commit a tag is of */
                {"light", C, "refs/tags/light"},
                {"feature/v1", B, "refs/heads/feature/v1"},
                {"refs/tags/main", B, "refs/tags/main"},
                {"maim", NULL, NULL},
                {"HEAD~1", NULL, NULL},
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                char commit[GITSYNC_COMMIT_SIZE], ref[GITSYNC_REF_SIZE];
                struct errmsg em = {};
                int r = gitsync_source_find_ref(remote, rows[i].ref, commit, ref, &em);

                if (!rows[i].commit) {
                        assert_int_equal(r, -ENOENT);
                        continue;
                }
                assert_int_equal(r, 0);
                assert_string_equal(commit, rows[i].commit);
                assert_string_equal(ref, rows[i].full);
        }
}

static void missing_and_strange_refs(void **state) {
        char commit[GITSYNC_COMMIT_SIZE], ref[GITSYNC_REF_SIZE];
        struct errmsg em = {};

        (void) state;
        assert_int_equal(gitsync_source_find_ref(remote, "maim", commit, ref, &em), -ENOENT);
        assert_string_equal(em.text, "the repository has no branch or tag \"maim\": did you mean "
                                     "\"main\"?");
        assert_int_equal(gitsync_source_find_ref("", NULL, commit, ref, &em), -ENOENT);
        assert_int_equal(gitsync_source_find_ref("<html>\n", "main", commit, ref, &em), -EBADMSG);
        assert_int_equal(
                gitsync_source_find_ref("abc\trefs/heads/main\n", "main", commit, ref, &em),
                -EBADMSG);
}

#define BEGIN "-----BEGIN OPENSSH PRIVATE KEY-----"
#define END "-----END OPENSSH PRIVATE KEY-----"
#define WHOLE BEGIN "\nAAAA\n" END "\n"

static void keys_are_mended(void **state) {
        static const struct {
                const char *given;
                unsigned changes;
        } rows[] = {
                {WHOLE, 0},
                {BEGIN "\nAAAA\n" END, GITSYNC_KEY_NEWLINE},
                {BEGIN "\r\nAAAA\r\n" END "\r\n", GITSYNC_KEY_CRLF},
                {BEGIN "\rAAAA\r" END, GITSYNC_KEY_CRLF | GITSYNC_KEY_NEWLINE},
                {"\n  " WHOLE "\n\n", GITSYNC_KEY_BLANKS},
                {"\xef\xbb\xbf" WHOLE, GITSYNC_KEY_BLANKS},
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_free_ char *key = NULL;
                unsigned changes = 99;

                assert_int_equal(gitsync_source_key(rows[i].given, strlen(rows[i].given), &key,
                                                    &changes, NULL),
                                 0);
                assert_string_equal(key, WHOLE);
                assert_int_equal(changes, rows[i].changes);
        }
}

static void what_is_no_key(void **state) {
        static const char *const rows[] = {
                "", "ssh-ed25519 AAAA me@here\n", BEGIN "\nAAAA\n",
                "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----"};

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct errmsg em = {};
                char *key = NULL;
                unsigned changes;

                assert_int_equal(gitsync_source_key(rows[i], strlen(rows[i]), &key, &changes, &em),
                                 -EINVAL);
                assert_null(strstr(em.text, "AAAA"));
        }
}

static void reasons_have_remedies(void **state) {
        struct errmsg em;

        (void) state;
        gitsync_source_reason(
                "No ED25519 host key is known for h and you have requested strict "
                "checking.\nHost key verification failed.\nfatal: Could not read from "
                "remote repository.\n",
                "h", "/etc/hosts.git", &em);
        assert_string_equal(em.text,
                            "the host's key is not trusted: ssh-keyscan h "
                            ">>/etc/hosts.git, and compare it with what the host publishes");
        gitsync_source_reason("warning: x\nfatal: something else\nmore\n", "h", "k", &em);
        assert_string_equal(em.text, "fatal: something else");
        gitsync_source_reason("", "h", "k", &em);
        assert_string_equal(em.text, "git said nothing");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(addresses),
                cmocka_unit_test(names_of_branches),
                cmocka_unit_test(subpaths),
                cmocka_unit_test(refs_of_a_remote),
                cmocka_unit_test(missing_and_strange_refs),
                cmocka_unit_test(keys_are_mended),
                cmocka_unit_test(what_is_no_key),
                cmocka_unit_test(reasons_have_remedies),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
