#include "daemons/task/task_usage.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* Reads a small file whole, NUL-terminated: false when it is not there or empty. */
static bool small_read(const char *dir, const char *name, char *buf, size_t size) {
        char path[PATH_MAX];
        ssize_t n;
        int fd;

        if ((size_t) snprintf(path, sizeof(path), "%s/%s", dir, name) >= sizeof(path))
                return false;
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return false;
        n = read(fd, buf, size - 1);
        close(fd);
        if (n <= 0)
                return false;
        buf[n] = 0;
        return true;
}

/* The number after `key` and a space at the start of a line. */
static bool keyed(const char *text, const char *key, uint64_t *ret_value) {
        size_t n = strlen(key);

        for (const char *p = text; p; p = strchr(p, '\n')) {
                p += *p == '\n';
                if (strncmp(p, key, n) == 0 && p[n] == ' ') {
                        *ret_value = strtoull(p + n + 1, NULL, 10);
                        return true;
                }
        }
        return false;
}

/* The sum over devices of `key=NUMBER` in io.stat. */
static uint64_t io_sum(const char *text, const char *key) {
        uint64_t sum = 0;

        for (const char *p = strstr(text, key); p; p = strstr(p + 1, key))
                sum += strtoull(p + strlen(key), NULL, 10);
        return sum;
}

void task_usage_read_cgroup(const char *path, struct task_usage *usage) {
        char buf[4096];
        uint64_t n;

        if (small_read(path, "cpu.stat", buf, sizeof(buf)) &&
            keyed(buf, "user_usec", &usage->cpu_user_usec) &&
            keyed(buf, "system_usec", &usage->cpu_system_usec))
                usage->cgroup = true;
        if (small_read(path, "memory.peak", buf, sizeof(buf)))
                usage->peak_memory_bytes = strtoull(buf, NULL, 10);
        if (small_read(path, "memory.events", buf, sizeof(buf)) && keyed(buf, "oom_kill", &n))
                usage->oom = n > 0;
        if (small_read(path, "pids.events", buf, sizeof(buf)) && keyed(buf, "max", &n))
                usage->forks_refused = n;
        if (small_read(path, "io.stat", buf, sizeof(buf))) {
                usage->read_bytes = io_sum(buf, "rbytes=");
                usage->written_bytes = io_sum(buf, "wbytes=");
        }
}

/* The path of this process's cgroup v2 if it belongs to the try alone. */
static bool own_cgroup(const char *try_id, char *path, size_t size) {
        char buf[PATH_MAX], *line, *base;

        if (!small_read("/proc/self", "cgroup", buf, sizeof(buf)))
                return false;
        line = strncmp(buf, "0::", 3) == 0 ? buf : strstr(buf, "\n0::");
        if (!line)
                return false;
        line = strchr(line, '/');
        if (!line)
                return false;
        line[strcspn(line, "\n")] = 0;
        base = strrchr(line, '/');
        if (!strstr(base, try_id))
                return false;
        return (size_t) snprintf(path, size, "/sys/fs/cgroup%s", line) < size;
}

static uint64_t tv_usec(struct timeval tv) {
        return (uint64_t) tv.tv_sec * 1000000 + (uint64_t) tv.tv_usec;
}

void task_usage_get(const char *try_id, struct task_usage *ret_usage) {
        struct task_usage u = {0};
        char path[PATH_MAX];
        struct rusage ru;

        if (getrusage(RUSAGE_CHILDREN, &ru) == 0) {
                u.cpu_user_usec = tv_usec(ru.ru_utime);
                u.cpu_system_usec = tv_usec(ru.ru_stime);
                u.peak_memory_bytes = (uint64_t) ru.ru_maxrss * 1024;
                u.read_bytes = (uint64_t) ru.ru_inblock * 512;
                u.written_bytes = (uint64_t) ru.ru_oublock * 512;
        }
        if (own_cgroup(try_id, path, sizeof(path)))
                task_usage_read_cgroup(path, &u);
        *ret_usage = u;
}
