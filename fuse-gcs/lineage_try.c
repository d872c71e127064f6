#include "fuse-gcs/lineage_try.h"

#include <string.h>

#include "lib/base/str.h"

#define LINEAGE_TRY_CHARS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"

/* The slice lies where its name says. */
static const char lineage_try_slice[] = "/onebox.slice/onebox-tasks.slice/onebox-task-";

static bool lineage_try_take(const char *from, size_t n, char ret[LINEAGE_TRY_SIZE]) {
        if (n == 0 || n >= LINEAGE_TRY_SIZE || strspn(from, LINEAGE_TRY_CHARS) < n)
                return false;
        memcpy(ret, from, n);
        ret[n] = 0;
        return true;
}

bool lineage_try_of_cgroup(const char *text, char ret[LINEAGE_TRY_SIZE]) {
        for (const char *line = text; line && *line;) {
                const char *end = line + strcspn(line, "\n");
                const char *path = memchr(line, ':', (size_t) (end - line));

                path = path ? memchr(path + 1, ':', (size_t) (end - path - 1)) : NULL;
                if (path && str_starts(path + 1, lineage_try_slice)) {
                        const char *id = path + sizeof(lineage_try_slice);
                        size_t n = strcspn(id, ".\n");

                        if ((str_starts(id + n, ".service") || str_starts(id + n, ".scope")) &&
                            lineage_try_take(id, n, ret))
                                return true;
                }
                line = *end ? end + 1 : end;
        }
        return false;
}

bool lineage_try_of_environ(const char *data, size_t size, char ret[LINEAGE_TRY_SIZE],
                            const char **ret_token) {
        const char *id = NULL, *token = NULL, *end;

        for (const char *at = data; at < data + size; at = end + 1) {
                end = memchr(at, 0, (size_t) (data + size - at));
                if (!end) /* cut off */
                        break;
                if (str_starts(at, "ONEBOX_TRY_ID="))
                        id = at + strlen("ONEBOX_TRY_ID=");
                else if (str_starts(at, "MLFLOW_TRACKING_TOKEN="))
                        token = at + strlen("MLFLOW_TRACKING_TOKEN=");
        }
        if (str_empty(id) || str_empty(token) || token[strcspn(token, "\r\n")] ||
            !lineage_try_take(id, strlen(id), ret))
                return false;
        *ret_token = token;
        return true;
}
