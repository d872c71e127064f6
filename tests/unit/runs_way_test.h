/* runs_way_test.h: the way of a search in words. */
#pragma once

#include <stdio.h>

#include "daemons/tracking/runs_way.h"

static inline const char *runs_way_said(const struct runs_way *w, char (*room)[64]) {
        static const char *const kinds[] = {[RUNS_WAY_LISTED] = "list",
                                            [RUNS_WAY_DRIVEN] = "clause",
                                            [RUNS_WAY_WALKED] = "walk"};
        static const char *const memory[] = {
                [RUNS_WAY_NO_MEMORY] = "", [RUNS_WAY_PICKED] = "pick", [RUNS_WAY_RANKED] = "rank"};
        const char *when = !w->memory ? "" : w->try_for > 0 ? ", then " : ", but ";
        char driver[24] = "";

        if (w->driver >= 0)
                snprintf(driver, sizeof(driver), " %zd", w->driver);
        snprintf(*room, sizeof(*room), "%s%s%s%s", kinds[w->kind], driver, when, memory[w->memory]);
        return *room;
}
