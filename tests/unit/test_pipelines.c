/* Whole files: the examples and test applications that Liminal is known by, in our words; each with
 * the DAG that Liminal makes of it. */
#include "tests/unit/pipelines_fixture.h"

/* Three layers: a sub file, its super, and that one's super. */
static const char app[] = "name: my_app\n"
                          "super: defaults\n"
                          "owner: Alice\n"
                          "images:\n"
                          "  - image: my_task_image\n"
                          "    type: python\n"
                          "    source: hello\n"
                          "  - image: my_server\n"
                          "    type: python_server\n"
                          "    source: server\n"
                          "    endpoints:\n"
                          "      - {endpoint: /path1, module: srv, function: func1}\n"
                          "pipelines:\n"
                          "  - pipeline: my_pipeline\n"
                          "    start_date: 1970-01-01\n"
                          "    timeout_minutes: 45\n"
                          "    schedule: 0 * 1 * *\n"
                          "    default_arg_loaded: check\n"
                          "    tasks:\n"
                          "      - task: my_static_input_task\n"
                          "        type: python\n"
                          "        image: my_task_image\n"
                          "        env_vars: {env1: \"a\", env2: \"b\"}\n"
                          "        cmd: python -u hello.py\n"
                          "services:\n"
                          "  - service: my_server\n"
                          "    image: my_server\n"
                          "    one: two\n";
static const char defaults[] = "name: defaults\n"
                               "type: super\n"
                               "super: extra\n"
                               "images:\n"
                               "  - {image: my_default_image, type: python, source: d}\n"
                               "task_defaults:\n"
                               "  python:\n"
                               "    env_vars: {env1: \"from super\", env3: \"c\"}\n"
                               "pipeline_defaults:\n"
                               "  max_active_runs: 3\n";
static const char extra[] = "name: extra\n"
                            "type: super\n"
                            "executors:\n"
                            "  - {executor: default_k8s, type: kubernetes, namespace: x}\n"
                            "task_defaults:\n"
                            "  python: {retries: 2}\n"
                            "service_defaults: {description: from extra}\n";

static void test_app_of_three_layers(void **state) {
        struct pipelines_fixture f;
        const struct json *d, *t, *env;

        pipelines_fixture_compile(&f, false, (const char *const[4]){app, defaults, extra});
        pipelines_fixture_good(&f);
        assert_int_equal(f.result.n_dags, 1);
        d = pipelines_fixture_dag(&f, "my_pipeline");
        assert_string_equal(pipelines_fixture_shape(&f, "my_pipeline"),
                            "start my_static_input_task<start end<my_static_input_task");
        assert_string_equal(pipelines_fixture_text(d, "schedule"), "0 * 1 * *");
        assert_string_equal(pipelines_fixture_text(d, "owner"), "Alice");
        assert_string_equal(pipelines_fixture_text(d, "start_date"), "1970-01-01");
        t = pipelines_fixture_task(&f, "my_pipeline", "my_static_input_task");
        env = json_get(t, "env");
        assert_string_equal(pipelines_fixture_text(env, "env1"), "a"); /* lower wins */
        assert_string_equal(pipelines_fixture_text(env, "env3"), "c"); /* maps merge */
        assert_string_equal(pipelines_fixture_text(env, "env"), "default");
        assert_string_equal(pipelines_fixture_text(t, "cwd"), "/p/0/hello");
        assert_string_equal(pipelines_fixture_text(t, "cmd"), "python -u hello.py");
        assert_non_null(json_get(t, "retries"));
        pipelines_fixture_expect(&f, true, "/p/0/liminal.yml:18:5: \"default_arg_loaded\"");
        pipelines_fixture_expect(&f, true, "/p/0/liminal.yml:28:5: \"one\"");
        pipelines_fixture_expect(&f, true, "/p/2/liminal.yml:4:47: \"namespace\"");
        assert_int_equal(f.result.n_services, 1);
        assert_non_null(strstr(f.result.services[0].json, "\"/path1\""));
        assert_non_null(strstr(f.result.services[0].json, "from extra"));
        assert_non_null(strstr(f.result.services[0].json, "/p/0/server"));
        pipelines_fixture_done(&f);
}

