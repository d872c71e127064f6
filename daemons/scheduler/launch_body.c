#include "daemons/scheduler/launch_body.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/str.h"

/* What the driver needs besides the device of each GPU. */
static const char *const gpu_common[] = {"/dev/nvidiactl", "/dev/nvidia-uvm",
                                         "/dev/nvidia-uvm-tools", "/dev/nvidia-modeset"};

static void write_limits(struct json_write *w, const struct dag_resources *l) {
        json_write_kv_object(w, "limits");
        json_write_kv_u64(w, "memory_max_bytes", l->memory_max_bytes);
        json_write_kv_u64(w, "cpu_quota_percent", l->cpu_quota_percent);
        json_write_kv_u64(w, "cpu_weight", l->cpu_weight);
        json_write_kv_u64(w, "io_weight", l->io_weight);
        json_write_kv_u64(w, "tasks_max", l->tasks_max);
        json_write_end(w);
}

/* "DIR/SUB" without slashes at the ends of either. */
static void write_path(struct json_write *w, const char *key, const char *dir, const char *sub) {
        char path[4096];
        size_t n;

        snprintf(path, sizeof(path), "%s%s%s", dir, sub ? "/" : "", sub ? sub : "");
        for (n = strlen(path); n > 1 && path[n - 1] == '/'; n--)
                path[n - 1] = 0;
        json_write_kv_str(w, key, path);
}

static void write_binds(struct json_write *w, const struct dag_task *t) {
        if (t->n_mounts == 0)
                return;
        json_write_kv_array(w, "binds");
        for (size_t i = 0; i < t->n_mounts; i++) {
                const struct dag_mount *m = &t->mounts[i];

                if (!m->source) /* which was said when the file was read */
                        continue;
                json_write_object(w);
                json_write_kv_str(w, "name", m->volume);
                write_path(w, "source", m->source, m->sub_path);
                write_path(w, "path", m->path, NULL);
                json_write_kv_bool(w, "read_only", m->read_only);
                json_write_end(w);
        }
        json_write_end(w);
}

static void write_secrets(struct json_write *w, const struct dag_task *t) {
        if (t->n_secrets == 0)
                return;
        json_write_kv_array(w, "secrets");
        for (size_t i = 0; i < t->n_secrets; i++) {
                const struct dag_secret *s = &t->secrets[i];

                if (!s->source)
                        continue;
                json_write_object(w);
                json_write_kv_str(w, "name", s->secret);
                json_write_kv_str(w, "source", s->source);
                if (s->path)
                        write_path(w, "path", s->path, NULL);
                json_write_kv_bool(w, "encrypted", s->encrypted);
                json_write_end(w);
        }
        json_write_end(w);
}

/* The units of GPUs the try has leased; 0: none. */
static uint64_t leased_gpus(const struct world_task *task) {
        for (size_t i = 0; i < task->spec->resources.n_leases; i++)
                if (str_eq(task->spec->resources.leases[i].name, "gpu"))
                        return task->leases[i];
        return 0;
}

static void write_devices(struct json_write *w, const struct world_task *task) {
        const struct dag_resources *l = &task->spec->resources;
        uint64_t gpus = leased_gpus(task);

        if (gpus == 0 && l->n_devices == 0)
                return;
        json_write_kv_array(w, "devices");
        for (unsigned u = 0; u < 64; u++) {
                char device[32];

                if (!(gpus >> u & 1))
                        continue;
                snprintf(device, sizeof(device), "/dev/nvidia%u", u);
                json_write_str(w, device);
        }
        for (size_t i = 0; i < ARRAY_SIZE(gpu_common) && gpus; i++)
                json_write_str(w, gpu_common[i]);
        for (size_t i = 0; i < l->n_devices; i++)
                json_write_str(w, l->devices[i]);
        json_write_end(w);
}

void launch_body_write(struct json_write *w, const struct world_task *task) {
        const struct dag_task *t = task->spec;

        write_limits(w, &t->resources);
        write_binds(w, t);
        write_secrets(w, t);
        write_devices(w, task);
        if (t->execution_timeout_for > 0)
                json_write_kv_f64(w, "runtime_max_s", (double) t->execution_timeout_for / 1e6);
}
