/* show: see show.h. */
#include "cli/show.h"

#include <string.h>

#include "lib/base/timestamp.h"

const char *show_text(const struct json *obj, const char *key) {
        const char *s = "-";

        (void) json_str(json_get(obj, key), &s);
        return s;
}

const char *show_any(struct arena *a, const struct json *obj, const char *key) {
        const struct json *j = json_get(obj, key);

        if (json_is(j, JSON_NUMBER))
                return arena_strndup(a, j->str, j->len);
        if (json_is(j, JSON_TRUE) || json_is(j, JSON_FALSE))
                return j->type == JSON_TRUE ? "yes" : "no";
        return show_text(obj, key);
}

static bool read_time(const struct json *obj, const char *key, usec_t *ret_at) {
        const char *s;

        return json_str(json_get(obj, key), &s) == 0 && timestamp_parse(s, ret_at) >= 0;
}

const char *show_time(struct arena *a, const struct json *obj, const char *key) {
        char text[TIMESTAMP_SIZE];
        usec_t at;

        if (!read_time(obj, key, &at))
                return "-";
        return arena_strdup(a, timestamp_print(at, TIMESTAMP_SECONDS | TIMESTAMP_SPACE, text));
}

const char *show_relative(struct arena *a, const struct json *obj, const char *key, usec_t now_at) {
        char text[TIMESTAMP_SIZE];
        usec_t at;

        if (!read_time(obj, key, &at))
                return "-";
        return arena_strdup(a, timestamp_relative_print(at, now_at, text));
}

const char *show_span(struct arena *a, const struct json *obj, const char *from, const char *to,
                      usec_t now_at) {
        char text[TIMESTAMP_SIZE];
        usec_t begin, end;

        if (!read_time(obj, from, &begin))
                return "-";
        if (!read_time(obj, to, &end))
                end = now_at;
        return arena_strdup(a, timestamp_span_print(end > begin ? end - begin : 0, text));
}

const char *show_task(struct arena *a, const struct json *instance) {
        const char *name = show_text(instance, "task_id");
        int64_t map_index = -1;

        if (json_i64(json_get(instance, "map_index"), &map_index) != 0 || map_index < 0)
                return name;
        return arena_printf(a, "%s[%lld]", name, (long long) map_index);
}

const char *show_task_split(struct arena *a, const char *name, const char **ret_map_index) {
        size_t n = strlen(name), digits;
        const char *open = strrchr(name, '[');

        *ret_map_index = NULL;
        digits = open ? strspn(open + 1, "0123456789") : 0;
        if (digits == 0 || name[n - 1] != ']' || open + 1 + digits != name + n - 1)
                return name;
        *ret_map_index = arena_strndup(a, open + 1, digits);
        return *ret_map_index ? arena_strndup(a, name, (size_t) (open - name)) : NULL;
}
