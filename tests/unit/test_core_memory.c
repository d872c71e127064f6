/* Every allocation of the core and the compiler fails once: the answer is -ENOMEM, nothing leaks
 * (the sanitizer looks), and what was there before still works. */
#include "tests/unit/core_fixture.h"

#include <errno.h>

#include "daemons/scheduler/core/replay.h"
#include "daemons/scheduler/pipelines.h"
#include "lib/base/fault.h"

/* Runs step with the n-th allocation failing, for n = 1, 2, … until it needs no more. */
static void fail_each(int (*step)(void)) {
        unsigned n = 1;

        for (;; n++) {
                int r;

                assert_true(n < 100000);
                fault_arm(FAULT_ALLOC, n, ENOMEM, 1);
                r = step();
                if (fault_count(FAULT_ALLOC) < n) {
                        fault_reset();
                        assert_int_equal(r, 0);
                        break;
                }
                fault_reset();
                if (r != 0 && r != -ENOMEM)
                        fail_msg("allocation %u: %d", n, r);
        }
        assert_true(n > 3); /* it does allocate */
}

static const char json[] =
        "{\"onebox_dag\":1,\"dag_id\":\"d\",\"tags\":[\"a\"],\"params\":{\"x\":1},\"variables\":"
        "{\"v\":1},\"groups\":[{\"id\":\"g\"}],\"schedule\":\"@daily\",\"tasks\":[{\"id\":\"a\","
        "\"cmd\":\"x\",\"env\":{\"A\":1},\"mounts\":[{\"volume\":\"v\",\"path\":\"/m\"}],"
        "\"secrets\":[{\"secret\":\"s\",\"path\":\"/s\"}]},{\"id\":\"b\",\"argv\":[\"x\"],"
        "\"upstream\":[\"a\"],\"retries\":1}]}";

static int parse_dag(void) {
        _cleanup_(dag_unrefp) struct dag *d = NULL;

        return dag_parse(json, strlen(json), &d, NULL);
}

static void test_dag_parse(void **state) {
        fail_each(parse_dag);
}

static int compile(void) {
        static const char one[] =
                "name: a\nsuper: b\nvariables: {x: 1}\nimages:\n"
                "  - {image: i, type: python_server, source: s, endpoints: [{endpoint: /p, module: "
                "m, function: f}]}\npipelines:\n  - pipeline: p\n    schedule: \"@daily\"\n"
                "    tasks:\n      - {task: t, type: python, cmd: \"{{x}}\", image: \"{{img}}\",\n"
                "         matrix: {C: [1, 2]}, variables: {y: 2}}\n"
                "      - {task: s, type: spark, application_source: a, conf: {k: {l: 1}}}\n"
                "      - {task: w, type: python, cmd: x, depends_on: [t], unknown_one: 7}\n"
                "services:\n  - {service: v, image: i, env: {A: \"{{x}}\"}}\n";
        static const char two[] = "name: b\ntype: super\nvariables: {img: i}\npipeline_defaults:\n"
                                  "  before_tasks: [{task: e, type: python, cmd: x}]\n"
                                  "  after_tasks: [{task: f, type: python, cmd: x}]\n";
        static const struct pipelines_text files[] = {{"/p/a.yml", one, sizeof(one) - 1},
                                                      {"/p/b.yml", two, sizeof(two) - 1},
                                                      {"/p/c.yml", "x: [", 4}};
        struct pipelines_options o = {.python = "/x"};
        struct pipelines p;
        int r;

        r = pipelines_compile(files, ARRAY_SIZE(files), &o, &p);
        if (r == 0) {
                assert_int_equal(p.n_dags, 1);
                assert_int_equal(p.n_services, 1);
                assert_int_equal(p.n_messages, 2);
                pipelines_done(&p);
        }
        return r;
}

static void test_pipelines(void **state) {
        fail_each(compile);
}

/* One whole life of a run; any step may be told that there is no memory. */
static int live(void) {
        struct world_event e = {.kind = WORLD_RUN_CREATED,
                                .at = CORE_FIXTURE_NOW,
                                .run_id = "r",
                                .conf = "{}",
                                .run_type = RUN_TYPE_MANUAL};
        _cleanup_(dag_unrefp) struct dag *d = NULL;
        struct world_touched touched;
        struct plan plan = {};
        struct world w;
        int r;

        r = world_init(&w, 4);
        if (r == 0)
                r = dag_parse(json, strlen(json), &d, NULL);
        if (r == 0)
                r = world_put_dag(&w, d, zone_utc(), &e.dag, NULL);
        if (r == 0)
                r = world_apply(&w, &e, &touched);
        while (r == 0 && !run_state_is_finished(touched.run->state)) {
                struct world_run *run = touched.run;
                struct world_task *t;

                r = plan_next(&w, CORE_FIXTURE_NOW, &plan);
                for (size_t i = 0; r == 0 && i < plan.n; i++) {
                        char run_id[PLAN_RUN_ID_SIZE];

                        plan_event(&plan.decisions[i], CORE_FIXTURE_NOW, "t", run_id, &e);
                        r = world_apply(&w, &e, &touched);
                }
                while (r == 0 && (t = TAILQ_FIRST(&w.live))) {
                        e = (struct world_event){.kind = WORLD_TRY_ENDED,
                                                 .at = CORE_FIXTURE_NOW,
                                                 .task = t,
                                                 .try_id = t->try_id};
                        r = world_apply(&w, &e, &touched);
                }
                touched.run = run;
        }
        plan_done(&plan);
        world_done(&w);
        return r;
}

static void test_life_of_a_run(void **state) {
        fail_each(live);
}

static struct world *replay_world;

static int compare(void) {
        struct replay_fact facts[2] = {{.try_id = "x"}, {.try_id = "y", .is_acked = true}};
        struct replay_action *actions = NULL;
        size_t n;
        int r = replay_compare(replay_world, facts, 2, CORE_FIXTURE_NOW, &actions, &n);

        mem_free(actions);
        return r;
}

static void test_replay(void **state) {
        struct world w;

        assert_int_equal(world_init(&w, 1), 0);
        replay_world = &w;
        fail_each(compare);
        world_done(&w);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_dag_parse),
                cmocka_unit_test(test_pipelines),
                cmocka_unit_test(test_life_of_a_run),
                cmocka_unit_test(test_replay),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
