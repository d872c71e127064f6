#include "daemons/scheduler/sources_git.h"

#include "daemons/scheduler/scheduler.h"
#include "lib/base/arena.h"
#include "lib/base/fileio.h"
#include "lib/base/json.h"
#include "lib/base/mem.h"

enum { REPORT_MAX = 64 << 10, DEPTH_MAX = 100 };

const struct json *sources_git_report(const struct scheduler *s, struct arena *a) {
        _cleanup_free_ char *path = paths_state(s->paths, "gitsync/status.json");
        _cleanup_free_ char *text = NULL;
        struct json *j;
        size_t len;

        if (!path || fileio_read(path, REPORT_MAX, &text, &len) < 0 ||
            json_parse_copy(a, text, len, &j, NULL) < 0)
                return NULL;
        return json_is(j, JSON_OBJECT) ? j : NULL;
}

unsigned sources_git_depth(const struct scheduler *s) {
        const struct json *report;
        uint64_t depth = 0;
        struct arena a;

        arena_init(&a, 0);
        report = sources_git_report(s, &a);
        (void) json_u64(json_get(report, "scan_depth"), &depth);
        arena_done(&a);
        return depth <= DEPTH_MAX ? (unsigned) depth : 0;
}
