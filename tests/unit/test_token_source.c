/* Every way to a token against the endpoints it uses: what is sent, what is taken, what is said. */
#include "tests/unit/gcp_test_server.h"

#include <sys/stat.h>

#include "lib/base/base64.h"
#include "lib/base/mem.h"
#include "lib/gcp/token_source.h"

static struct errmsg em;

static void expect(const struct token_options *o, const char *text) {
        _cleanup_(token_unrefp) struct token *t = gcp_test_open(*o);
        _cleanup_token_value_ struct token_value v = {};

        if (token_get(t, 20 * USEC_PER_SEC, &v, &em) < 0)
                fail_msg("token_get: %s", em.text);
        assert_string_equal(v.text, text);
}

/* Refused with these words and without that secret. */
static void expect_refused(const struct token_options *o, int error, const char *words,
                           const char *secret) {
        _cleanup_(token_unrefp) struct token *t = gcp_test_open(*o);
        struct token_value v = {};

        em.text[0] = '\0';
        assert_int_equal(token_get(t, 20 * USEC_PER_SEC, &v, &em), error);
        if (!strstr(em.text, words))
                fail_msg("\"%s\" lacks \"%s\"", em.text, words);
        assert_null(secret ? strstr(em.text, secret) : NULL);
}

static bool sent(const char *words) {
        return strstr(gcp_test.body, words) != NULL;
}

/* --- service account keys ------------------------------------------------------------------------
 */

static void verify(const char *assertion, size_t n) {
        _cleanup_buf_ struct buf signature = {}, claims = {};
        const char *dot = memrchr(assertion, '.', n), *first = memchr(assertion, '.', n);
        EVP_MD_CTX *ctx = EVP_MD_CTX_new();
        char pem[4096];

        assert_non_null(dot);
        assert_int_equal(base64_decode(&signature, dot + 1, n - (size_t) (dot + 1 - assertion),
                                       BASE64_URL | BASE64_NO_PAD),
                         0);
        assert_int_equal(EVP_DigestVerifyInit_ex(ctx, NULL, "SHA256", NULL, NULL,
                                                 gcp_test_key(false, pem, sizeof pem), NULL),
                         1);
        assert_int_equal(EVP_DigestVerify(ctx, (void *) signature.data, signature.len,
                                          (const void *) assertion, (size_t) (dot - assertion)),
                         1);
        EVP_MD_CTX_free(ctx);
        assert_int_equal(base64_decode(&claims, first + 1, (size_t) (dot - first - 1),
                                       BASE64_URL | BASE64_NO_PAD),
                         0);
        assert_non_null(strstr(claims.data, "\"iss\":\"robot@example.test\""));
        assert_non_null(strstr(claims.data, "\"scope\":\"a b\""));
        assert_non_null(strstr(claims.data, "/token\""));
        assert_non_null(strstr(claims.data, "\"iat\":1799999990,\"exp\":1800003590"));
}

static void test_key(void **state) {
        static const char *const scopes[] = {"a", "b", NULL};
        _cleanup_free_ char *json = gcp_test_key_json();
        struct clock_fake clock;
        struct token_options o = {
                .credentials_json = json, .scopes = scopes, .clock = &clock.clock};
        const char *assertion;

        clock_fake_init(&clock, 1800000000 * USEC_PER_SEC);
        expect(&o, "token-1");
        assert_string_equal(gcp_test.type, "application/x-www-form-urlencoded");
        assert_true(sent("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&"));
        assertion = strstr(gcp_test.body, "assertion=");
        assert_non_null(assertion);
        assertion += strlen("assertion=");
        verify(assertion, strlen(assertion));

        _cleanup_(token_unrefp) struct token *t = gcp_test_open(o);
        assert_string_equal(token_project(t), "the-project");
        assert_string_equal(token_email(t), "robot@example.test");
        assert_non_null(strstr(token_describe(t), "robot@example.test"));
        assert_null(token_quota_project(t));
}

static void test_key_is_damaged(void **state) {
        struct token_options o = {
                .credentials_json =
                        "{\"type\": \"service_account\", \"client_email\": \"a@b\", "
                        "\"private_key\": \"-----BEGIN PRIVATE KEY-----\\nc2VjcmV0\\n-----END "
                        "PRIVATE KEY-----\\n\"}"};
        struct token *t;

        assert_int_equal(token_new(&o, &em, &t), -EINVAL);
        assert_non_null(strstr(em.text, "private_key"));
        assert_null(strstr(em.text, "c2VjcmV0"));
}

