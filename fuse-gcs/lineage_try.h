/* lineage_try: which task's try a process belongs to, from what /proc says of it. Pure.
 *
 * Under systemd its cgroup is the try's unit: nobody but the launcher makes one there. Under the
 * fork launcher a task has no cgroup of its own, but a token that the tracking server checks. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define LINEAGE_TRY_SIZE 65

/* text: /proc/PID/cgroup. False: no task. */
bool lineage_try_of_cgroup(const char *text, char ret[LINEAGE_TRY_SIZE]);
/* data: /proc/PID/environ, entries with a NUL behind each. *ret_token points into it. */
bool lineage_try_of_environ(const char *data, size_t size, char ret[LINEAGE_TRY_SIZE],
                            const char **ret_token);
