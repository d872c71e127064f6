#include "tests/unit/core_fixture.h"

#include <errno.h>

#include "daemons/launcher/launcher_ask.h"
#include "daemons/scheduler/launch_body.h"
#include "lib/base/str.h"

#define ID "01890a5d-ac96-774b-bcce-b302099a8057"

/* What the scheduler writes, read by the launcher's own reader. */
static int carried(struct world *w, struct arena *a, const char *task_json, uint64_t gpus,
                   struct launcher_ask *ret) {
        char json[2048];
        struct buf b = {};
        struct json_write out;
        struct world_event e = {
                .kind = WORLD_RUN_CREATED,
                .at = CORE_FIXTURE_NOW,
                .run_id = "run 1",
                .run_type = RUN_TYPE_MANUAL,
                .when = {CORE_FIXTURE_NOW, CORE_FIXTURE_NOW, CORE_FIXTURE_NOW, CORE_FIXTURE_NOW}};
        struct world_task *task;
        struct errmsg em = {};
        int r;

        assert_int_equal(world_init(w, 8), 0);
        snprintf(
                json, sizeof(json),
                "{\"onebox_dag\":1,\"dag_id\":\"d\",\"tasks\":[{\"id\":\"t\",\"cmd\":\"true\"%s}]}",
                task_json);
        e.dag = core_fixture_put(w, core_fixture_dag(json));
        assert_int_equal(core_fixture_apply(w, &e), 0);
        task = core_fixture_task(world_get_run(e.dag, "run 1"), "t");
        task->leases[0] = gpus;
        json_write_init(&out, &b, 0);
        json_write_object(&out);
        json_write_kv_str(&out, "try_id", ID);
        launch_body_write(&out, task);
        json_write_end(&out);
        assert_int_equal(json_write_finish(&out), 0);
        r = launcher_ask_parse_start(a, arena_strdup(a, buf_cstr(&b)), b.len, ret, &em);
        if (r < 0)
                fail_msg("%s: %s", buf_cstr(&b), em.text);
        buf_done(&b);
        return r;
}

static void everything(void **state) {
        struct launcher_ask ask;
        struct arena a;
        struct world w;

        arena_init(&a, 0);
        carried(&w, &a,
                ",\"mounts\":[{\"volume\":\"v\",\"source\":\"/srv/v\",\"path\":\"/mnt/v/\","
                "\"sub_path\":\"a/b\",\"read_only\":true},{\"volume\":\"k\",\"path\":\"/mnt/k\"}],"
                "\"secrets\":[{\"secret\":\"s\",\"source\":\"/etc/s\",\"path\":\"/mnt/s\","
                "\"encrypted\":true},{\"secret\":\"t\",\"source\":\"/etc/t\"}],"
                "\"resources\":{\"gpu\":2,\"devices\":[\"/dev/fuse\"],\"memory_max\":\"64M\"},"
                "\"execution_timeout\":90",
                0x5, &ask);
        assert_int_equal(ask.limits.memory_max_bytes, 64 << 20);
        assert_int_equal(ask.carry.n_binds, 1); /* that of a cluster has no place here */
        assert_string_equal(ask.carry.binds[0].source, "/srv/v/a/b");
        assert_string_equal(ask.carry.binds[0].path, "/mnt/v");
        assert_true(ask.carry.binds[0].read_only);
        assert_int_equal(ask.carry.n_secrets, 2);
        assert_string_equal(ask.carry.secrets[0].path, "/mnt/s");
        assert_true(ask.carry.secrets[0].encrypted);
        assert_null(ask.carry.secrets[1].path);
        assert_int_equal(ask.carry.n_devices, 7);
        assert_string_equal(ask.carry.devices[0], "/dev/nvidia0");
        assert_string_equal(ask.carry.devices[1], "/dev/nvidia2");
        assert_string_equal(ask.carry.devices[2], "/dev/nvidiactl");
        assert_string_equal(ask.carry.devices[6], "/dev/fuse");
        assert_int_equal(ask.carry.runtime_max_for, 90 * USEC_PER_SEC);
        world_done(&w);
        arena_done(&a);
}

static void nothing(void **state) {
        struct launcher_ask ask;
        struct arena a;
        struct world w;

        arena_init(&a, 0);
        carried(&w, &a, "", 0, &ask);
        assert_int_equal(ask.carry.n_binds + ask.carry.n_secrets + ask.carry.n_devices, 0);
        assert_int_equal(ask.carry.runtime_max_for, 0);
        world_done(&w);
        arena_done(&a);
}

int main(void) {
        const struct CMUnitTest tests[] = {cmocka_unit_test(everything), cmocka_unit_test(nothing)};

        return cmocka_run_group_tests(tests, NULL, NULL);
}