static void test_getting_started(void **state) {
        static const char text[] =
                "name: GettingStartedPipeline\n"
                "volumes:\n"
                "  - volume: gettingstartedvol\n"
                "    claim_name: gettingstartedvol-pvc\n"
                "    local: {path: .}\n"
                "images:\n"
                "  - {image: python_hello_world_example_image, type: python, source: hello}\n"
                "pipelines:\n"
                "  - pipeline: getting_started_pipeline\n"
                "    owner: Bosco Albert Baracus\n"
                "    start_date: 1970-01-01\n"
                "    timeout_minutes: 10\n"
                "    schedule: 0 * 1 * *\n"
                "    tasks:\n"
                "      - task: python_hello_world_example\n"
                "        type: python\n"
                "        image: python_hello_world_example_image\n"
                "        env_vars: {env1: a}\n"
                "        mounts:\n"
                "          - mount: mymount\n"
                "            volume: gettingstartedvol\n"
                "            path: /mnt/vol1\n"
                "            sub_path: data\n"
                "            read_only: true\n"
                "        cmd: python -u hello_world.py\n"
                "      - task: python_hello_world_output_task\n"
                "        type: python\n"
                "        image: python_hello_world_example_image\n"
                "        executors: 2\n"
                "        cmd: python -u hello_world_output.py\n";
        struct pipelines_fixture f;
        const struct json *m;

        pipelines_fixture_compile(&f, true, (const char *const[4]){text});
        pipelines_fixture_good(&f);
        assert_string_equal(pipelines_fixture_shape(&f, "getting_started_pipeline"),
                            "start python_hello_world_example<start "
                            "python_hello_world_output_task<python_hello_world_example "
                            "end<python_hello_world_output_task");
        m = json_at(json_get(pipelines_fixture_task(&f, "getting_started_pipeline",
                                                    "python_hello_world_example"),
                             "mounts"),
                    0);
        assert_string_equal(pipelines_fixture_text(m, "source"), "/p/0");
        assert_string_equal(pipelines_fixture_text(m, "path"), "/mnt/vol1");
        assert_string_equal(pipelines_fixture_text(m, "sub_path"), "data");
        assert_true(json_is(json_get(m, "read_only"), JSON_TRUE));
        m = json_get(pipelines_fixture_task(&f, "getting_started_pipeline",
                                            "python_hello_world_example"),
                     "env");
        assert_string_equal(pipelines_fixture_text(m, "ONEBOX_VOLUME_GETTINGSTARTEDVOL"),
                            "/p/0/data");
        assert_string_equal(pipelines_fixture_text(
                                    pipelines_fixture_dag(&f, "getting_started_pipeline"), "owner"),
                            "Bosco Albert Baracus");
        pipelines_fixture_expect(&f, true, "executors is ignored: compat=code");
        pipelines_fixture_expect(&f, true, "\"claim_name\" is ignored");
        pipelines_fixture_done(&f);
}

/* Train and validate with a `env:` that Liminal's code did not read; a server with three functions.
 */
static const char ml_app[] =
        "name: MyDataScienceApp\n"
        "owner: Bosco Albert Baracus\n"
        "volumes: [{volume: gettingstartedvol, local: {path: .}}]\n"
        "images:\n"
        "  - {image: myorg/mydatascienceapp, type: python_server, source: .,\n"
        "     endpoints: [{endpoint: /predict, module: serving, function: predict},\n"
        "                 {endpoint: /healthcheck, module: serving, function: healthcheck},\n"
        "                 {endpoint: /version, module: serving, function: version}]}\n"
        "pipelines:\n"
        "  - pipeline: my_datascience_pipeline\n"
        "    start_date: 1970-01-01\n"
        "    timeout_minutes: 45\n"
        "    schedule: 0 * 1 * *\n"
        "    metrics: {namespace: DataScience, backends: []}\n"
        "    tasks:\n"
        "      - task: train\n"
        "        type: python\n"
        "        image: myorg/mydatascienceapp\n"
        "        cmd: python -u training.py train\n"
        "        env: {MOUNT_PATH: /mnt/gettingstartedvol}\n"
        "      - task: validate\n"
        "        type: python\n"
        "        image: myorg/mydatascienceapp\n"
        "        cmd: python -u training.py validate\n"
        "services:\n"
        "  - {service: my_datascience_server, image: myorg/mydatascienceapp}\n";

static void test_ml_app(void **state) {
        struct pipelines_fixture f;
        const struct json *env;

        pipelines_fixture_one(&f, ml_app);
        pipelines_fixture_good(&f);
        assert_string_equal(pipelines_fixture_shape(&f, "my_datascience_pipeline"),
                            "start train<start validate<train end<validate");
        env = json_get(pipelines_fixture_task(&f, "my_datascience_pipeline", "train"), "env");
        assert_string_equal(pipelines_fixture_text(env, "MOUNT_PATH"), "/mnt/gettingstartedvol");
        pipelines_fixture_expect(&f, true, "\"metrics\" is ignored");
        assert_int_equal(f.result.n_services, 1);
        assert_non_null(strstr(f.result.services[0].json, "\"/healthcheck\""));
        pipelines_fixture_done(&f);

        pipelines_fixture_compile(&f, true, (const char *const[4]){ml_app});
        env = json_get(pipelines_fixture_task(&f, "my_datascience_pipeline", "train"), "env");
        assert_null(json_get(env, "MOUNT_PATH"));
        pipelines_fixture_expect(&f, true, "env is ignored: compat=code");
        pipelines_fixture_done(&f);
}

