/* doctor_machine: what is enough of a disk, and whether a clock can be believed. Pure. */
#pragma once

#include "cli/doctor.h"

/* Of a file system: bytes (or inodes, is_bytes false) free of all. */
enum doctor_state doctor_machine_space(uint64_t n_free, uint64_t n_all, bool is_bytes);
/* newest_at: when the newest of our files was written. */
enum doctor_state doctor_machine_clock(usec_t now, usec_t newest_at, bool synchronised);
