/* Grants and the roles they hang on, in auth.db. */
#include "tests/unit/db_test_dir.h"

#include "lib/auth/auth_grants.h"
#include "lib/base/arena.h"
#include "lib/base/clock.h"
#include "lib/base/entropy.h"
#include "lib/base/fault.h"

struct box {
        struct test_dir *dir;
        struct clock_fake clock;
        struct entropy_fake entropy;
        struct arena arena;
        struct auth_store *store;
};

static int box_setup(void **state) {
        struct box *b = calloc(1, sizeof(*b));
        struct errmsg em = {};

        assert_non_null(b);
        test_dir_setup((void **) &b->dir);
        clock_fake_init(&b->clock, 1800000000 * USEC_PER_SEC);
        entropy_fake_init(&b->entropy, 1);
        arena_init(&b->arena, 0);
        assert_ok(em, auth_store_open(b->dir->file, AUTH_STORE_CREATE, &b->clock.clock,
                                      &b->entropy.entropy, &em, &b->store));
        assert_ok(em, auth_store_user_insert(b->store, "ann", NULL, AUTH_USER, &em));
        assert_ok(em, auth_store_user_insert(b->store, "bob", NULL, AUTH_USER, &em));
        *state = b;
        return 0;
}

static int box_teardown(void **state) {
        struct box *b = *state;

        auth_store_free(b->store);
        arena_done(&b->arena);
        test_dir_teardown((void **) &b->dir);
        free(b);
        return 0;
}

#define BOXED(f) cmocka_unit_test_setup_teardown(f, box_setup, box_teardown)

static size_t count(struct box *b, const char *user) {
        struct auth_grant *grants;
        size_t n = 99;

        assert_int_equal(
                auth_grants_of_user(b->store, user, AUTH_GRANTS_WORKSPACE, &b->arena, &grants, &n),
                0);
        return n;
}

/* The role, who has it and the grant are there together or not at all. */
static void test_a_grant_is_whole_or_not_there(void **state) {
        struct auth_grants_role role;
        struct box *b = *state;

        fault_arm(FAULT_COMMIT, 1, EIO, 1);
        assert_int_equal(auth_grants_give(b->store, "ann", "experiment", "1", "EDIT"), -EIO);
        assert_int_equal(count(b, "ann"), 0);
        assert_int_equal(auth_grants_role_get_by_name(b->store, AUTH_GRANTS_WORKSPACE, "__user_1__",
                                                      &b->arena, &role),
                         AUTH_STORE_ABSENT);
        assert_int_equal(auth_grants_give(b->store, "ann", "experiment", "1", "EDIT"), 0);
        assert_int_equal(auth_grants_role_get_by_name(b->store, AUTH_GRANTS_WORKSPACE, "__user_1__",
                                                      &b->arena, &role),
                         0);
        assert_int_equal(count(b, "ann"), 1);
}

static void test_one_user(void **state) {
        struct box *b = *state;
        struct auth_grant *g;
        size_t n;

        assert_int_equal(auth_grants_give(b->store, "ann", "experiment", "1", "EDIT"), 0);
        assert_int_equal(auth_grants_give(b->store, "ann", "experiment", "1", "READ"),
                         AUTH_STORE_EXISTS);
        assert_int_equal(auth_grants_give(b->store, "nobody", "experiment", "1", "READ"),
                         AUTH_STORE_ABSENT);
        assert_int_equal(auth_grants_of_user(b->store, "ann", NULL, &b->arena, &g, &n), 0);
        assert_int_equal(n, 1);
        assert_string_equal(g->type, "experiment");
        assert_string_equal(g->pattern, "1");
        assert_string_equal(g->permission, "EDIT");
        assert_int_equal(count(b, "bob"), 0);
        assert_int_equal(auth_grants_take(b->store, "bob", "experiment", "1"), AUTH_STORE_ABSENT);
        assert_int_equal(auth_grants_take(b->store, "ann", "experiment", "1"), 0);
        assert_int_equal(count(b, "ann"), 0);
}