/* --- a person ------------------------------------------------------------------------------------
 */

static char *user_json(void) {
        return str_printf("{\"type\": \"authorized_user\", \"client_id\": \"id&1\", "
                          "\"client_secret\": \"shh\", \"refresh_token\": \"1//again\", "
                          "\"quota_project_id\": \"pays\", \"token_uri\": \"%s/token\"}",
                          gcp_test.base);
}

static void test_user(void **state) {
        _cleanup_free_ char *json = user_json();
        struct token_options o = {.credentials_json = json};

        expect(&o, "token-1");
        assert_string_equal(gcp_test.body,
                            "grant_type=refresh_token&client_id=id%261&client_secret=shh&"
                            "refresh_token=1%2F%2Fagain");
        _cleanup_(token_unrefp) struct token *t = gcp_test_open(o);
        assert_string_equal(token_quota_project(t), "pays");
        gcp_test.fail_status = 400;
        gcp_test.n_failing = 1;
        expect_refused(&o, -EINVAL, "answers 400: invalid_grant: no", "again");
}

/* --- other people's servers ----------------------------------------------------------------------
 */

static void test_url(void **state) {
        _cleanup_free_ char *url = str_printf("%s/token?secret=1", gcp_test.base);
        struct token_options o = {.token_url = url}, bad = {.token_url = "ftp://x"};
        struct token *t;

        expect(&o, "token-1");
        assert_string_equal(gcp_test.target, "/token?secret=1");
        gcp_test.fail_status = 403;
        gcp_test.n_failing = 1;
        expect_refused(&o, -EACCES, "answers 403", "secret");
        assert_int_equal(token_new(&bad, &em, &t), -EINVAL);
        bad.token_url = "unix://relative";
        assert_int_equal(token_new(&bad, &em, &t), -EINVAL);
}

static void test_url_on_a_socket(void **state) {
        static struct net_test other;
        char address[64], url[96];
        struct token_options o = {.token_url = url};

        snprintf(address, sizeof address, "unix:/tmp/test_token_source.%d", (int) getpid());
        snprintf(url, sizeof url, "unix://%s?a=b", address + strlen("unix:"));
        other.address = address;
        other.rows = gcp_test_rows;
        other.n_rows = ARRAY_SIZE(gcp_test_rows);
        other.options.n_workers = 1;
        net_test_start(&other);
        expect(&o, "token-1");
        assert_string_equal(gcp_test.target, "/?a=b");
        net_test_stop(&other);
        unlink(address + strlen("unix:"));
}

static void test_metadata(void **state) {
        struct token_options o = {.metadata = true};

        expect(&o, "token-1");
        gcp_test.fail_status = 404;
        gcp_test.n_failing = 1;
        expect_refused(&o, -ENOENT, "no service account", NULL);
}

static void test_somebody_else_is_the_metadata_server(void **state) {
        _cleanup_(token_unrefp) struct token *t =
                gcp_test_open((struct token_options){.metadata = true});
        struct token_value v;

        gcp_test.is_impostor = true;
        assert_int_equal(token_get(t, 50 * USEC_PER_MSEC, &v, &em), -ETIMEDOUT);
        assert_non_null(strstr(em.text, "is not Google's metadata server"));
}

/* --- impersonation -------------------------------------------------------------------------------
 */

static void test_impersonate_chain(void **state) {
        struct token_options o = {.static_token = "mine",
                                  .impersonate = "target@x,second@x,first@x",
                                  .iam_endpoint = gcp_test.base};
        struct token *bad;

        expect(&o, "theirs");
        assert_string_equal(gcp_test.target,
                            "/v1/projects/-/serviceAccounts/target@x:generateAccessToken");
        assert_string_equal(gcp_test.authorization, "Bearer mine");
        assert_string_equal(gcp_test.body,
                            "{\"scope\":[\"" TOKEN_SCOPE_CLOUD "\"],\"lifetime\":\"3600s\","
                            "\"delegates\":[\"projects/-/serviceAccounts/first@x\","
                            "\"projects/-/serviceAccounts/second@x\"]}");
        _cleanup_(token_unrefp) struct token *t = gcp_test_open(o);
        assert_string_equal(token_email(t), "target@x");
        o.impersonate = "a/b";
        assert_int_equal(token_new(&o, &em, &bad), -EINVAL);
        o.impersonate = ",";
        assert_int_equal(token_new(&o, &em, &bad), -EINVAL);
}

