/* services_dir.h: STATE/services/NAME.json: one file a service of the pipeline files, for those who
 * run them (onebox up, onebox services sync). Threads: the loop's. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct pipelines;

/* Writes the files that changed and, unless keep_all, removes those no set names any more. What
 * cannot be written is logged and tried again at the next reading. A service whose image has an
 * environment of its own runs in it; until that is there the file stays as it is, and *waits (as
 * str_list_add() has it) gets a line that says so. */
void services_dir_sync(const char *state_dir, const struct pipelines *sets, size_t n_sets,
                       bool keep_all, char ***waits);
