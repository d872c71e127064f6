/* power_vfs.h: a disk under SQLite that can lose power or fail, for tests.
 *
 * It passes everything on to the real files and remembers for each what was written since its last
 * sync. When the power goes, every call fails; power_vfs_restore() then makes each file what a disk
 * may hold: all that was synced, and of each write since an arbitrary part of its sectors. Writes
 * and syncs pass lib/base's FAULT_WRITE and FAULT_FSYNC. Threads: any, except the control calls.
 */
#pragma once

#include "lib/base/macros.h"

struct entropy;

/* Becomes SQLite's default for databases opened from now on. */
int power_vfs_install(void);
/* The real one is the default again; files are forgotten. No connection may be open. */
void power_vfs_remove(void);

/* The power goes at the nth write, truncation or sync from now (0: not at all). */
void power_vfs_cut_after(unsigned n_calls);
bool power_vfs_is_cut(void);
/* No connection may be open. Power is there again. 0 or -errno. */
int power_vfs_restore(struct entropy *dice);
