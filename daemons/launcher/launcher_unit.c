#include "daemons/launcher/launcher_unit.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

#include "lib/base/str.h"

/* A unit outlives its task's time limit by this much at most: onebox-task ends the task itself. */
#define RUNTIME_SLACK_FOR USEC_PER_MINUTE

static int add_limit(sd_bus_message *m, const char *property, uint64_t value) {
        return value == 0 ? 0 : sd_bus_message_append(m, "(sv)", property, "t", value);
}

static int add_limits(sd_bus_message *m, const struct launcher_limits *l) {
        int r;

        r = add_limit(m, "MemoryMax", l->memory_max_bytes);
        if (r >= 0)
                r = add_limit(m, "CPUQuotaPerSecUSec", l->cpu_quota_percent * 10000);
        if (r >= 0)
                r = add_limit(m, "CPUWeight", l->cpu_weight);
        if (r >= 0)
                r = add_limit(m, "IOWeight", l->io_weight);
        if (r >= 0)
                r = add_limit(m, "TasksMax", l->tasks_max);
        return r;
}

/* A task is never root and can become nobody else: it has no capability, now or later. That keeps
 * it from the kernel's settings, its modules and foreign cgroups without a mount namespace (as
 * ProtectKernelTunables= and its like would make), which costs more than all else of a start. */
static int add_flags(sd_bus_message *m) {
        static const char *const flags[] = {"CPUAccounting",   "MemoryAccounting",
                                            "IOAccounting",    "TasksAccounting",
                                            "NoNewPrivileges", "RestrictSUIDSGID"};
        int r = 0;

        for (size_t i = 0; i < ARRAY_SIZE(flags) && r >= 0; i++)
                r = sd_bus_message_append(m, "(sv)", flags[i], "b", 1);
        return r < 0 ? r
                     : sd_bus_message_append(m, "(sv)", "CapabilityBoundingSet", "t", UINT64_C(0));
}

/* The shim is told what each mounted path must be: between the launcher's look and systemd's mount
 * somebody could have put a link in its place. */
static int add_expectations(sd_bus_message *m, const struct launcher_unit *u) {
        int r = 0;

        for (size_t i = 0; i < u->ask->carry.n_binds && r >= 0; i++) {
                char text[LAUNCHER_CARRY_PATH_MAX + 64];

                snprintf(text, sizeof(text), "%" PRIu64 ":%" PRIu64 ":%s",
                         (uint64_t) u->found[i].dev, (uint64_t) u->found[i].ino,
                         u->ask->carry.binds[i].path);
                r = sd_bus_message_append(m, "ss", "--expect", text);
        }
        return r;
}

