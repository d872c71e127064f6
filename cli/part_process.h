/* part_process: the process behind a part: who listens at its socket, how long it has run, how much
 * memory it holds. Reads /proc and, where systemd holds the sockets, asks systemctl. */
#pragma once

#include <sys/types.h>

#include "lib/base/macros.h"

struct part_process {
        pid_t pid;       /* 0: not known */
        uint64_t memory; /* resident, bytes */
        usec_t up_for;
};

/* The process that listens at the Unix socket `path` when its program is onebox-NAME; else the main
 * process of the unit onebox-NAME.service. What cannot be seen is 0. */
void part_process_look(const char *name, const char *path, struct part_process *ret);

/* Bytes, from the text of /proc/PID/statm. 0 or -EINVAL. Pure. */
int part_process_memory(const char *statm, uint64_t page_size, uint64_t *ret);
/* From the texts of /proc/PID/stat and /proc/uptime. 0 or -EINVAL. Pure. */
int part_process_up_for(const char *stat, const char *uptime, uint64_t ticks_per_s, usec_t *ret);
/* "17.3 MiB", "1.2 GiB" into ret; returns it. Pure. */
#define PART_PROCESS_SIZE 24
const char *part_process_print_memory(uint64_t bytes, char ret[PART_PROCESS_SIZE]);
