/* task_usage.h: what a try used: processor time, peak memory, bytes read and written.
 *
 * From the cgroup when it is the try's own (its last component names the try), else from what the
 * kernel adds up for ended children. Threads: any. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct task_usage {
        uint64_t cpu_user_usec, cpu_system_usec;
        uint64_t peak_memory_bytes;
        uint64_t read_bytes, written_bytes;
        bool oom; /* the kernel killed one of its processes for want of memory (cgroup only) */
        uint64_t forks_refused; /* it had as many processes as it may (cgroup only) */
        bool cgroup;            /* the figures are the cgroup's */
};

/* The usage so far of this process's children and, when there is one, of the try's cgroup. */
void task_usage_get(const char *try_id, struct task_usage *ret_usage);

/* Figures of a cgroup directory (v2): what its files say replaces what stands in `usage`. For
 * task_usage_get() and its test. */
void task_usage_read_cgroup(const char *path, struct task_usage *usage);