static void test_one_bad_file_hides_no_other(void **state) {
        static const char *const texts[4] = {"name: [broken\n",
                                             "name: good\npipelines:\n  - pipeline: p\n    tasks:\n"
                                             "      - {task: a, type: python, cmd: x}\n",
                                             "pipelines: []\n", ""};
        struct pipelines_fixture f;

        pipelines_fixture_compile(&f, false, texts);
        assert_int_equal(f.result.n_dags, 1);
        assert_string_equal(f.result.dags[0].file, "/p/1/liminal.yml");
        assert_int_equal(f.result.dags[0].line, 3);
        pipelines_fixture_expect(&f, false, "/p/0/liminal.yml:2:1: ");
        pipelines_fixture_expect(&f, false, "/p/2/liminal.yml:1:1: the file has no \"name\"");
        assert_false(pipelines_fixture_said(&f, false, "/p/3/")); /* an empty file is no mistake */
        pipelines_fixture_expect(&f, true, "/p/3/liminal.yml:1:1: the file is empty");
        pipelines_fixture_done(&f);
}

static void test_names_stand_once(void **state) {
        static const char *const texts[4] = {"name: x\npipelines:\n  - {pipeline: p, tasks: []}\n",
                                             "name: x\npipelines:\n  - {pipeline: q, tasks: []}\n",
                                             "name: y\npipelines:\n  - {pipeline: p, tasks: []}\n"
                                             "  - {pipeline: r, tasks: []}\n",
                                             "name: z\n"};
        struct pipelines_fixture f;

        pipelines_fixture_compile(&f, false, texts);
        pipelines_fixture_expect(&f, false, "the name \"x\" is taken by /p/0/liminal.yml");
        pipelines_fixture_expect(&f, false,
                                 "/p/2/liminal.yml:3:6: pipeline \"p\" stands in "
                                 "/p/0/liminal.yml:3 too");
        pipelines_fixture_expect(&f, true, "neither pipelines nor services");
        assert_int_equal(f.result.n_dags, 2); /* p of the first, r */
        pipelines_fixture_done(&f);
}

/* However many files inherit a key that means nothing: it is told once. */
static void test_each_place_is_told_once(void **state) {
        static const char *const texts[4] = {
                "name: u\ntype: super\nexecutors: [{executor: e, type: kubernetes, nodes: 3}]\n",
                "name: a\nsuper: u\npipelines: [{pipeline: p, tasks: []}]\n",
                "name: b\nsuper: u\npipelines: [{pipeline: q, tasks: []}]\n", NULL};
        struct pipelines_fixture f;

        pipelines_fixture_compile(&f, false, texts);
        assert_int_equal(f.result.n_dags, 2);
        assert_int_equal(f.result.n_messages, 1);
        pipelines_fixture_done(&f);
}

static void test_wrong_types(void **state) {
        pipelines_fixture_error("[]\n", "a pipeline file must be a map, not a list");
        pipelines_fixture_error("name: x\npipelines: {}\n", "\"pipelines\" must be a list");
        pipelines_fixture_error("name: x\npipelines: [7]\n", "must be a map, not a number");
        pipelines_fixture_error("name: x\nvariables: []\npipelines: []\n",
                                ":2:1: \"variables\" must be a map, not a list");
        pipelines_fixture_error("name: [x]\n", "name must be a string, not a list");
        pipelines_fixture_error("name: x\ntype: subb\n", "type must be \"sub\" or \"super\"");
        pipelines_fixture_error("name: x\nimages: [a]\npipelines: []\n",
                                "an image must be a map, not a string");
        pipelines_fixture_error("name: x\npipeline: []\n",
                                ":2:1: a pipeline file has no key \"pipeline\": did you mean "
                                "\"pipelines\"?");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_app_of_three_layers),
                cmocka_unit_test(test_getting_started),
                cmocka_unit_test(test_ml_app),
                cmocka_unit_test(test_one_bad_file_hides_no_other),
                cmocka_unit_test(test_names_stand_once),
                cmocka_unit_test(test_each_place_is_told_once),
                cmocka_unit_test(test_wrong_types),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