static void test_roles(void **state) {
        struct box *b = *state;
        struct auth_grants_member *members;
        struct auth_grants_role role, *roles;
        size_t n;

        assert_int_equal(auth_grants_give(b->store, "ann", "experiment", "1", "EDIT"), 0);
        assert_int_equal(auth_grants_role_insert(b->store, AUTH_GRANTS_WORKSPACE, "team", NULL), 0);
        assert_int_equal(auth_grants_role_insert(b->store, AUTH_GRANTS_WORKSPACE, "team", NULL),
                         AUTH_STORE_EXISTS);
        assert_int_equal(auth_grants_role_get_by_name(b->store, AUTH_GRANTS_WORKSPACE, "team",
                                                      &b->arena, &role),
                         0);
        assert_null(role.description);
        assert_int_equal(auth_grants_add(b->store, role.id, "experiment", "*", "READ"), 0);
        assert_int_equal(auth_grants_assign(b->store, role.id, "bob"), 0);
        assert_int_equal(auth_grants_assign(b->store, role.id, "bob"), AUTH_STORE_EXISTS);
        assert_int_equal(auth_grants_assign(b->store, role.id, "nobody"), AUTH_STORE_ABSENT);
        assert_int_equal(count(b, "bob"), 1);
        assert_int_equal(count(b, "ann"), 1);
        assert_int_equal(auth_grants_role_list(b->store, NULL, &b->arena, &roles, &n), 0);
        assert_int_equal(n, 2);
        assert_int_equal(auth_grants_role_list(b->store, "ann", &b->arena, &roles, &n), 0);
        assert_int_equal(n, 1);
        assert_string_equal(roles->name, "__user_1__"); /* her own */
        assert_int_equal(auth_grants_members(b->store, role.id, &b->arena, &members, &n), 0);
        assert_int_equal(n, 1);
        assert_int_equal(auth_grants_role_update(b->store, role.id, NULL, "d"), 0);
        assert_int_equal(auth_grants_role_get(b->store, role.id, &b->arena, &role), 0);
        assert_string_equal(role.name, "team");
        assert_string_equal(role.description, "d");
        assert_int_equal(auth_grants_role_delete(b->store, role.id), 0);
        assert_int_equal(count(b, "bob"), 0);
}

/* A name is taken in its workspace, and what is granted in another one counts there alone. */
static void test_workspaces(void **state) {
        struct box *b = *state;
        struct auth_grants_role role;
        struct auth_grant *grants;
        size_t n;

        assert_int_equal(auth_grants_role_insert(b->store, "default", "team", NULL), 0);
        assert_int_equal(auth_grants_role_insert(b->store, "other", "team", NULL), 0);
        assert_int_equal(auth_grants_role_insert(b->store, "other", "team", NULL),
                         AUTH_STORE_EXISTS);
        assert_int_equal(auth_grants_role_get_by_name(b->store, "other", "team", &b->arena, &role),
                         0);
        assert_string_equal(role.workspace, "other");
        assert_int_equal(auth_grants_add(b->store, role.id, "workspace", "*", "MANAGE"), 0);
        assert_int_equal(auth_grants_assign(b->store, role.id, "bob"), 0);
        assert_int_equal(count(b, "bob"), 0);
        assert_int_equal(auth_grants_of_user(b->store, "bob", "other", &b->arena, &grants, &n), 0);
        assert_int_equal(n, 1);
        assert_int_equal(auth_grants_of_user(b->store, "bob", NULL, &b->arena, &grants, &n), 0);
        assert_int_equal(n, 1);
        assert_string_equal(grants->workspace, "other");
}

static void test_another_name(void **state) {
        struct box *b = *state;
        struct auth_grant *grants;
        size_t n;

        assert_int_equal(auth_grants_give(b->store, "ann", "registered_model", "m", "EDIT"), 0);
        assert_int_equal(auth_grants_give(b->store, "ann", "prompt", "m", "READ"), 0);
        assert_int_equal(auth_grants_give(b->store, "bob", "registered_model", "new", "READ"), 0);
        assert_int_equal(auth_grants_move(b->store, "registered_model", "m", "new"), 0);
        assert_int_equal(count(b, "bob"), 0); /* that was another one */
        assert_int_equal(auth_grants_of_user(b->store, "ann", NULL, &b->arena, &grants, &n), 0);
        assert_int_equal(n, 2);
        for (size_t i = 0; i < n; i++)
                assert_string_equal(grants[i].pattern,
                                    strcmp(grants[i].type, "prompt") ? "new" : "m");
        assert_int_equal(auth_grants_move(b->store, "registered_model", "m", "new"), 0);
}

static void test_what_is_gone(void **state) {
        struct box *b = *state;

        assert_int_equal(auth_grants_give(b->store, "ann", "registered_model", "m", "MANAGE"), 0);
        assert_int_equal(auth_grants_give(b->store, "bob", "registered_model", "m", "READ"), 0);
        assert_int_equal(auth_grants_forget(b->store, "registered_model", "m"), 0);
        assert_int_equal(auth_grants_forget(b->store, "registered_model", "m"), 0);
        assert_int_equal(count(b, "ann") + count(b, "bob"), 0);
        assert_int_equal(auth_grants_give(b->store, "ann", "experiment", "1", "EDIT"), 0);
        assert_int_equal(auth_store_user_delete(b->store, "ann"), 0);
        assert_int_equal(count(b, "ann"), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                BOXED(test_a_grant_is_whole_or_not_there),
                BOXED(test_one_user),
                BOXED(test_roles),
                BOXED(test_workspaces),
                BOXED(test_another_name),
                BOXED(test_what_is_gone),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