static void test_impersonated_file(void **state) {
        _cleanup_free_ char *user = user_json();
        _cleanup_free_ char *json = str_printf(
                "{\"type\": \"impersonated_service_account\", \"source_credentials\": %s, "
                "\"delegates\": [\"projects/-/serviceAccounts/d@x\"], "
                "\"service_account_impersonation_url\": "
                "\"%s/v1/projects/-/serviceAccounts/t@x:generateAccessToken\"}",
                user, gcp_test.base);
        struct token_options o = {.credentials_json = json};

        expect(&o, "theirs");
        assert_string_equal(gcp_test.authorization, "Bearer token-1");
        assert_true(sent("\"delegates\":[\"projects/-/serviceAccounts/d@x\"]"));
        assert_int_equal(gcp_test.n_calls, 2);
}

/* --- external accounts ---------------------------------------------------------------------------
 */

static char *external_json(const char *source, bool impersonates) {
        _cleanup_free_ char *url = impersonates
                                           ? str_printf("\"service_account_impersonation_url\": "
                                                        "\"%s/v1/projects/-/serviceAccounts/"
                                                        "t@x:generateAccessToken\", "
                                                        "\"service_account_impersonation\": "
                                                        "{\"token_lifetime_seconds\": 600}, ",
                                                        gcp_test.base)
                                           : mem_strdup("");

        return str_printf("{\"type\": \"external_account\", \"audience\": \"//iam/pool\", "
                          "\"subject_token_type\": \"urn:ietf:params:oauth:token-type:jwt\", "
                          "\"token_url\": \"%s/sts\", %s\"credential_source\": %s}",
                          gcp_test.base, url, source);
}

static void write_file(const char *path, const char *text, mode_t mode) {
        FILE *f = fopen(path, "we");

        assert_non_null(f);
        fputs(text, f);
        assert_int_equal(fclose(f), 0);
        assert_int_equal(chmod(path, mode), 0);
}

static void test_external_file(void **state) {
        char path[64], source[128];
        _cleanup_free_ char *json = NULL;
        struct token_options o = {};

        snprintf(path, sizeof path, "/tmp/test_token_subject.%d", (int) getpid());
        snprintf(source, sizeof source, "{\"file\": \"%s\"}", path);
        json = external_json(source, false);
        o.credentials_json = json;
        write_file(path, "the-jwt\n", 0600);
        expect(&o, "token-1");
        assert_true(sent("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange&"));
        assert_true(sent("&audience=%2F%2Fiam%2Fpool&"));
        assert_true(sent("&subject_token=the-jwt"));
        unlink(path);
}

static void test_external_url(void **state) {
        _cleanup_free_ char *source =
                str_printf("{\"url\": \"%s/subject\", \"headers\": {\"X-A\": \"b\"}, \"format\": "
                           "{\"type\": \"json\", \"subject_token_field_name\": \"id\"}}",
                           gcp_test.base);
        _cleanup_free_ char *json = external_json(source, true);
        struct token_options o = {.credentials_json = json};

        expect(&o, "theirs");
        assert_true(sent("\"lifetime\":\"600s\""));
        assert_string_equal(gcp_test.authorization, "Bearer token-2");
        assert_int_equal(gcp_test.n_calls, 3);
}

static void test_external_command(void **state) {
        char path[64], source[200];
        _cleanup_free_ char *json = NULL;
        struct token_options o = {};

        snprintf(path, sizeof path, "/tmp/test_token_command.%d", (int) getpid());
        snprintf(source, sizeof source,
                 "{\"executable\": {\"command\": \"%s 'a b'\", \"timeout_millis\": 20000}}", path);
        json = external_json(source, false);
        o.credentials_json = json;
        write_file(path,
                   "#!/bin/sh\n[ \"$1\" = 'a b' ] || exit 3\n"
                   "echo '{\"version\": 1, \"success\": true, \"token_type\": "
                   "\"urn:ietf:params:oauth:token-type:id_token\", \"id_token\": "
                   "\"'\"$GOOGLE_EXTERNAL_ACCOUNT_AUDIENCE\"'\"}'\n",
                   0700);
        unsetenv("GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES");
        expect_refused(&o, -EPERM, "GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES=1", NULL);
        setenv("GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES", "1", 1);
        expect(&o, "token-1");
        assert_true(sent("&subject_token=%2F%2Fiam%2Fpool"));
        write_file(path,
                   "#!/bin/sh\necho '{\"version\": 1, \"success\": false, \"code\": \"401\", "
                   "\"message\": \"not you\"}'\n",
                   0700);
        expect_refused(&o, -EACCES, "it says 401: not you", NULL);
        unlink(path);
}