static int add_argv(sd_bus_message *m, const struct launcher_unit *u) {
        const char *const argv[] = {u->program, "--state-dir", u->paths->state_dir, "--runtime-dir",
                                    u->paths->runtime_dir};
        int r = sd_bus_message_open_container(m, 'a', "s");

        for (size_t i = 0; i < ARRAY_SIZE(argv) && r >= 0; i++)
                r = sd_bus_message_append(m, "s", argv[i]);
        if (r >= 0)
                r = add_expectations(m, u);
        if (r >= 0)
                r = sd_bus_message_append(m, "s", u->ask->try_id);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

/* ("ExecStart", v(a(sasb)[(program, argv, false)])) */
static int add_command(sd_bus_message *m, const struct launcher_unit *u) {
        static const struct {
                char type;
                const char *contents;
        } levels[] = {{'r', "sv"}, {'v', "a(sasb)"}, {'a', "(sasb)"}, {'r', "sasb"}};
        int r = 0;

        for (size_t i = 0; i < ARRAY_SIZE(levels) && r >= 0; i++) {
                r = sd_bus_message_open_container(m, levels[i].type, levels[i].contents);
                if (r >= 0 && i == 0)
                        r = sd_bus_message_append(m, "s", "ExecStart");
        }
        if (r >= 0)
                r = sd_bus_message_append(m, "s", u->program);
        if (r >= 0)
                r = add_argv(m, u);
        if (r >= 0)
                r = sd_bus_message_append(m, "b", 0);
        for (size_t i = 0; i < ARRAY_SIZE(levels) && r >= 0; i++)
                r = sd_bus_message_close_container(m);
        return r;
}

static int add_bind(sd_bus_message *m, const char *source, const char *path, bool read_only) {
        return sd_bus_message_append(m, "(sv)", read_only ? "BindReadOnlyPaths" : "BindPaths",
                                     "a(ssbt)", 1, source, path, 0, (uint64_t) MS_REC);
}

static int add_binds(sd_bus_message *m, const struct launcher_unit *u) {
        int r = 0;

        for (size_t i = 0; i < u->ask->carry.n_binds && r >= 0; i++)
                r = add_bind(m, u->found[i].path, u->ask->carry.binds[i].path,
                             u->ask->carry.binds[i].read_only);
        return r;
}

/* By LoadCredential from a directory of root's: a value in SetCredential would be there for
 * everybody who asks the bus. */
static int add_secrets(sd_bus_message *m, const struct launcher_unit *u) {
        int r = 0;

        for (size_t i = 0; i < u->ask->carry.n_secrets && r >= 0; i++) {
                const struct launcher_carry_secret *s = &u->ask->carry.secrets[i];
                char from[LAUNCHER_CARRY_PATH_MAX + 256], to[LAUNCHER_CARRY_PATH_MAX + 32];

                snprintf(from, sizeof(from), "%s/%s", u->secrets_dir, s->name);
                r = sd_bus_message_append(
                        m, "(sv)", s->encrypted ? "LoadCredentialEncrypted" : "LoadCredential",
                        "a(ss)", 1, s->name, from);
                if (r < 0 || !s->path)
                        continue;
                snprintf(from, sizeof(from), "/run/credentials/%s/%s", u->name, s->name);
                snprintf(to, sizeof(to), "%s/credentials", s->path);
                r = add_bind(m, from, to, true);
        }
        return r;
}

/* None but the harmless ones (null, random, terminals), and those that were asked for. */
static int add_devices(sd_bus_message *m, const struct launcher_unit *u) {
        int r = sd_bus_message_append(m, "(sv)", "DevicePolicy", "s", "closed");

        for (size_t i = 0; i < u->ask->carry.n_devices && r >= 0; i++)
                r = sd_bus_message_append(m, "(sv)", "DeviceAllow", "a(ss)", 1,
                                          u->ask->carry.devices[i], "rw");
        return r;
}

static int add_times(sd_bus_message *m, const struct launcher_unit *u) {
        usec_t stop_for = u->ask->grace_for + u->conf->stop_slack;
        int r = sd_bus_message_append(m, "(sv)", "TimeoutStopUSec", "t", stop_for);

        if (r >= 0 && u->ask->carry.runtime_max_for > 0)
                r = sd_bus_message_append(m, "(sv)", "RuntimeMaxUSec", "t",
                                          u->ask->carry.runtime_max_for + stop_for +
                                                  RUNTIME_SLACK_FOR);
        return r;
}

/* A task's memory has the secrets it was given: no core, unless its command asks for one itself. */
static int add_no_core(sd_bus_message *m) {
        int r = sd_bus_message_append(m, "(sv)", "LimitCORE", "t", UINT64_MAX);

        return r < 0 ? r : sd_bus_message_append(m, "(sv)", "LimitCORESoft", "t", UINT64_C(0));
}

static int add_texts(sd_bus_message *m, const struct launcher_unit *u) {
        struct {
                const char *property, *value;
        } const texts[] = {
                {"Description", "onebox task"},
                {"Slice", "onebox-tasks.slice"},
                {"Type", "exec"},
                {"User", u->user},
                {"CollectMode", "inactive-or-failed"},
                {"KillMode", "mixed"}, /* SIGTERM to onebox-task, SIGKILL to what is left */
                {"OOMPolicy", "continue"},
                {"SyslogIdentifier", "onebox-task"},
        };
        int r = 0;

        for (size_t i = 0; i < ARRAY_SIZE(texts) && r >= 0; i++)
                r = sd_bus_message_append(m, "(sv)", texts[i].property, "s", texts[i].value);
        return r < 0 ? r : sd_bus_message_append(m, "(sv)", "OOMScoreAdjust", "i", -100);
}

int launcher_unit_add(sd_bus_message *m, const struct launcher_unit *u) {
        int r = sd_bus_message_open_container(m, 'a', "(sv)");

        if (r < 0 || (r = add_texts(m, u)) < 0 || (r = add_times(m, u)) < 0 ||
            (r = add_no_core(m)) < 0 || (r = add_flags(m)) < 0 ||
            (r = add_limits(m, &u->ask->limits)) < 0 || (r = add_binds(m, u)) < 0 ||
            (r = add_secrets(m, u)) < 0 || (r = add_devices(m, u)) < 0 ||
            (r = add_command(m, u)) < 0)
                return r;
        return sd_bus_message_close_container(m);
}
