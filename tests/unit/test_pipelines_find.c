/* Directories on disk. */
#include "tests/unit/pipelines_fixture.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemons/scheduler/pipelines_find.h"
#include "lib/base/fileio.h"
#include "lib/base/str.h"

static char root[64];

static void put(const char *name, const char *text) {
        char *path = str_printf("%s/%s", root, name);

        assert_non_null(path);
        assert_int_equal(fileio_mkdir_parents(path, 0755), 0);
        assert_int_equal(fileio_write_atomic(path, text, strlen(text), 0644), 0);
        mem_free(path);
}

static int setup(void **state) {
        snprintf(root, sizeof(root), "/tmp/test_pipelines_find.XXXXXX");
        assert_non_null(mkdtemp(root));
        return 0;
}

static int teardown(void **state) {
        return fileio_rm_rf(root);
}

static void test_finds_by_name(void **state) {
        struct pipelines_find_result r;

        put("b/deep/er/liminal.yml", "name: one\n");
        put("a/liminal.yaml", "name: two\n");
        put("a/other.yml", "name: three\n");
        put(".hidden/liminal.yml", "name: four\n");
        put("liminal.yml.bak", "name: five\n");
        assert_int_equal(pipelines_find(root, 0, &r), 0);
        assert_int_equal(r.n_files, 2);
        assert_true(str_ends(r.files[0].path, "/a/liminal.yaml"));
        assert_true(str_ends(r.files[1].path, "/b/deep/er/liminal.yml"));
        assert_string_equal(r.files[0].data, "name: two\n");
        pipelines_find_done(&r);
}

static void test_nothing_there(void **state) {
        struct pipelines_find_result r;
        struct pipelines p;
        struct errmsg em = {};
        struct pipelines_options o = {.python = "/x"};

        assert_int_equal(pipelines_find("/nonexistent/dir", 0, &r), 0);
        assert_int_equal(r.n_files, 0);
        pipelines_find_done(&r);
        put("file", "x");
        assert_int_equal(chdir(root), 0);
        assert_int_equal(pipelines_load("file", &o, &p, &em), -ENOTDIR);
        assert_non_null(strstr(em.text, "pipelines directory file"));
        assert_int_equal(chdir("/"), 0);
}

/* A circle of links is no endless tree: directories are not followed. */
static void test_links(void **state) {
        struct pipelines_find_result r;
        char *link = str_printf("%s/a/loop", root), *file = str_printf("%s/liminal.yml", root);
        char *target = str_printf("%s/a/real.yml", root);

        put("a/real.yml", "name: x\n");
        assert_int_equal(symlink(root, link), 0);
        assert_int_equal(symlink(target, file), 0);
        assert_int_equal(pipelines_find(root, 0, &r), 0);
        assert_int_equal(r.n_files, 1); /* a link to a file is one */
        pipelines_find_done(&r);
        mem_free(link);
        mem_free(file);
        mem_free(target);
}

static void test_load(void **state) {
        struct pipelines_options o = {.python = "/x"};
        struct errmsg em = {};
        struct pipelines p;
        char *env = str_printf("%s/env", root);

        put("env", "# comment\nA=1\nB=x=y\n\nbad\n");
        put("p/liminal.yml", "name: x\npipelines:\n  - pipeline: p\n    tasks:\n"
                             "      - {task: a, type: python, cmd: x, env_vars: {A: 0, C: 2}}\n");
        put("q/liminal.yml", "name: [\n");
        o.env_file = env;
        assert_int_equal(pipelines_load(root, &o, &p, &em), 0);
        assert_int_equal(p.n_dags, 1);
        assert_int_equal(p.n_messages, 1);
        assert_true(str_ends(p.messages[0].file, "/q/liminal.yml"));
        assert_non_null(strstr(p.dags[0].json, "\"A\":\"1\"")); /* the file wins */
        assert_non_null(strstr(p.dags[0].json, "\"B\":\"x=y\""));
        assert_non_null(strstr(p.dags[0].json, "\"C\":\"2\""));
        pipelines_done(&p);

        o.compat_code = true; /* a second "=" loses the line */
        assert_int_equal(pipelines_load(root, &o, &p, &em), 0);
        assert_null(strstr(p.dags[0].json, "x=y"));
        pipelines_done(&p);
        mem_free(env);
}

static void test_too_big(void **state) {
        struct pipelines_options o = {.python = "/x"};
        char *big = mem_alloc(5 << 20);
        struct errmsg em = {};
        struct pipelines p;

        assert_non_null(big);
        memset(big, '#', (5 << 20) - 1);
        big[(5 << 20) - 1] = 0;
        put("liminal.yml", big);
        assert_int_equal(pipelines_load(root, &o, &p, &em), 0);
        assert_int_equal(p.n_messages, 1);
        assert_non_null(strstr(p.messages[0].text, "/liminal.yml:1:1: cannot be read"));
        pipelines_done(&p);
        mem_free(big);
}

#define ON(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                ON(test_finds_by_name), ON(test_nothing_there), ON(test_links),
                ON(test_load),          ON(test_too_big),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