/* --- gcloud --------------------------------------------------------------------------------------
 */

static void test_gcloud(void **state) {
        char dir[] = "/tmp/test_token_gcloud.XXXXXX", path[64];
        _cleanup_free_ char *old = mem_strdup(getenv("PATH"));
        struct token_options o = {.gcloud = true};

        assert_non_null(mkdtemp(dir));
        snprintf(path, sizeof path, "%s/gcloud", dir);
        setenv("PATH", dir, 1);
        expect_refused(&o, -ENOENT, "no program \"gcloud\"", NULL);
        write_file(path,
                   "#!/bin/sh\n[ \"$*\" = '--format json config config-helper --min-expiry 1h' ] "
                   "|| exit 2\necho '{\"credential\": {\"access_token\": \"ya29\", "
                   "\"token_expiry\": \"2999-01-01T00:00:00Z\"}}'\n",
                   0700);
        expect(&o, "ya29");
        write_file(path, "#!/bin/sh\necho start >&2; echo 'ERROR: log in first' >&2; exit 1\n",
                   0700);
        expect_refused(&o, -EACCES, "ended with 1: ERROR: log in first", NULL);
        setenv("PATH", old, 1);
        unlink(path);
        rmdir(dir);
}

/* --- the Application Default Credentials ---------------------------------------------------------
 */

static void test_default_order(void **state) {
        char dir[] = "/tmp/test_token_adc.XXXXXX", named[64], path[96];
        _cleanup_free_ char *json = user_json(), *key = gcp_test_key_json();
        struct token_options o = {};
        struct token *t;

        assert_non_null(mkdtemp(dir));
        snprintf(path, sizeof path, "%s/application_default_credentials.json", dir);
        snprintf(named, sizeof named, "%s/key.json", dir);
        setenv("CLOUDSDK_CONFIG", dir, 1);
        t = gcp_test_open(o);
        assert_non_null(strstr(token_describe(t), "metadata"));
        token_unref(t);
        write_file(path, json, 0600);
        t = gcp_test_open(o);
        assert_non_null(strstr(token_describe(t), "refresh token"));
        token_unref(t);
        setenv("GOOGLE_APPLICATION_CREDENTIALS", named, 1);
        assert_int_equal(token_new(&o, &em, &t), -ENOENT);
        assert_non_null(strstr(em.text, "GOOGLE_APPLICATION_CREDENTIALS: "));
        assert_non_null(strstr(em.text, named));
        write_file(named, key, 0600);
        t = gcp_test_open(o);
        assert_non_null(strstr(token_describe(t), "service account key"));
        token_unref(t);
        unsetenv("GOOGLE_APPLICATION_CREDENTIALS");
        unsetenv("CLOUDSDK_CONFIG");
        unlink(path);
        unlink(named);
        rmdir(dir);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup(test_key, gcp_test_reset),
                cmocka_unit_test_setup(test_key_is_damaged, gcp_test_reset),
                cmocka_unit_test_setup(test_user, gcp_test_reset),
                cmocka_unit_test_setup(test_url, gcp_test_reset),
                cmocka_unit_test_setup(test_url_on_a_socket, gcp_test_reset),
                cmocka_unit_test_setup(test_metadata, gcp_test_reset),
                cmocka_unit_test_setup(test_somebody_else_is_the_metadata_server, gcp_test_reset),
                cmocka_unit_test_setup(test_impersonate_chain, gcp_test_reset),
                cmocka_unit_test_setup(test_impersonated_file, gcp_test_reset),
                cmocka_unit_test_setup(test_external_file, gcp_test_reset),
                cmocka_unit_test_setup(test_external_url, gcp_test_reset),
                cmocka_unit_test_setup(test_external_command, gcp_test_reset),
                cmocka_unit_test_setup(test_gcloud, gcp_test_reset),
                cmocka_unit_test_setup(test_default_order, gcp_test_reset),
        };

        return cmocka_run_group_tests(tests, gcp_test_setup, gcp_test_teardown);
}
