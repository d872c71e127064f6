/* The tokens beside services: made, kept for a week, renewed, and gone with their service. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above first. */
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemons/scheduler/scheduler.h"
#include "daemons/scheduler/services_token.h"
#include "lib/auth/auth_token.h"
#include "lib/base/fileio.h"
#include "lib/base/mem.h"

struct fixture {
        char dir[64];
        struct paths paths;
        struct clock_fake clock;
        struct scheduler s;
};

static void put(struct fixture *f, const char *name, const char *text) {
        char path[160];

        snprintf(path, sizeof(path), "%s/services/%s", f->dir, name);
        assert_int_equal(fileio_write_atomic(path, text, strlen(text), 0644), 0);
}

static int setup(void **state) {
        static struct fixture f;
        unsigned char key[AUTH_TOKEN_KEY_BYTES];
        char path[128];
        struct errmsg em;

        memset(key, 7, sizeof(key));
        f = (struct fixture){};
        snprintf(f.dir, sizeof(f.dir), "/tmp/onebox-tokens-XXXXXX");
        assert_non_null(mkdtemp(f.dir));
        snprintf(path, sizeof(path), "%s/services", f.dir);
        assert_int_equal(fileio_mkdir_p(path, 0755), 0);
        assert_int_equal(paths_init(&f.paths, f.dir, f.dir, NULL, &em), 0);
        clock_fake_init(&f.clock, clock_now(clock_system()));
        f.s.paths = &f.paths;
        f.s.clock = &f.clock.clock;
        assert_int_equal(auth_token_key_new(key, &f.s.token_key), 0);
        *state = &f;
        return 0;
}

static int teardown(void **state) {
        struct fixture *f = *state;

        auth_token_key_free(f->s.token_key);
        paths_done(&f->paths);
        return fileio_rm_rf(f->dir);
}

/* The file's text on the heap, or NULL. */
static char *token_of(struct fixture *f, const char *name) {
        char path[160], *text = NULL;

        snprintf(path, sizeof(path), "%s/services/%s.token", f->dir, name);
        return fileio_read(path, 8192, &text, NULL) >= 0 ? text : NULL;
}

static void made(void **state) {
        struct fixture *f = *state;
        _cleanup_free_ char *token = NULL;
        struct auth_token_claims claims;
        struct stat st;
        char path[160];
        struct arena a;

        put(f, "iris.json", "{}");
        services_token_sync(&f->s);
        token = token_of(f, "iris");
        assert_non_null(token);
        snprintf(path, sizeof(path), "%s/services/iris.token", f->dir);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0640);

        arena_init(&a, 0);
        assert_int_equal(auth_token_verify(f->s.token_key, token, f->clock.now_at, &a, &claims), 0);
        assert_int_equal(claims.role, AUTH_VIEWER);
        assert_string_equal(claims.run_id, "iris");
        assert_int_equal(auth_token_verify(f->s.token_key, token,
                                           f->clock.now_at + 367 * USEC_PER_DAY, &a, &claims),
                         -EKEYEXPIRED);
        arena_done(&a);
}

static void kept_and_renewed(void **state) {
        struct fixture *f = *state;
        _cleanup_free_ char *first = NULL, *same = NULL, *later = NULL;

        put(f, "iris.json", "{}");
        services_token_sync(&f->s);
        first = token_of(f, "iris");
        clock_fake_advance(&f->clock, 6 * USEC_PER_DAY);
        services_token_sync(&f->s);
        same = token_of(f, "iris");
        assert_string_equal(first, same);
        clock_fake_advance(&f->clock, 2 * USEC_PER_DAY);
        services_token_sync(&f->s);
        later = token_of(f, "iris");
        assert_string_not_equal(first, later);
}

static void gone_with_its_service(void **state) {
        struct fixture *f = *state;
        _cleanup_free_ char *kept = NULL;
        char path[160];

        put(f, "a.json", "{}");
        put(f, "b.json", "{}");
        services_token_sync(&f->s);
        snprintf(path, sizeof(path), "%s/services/a.json", f->dir);
        assert_int_equal(unlink(path), 0);
        services_token_sync(&f->s);
        assert_null(token_of(f, "a"));
        kept = token_of(f, "b");
        assert_non_null(kept);
}

/* An empty one, left by a full disk, is made anew; without a key or a directory nothing happens. */
static void odd_cases(void **state) {
        struct fixture *f = *state;
        struct auth_token_key *key = f->s.token_key;
        _cleanup_free_ char *token = NULL;

        put(f, "iris.json", "{}");
        put(f, "iris.token", "");
        services_token_sync(&f->s);
        token = token_of(f, "iris");
        assert_true(token && strlen(token) > 50);
        f->s.token_key = NULL;
        put(f, "other.json", "{}");
        services_token_sync(&f->s);
        assert_null(token_of(f, "other"));
        f->s.token_key = key;
        assert_int_equal(fileio_rm_rf(f->dir), 0);
        services_token_sync(&f->s);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {TEST(made), TEST(kept_and_renewed),
                                           TEST(gone_with_its_service), TEST(odd_cases)};

        return cmocka_run_group_tests(tests, NULL, NULL);
}
