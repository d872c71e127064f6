#pragma once
/* How the machine is: disk, memory, load, since when. What the first page shows of it. */
#include <stddef.h>
#include <stdint.h>

#include "lib/base/macros.h"

struct box {
        uint64_t disk_total, disk_used; /* bytes, of the file system with the state; 0: unknown */
        uint64_t memory_total, memory_used; /* bytes; 0: unknown */
        double load;                        /* of the last minute; processes ready to run */
        unsigned cpus;
        usec_t booted_at; /* 0: unknown */
};

/* Never fails: what cannot be read stays unknown. Reads three small files of /proc. */
void box_look(const char *state_dir, usec_t now_at, struct box *ret);

/* /proc/meminfo's text: total and used (total less available). Leaves what it does not find. Pure.
 */
void box_parse_memory(const char *text, uint64_t *ret_total, uint64_t *ret_used);
