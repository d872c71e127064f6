/* tracked_files.h: the code that a command runs: the files it names below its working directory
 * ("python train.py", "psql -f sql/join.sql"), to be kept with its run. Threads: any. */
#pragma once

#include "lib/base/arena.h"
#include "lib/base/json.h"

#define TRACKED_FILES_MAX 8u
#define TRACKED_FILES_NAME_MAX 200u
#define TRACKED_FILES_BYTES_MAX (128u << 10) /* of one; a larger one is left out */

struct tracked_file {
        const char *name; /* relative to the working directory: letters, digits, "._-/" */
        const char *text;
        size_t len;
};

/* Of a spec.json with "cwd" and "cmd" or "argv". Left out is what everybody on the machine may not
 * read, what lies elsewhere or behind a link, and what is no text. -ENOMEM, else 0. */
int tracked_files_read(const struct json *spec, struct arena *a,
                       struct tracked_file ret[TRACKED_FILES_MAX], size_t *ret_n);
