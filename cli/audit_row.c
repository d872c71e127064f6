#include "cli/audit_row.h"

#include <errno.h>
#include <string.h>

#include "lib/base/json.h"
#include "lib/base/str.h"
#include "lib/base/timestamp.h"

static const char *text_of(const struct json *row, const char *key) {
        const char *text = "";

        (void) json_str(json_get(row, key), &text);
        return text;
}

int audit_row_parse(const char *line, struct arena *a, struct audit_row *ret) {
        struct audit_row row = {};
        struct json *j;
        int r = json_parse_copy(a, line, strlen(line), &j, NULL);

        if (r < 0)
                return r == -EINVAL ? -EBADMSG : r;
        row.at = text_of(j, "at");
        row.user = text_of(j, "user");
        row.how = text_of(j, "how");
        row.action = text_of(j, "action");
        row.object = text_of(j, "object");
        row.result = text_of(j, "result");
        row.detail = text_of(j, "detail");
        row.line = arena_strdup(a, line);
        if (!row.line)
                return -ENOMEM;
        if (timestamp_parse(row.at, &row.at_usec) < 0)
                return -EBADMSG;
        *ret = row;
        return 0;
}

const char *audit_row_when(const struct audit_row *row, bool whole, struct arena *a) {
        char *text;

        if (whole || strlen(row->at) < strlen("2026-01-02T03:04:05"))
                return row->at;
        text = arena_strndup(a, row->at, strlen("2026-01-02T03:04:05"));
        if (text)
                text[strlen("2026-01-02")] = ' ';
        return text;
}

/* What stands before MLflow's own names says nothing: the version of its API. */
const char *audit_row_deed(const struct audit_row *row, bool whole, struct arena *a) {
        const char *space = strchr(row->action, ' '), *name = strstr(row->action, "/mlflow/");

        if (whole || !space || !name || name < space)
                return row->action;
        return arena_printf(a, "%.*s %s", (int) (space - row->action), row->action,
                            name + strlen("/mlflow/"));
}

/* "refused", "failed", or an HTTP status that is not a success. */
static bool is_refused(const char *result) {
        return str_eq(result, "refused") || str_eq(result, "failed") || *result == '4' ||
               *result == '5';
}

bool audit_row_matches(const struct audit_row *row, const struct audit_want *want) {
        if (want->user && !str_eq(row->user, want->user))
                return false;
        if (want->object && !strstr(row->object, want->object))
                return false;
        if (want->action && !strstr(row->action, want->action))
                return false;
        if (row->at_usec < want->from_at || (want->until_at && row->at_usec > want->until_at))
                return false;
        return !want->refused || is_refused(row->result);
}
