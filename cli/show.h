/* show: JSON values of the APIs as cells: times, spans, texts. All in the arena; never NULL but
 * when out of memory. */
#pragma once

#include "lib/base/json.h"
#include "lib/base/macros.h"

/* obj[key] when it is a text, else "-". */
const char *show_text(const struct json *obj, const char *key);
/* The text, number or boolean of obj[key], else "-". */
const char *show_any(struct arena *a, const struct json *obj, const char *key);
/* An ISO time as "2026-01-02 03:04:05Z", else "-". */
const char *show_time(struct arena *a, const struct json *obj, const char *key);
/* The same as "5min ago", "in 2h". */
const char *show_relative(struct arena *a, const struct json *obj, const char *key, usec_t now_at);
/* From obj[from] to obj[to] (or now_at while that is missing), "1min 5s", else "-". */
const char *show_span(struct arena *a, const struct json *obj, const char *from, const char *to,
                      usec_t now_at);
/* What a task instance is called: "train", of a mapped task "train[3]". */
const char *show_task(struct arena *a, const struct json *instance);
/* The same backwards: "train[3]" is "train" and "3", all else itself and NULL. NULL: out of memory.
 */
const char *show_task_split(struct arena *a, const char *name, const char **ret_map_index);
