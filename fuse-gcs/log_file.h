/* log_file: the file that the log goes to, and where it goes when it is full.
 *
 * As gcsfuse has it: a full x.log becomes x-2026-11-29T19-20-30.123.log (UTC) and is compressed to
 * that with .gz behind it; of these the newest are kept. A file that cannot be moved grows on, and
 * is tried again when as much has come.
 * Owns: one file a process, a thread while files are compressed or removed.
 * Threads: any may log. */
#pragma once

#include "lib/base/macros.h"

struct errmsg;

struct log_file_options {
        const char *path; /* absolute */
        bool json;
        uint64_t bytes_max;
        unsigned n_backups; /* 0: all are kept */
        bool compress;
};

/* Opens it and sends the log there. Once a process. 0 or -errno: `em` names the file. */
int log_file_open(const struct log_file_options *o, struct errmsg *em);

/* Is `name` what became of a full `base` ("x.log")? Then *ret_compressed says which form. */
bool log_file_is_backup(const char *base, const char *name, bool *ret_compressed);
