/* Rows of run_state.def as a state table. */
#include "daemons/scheduler/core/run_state.h"
#include "lib/base/state_table.h"
#include "lib/base/str.h"

static const struct state_table_row rows[_RUN_STATE_MAX] = {
#define TO(x) STATE_TABLE_BIT(RUN_##x)
#define RUN_STATE(constant, name, finished, next) [RUN_##constant] = {name, next},
#include "daemons/scheduler/core/run_state.def"
#undef RUN_STATE
#undef TO
};

static const struct state_table table = {"run", rows, _RUN_STATE_MAX};

static const bool finished_states[_RUN_STATE_MAX] = {
#define RUN_STATE(constant, name, finished, next) [RUN_##constant] = finished,
#include "daemons/scheduler/core/run_state.def"
#undef RUN_STATE
};

static const char *const type_names[_RUN_TYPE_MAX] = {
        [RUN_TYPE_SCHEDULED] = "scheduled",
        [RUN_TYPE_MANUAL] = "manual",
        [RUN_TYPE_BACKFILL] = "backfill",
};

const struct state_table *run_state_table(void) {
        return &table;
}

const char *run_state_name(enum run_state s) {
        return state_table_name(&table, s);
}

int run_state_parse(const char *name, enum run_state *ret) {
        int s = state_table_find(&table, name);

        if (s < 0)
                return 1;
        assert(s < _RUN_STATE_MAX);
        *ret = (enum run_state) s;
        return 0;
}

bool run_state_is_finished(enum run_state s) {
        assert(s < _RUN_STATE_MAX);
        return finished_states[s];
}

bool run_state_may_move(enum run_state from, enum run_state to) {
        assert(from < _RUN_STATE_MAX && to < _RUN_STATE_MAX);
        return state_table_allows(&table, from, to);
}

const char *run_state_type_name(enum run_type t) {
        assert(t < _RUN_TYPE_MAX);
        return type_names[t];
}

int run_state_type_parse(const char *name, enum run_type *ret) {
        for (enum run_type t = 0; t < _RUN_TYPE_MAX; t++)
                if (str_eq(type_names[t], name)) {
                        *ret = t;
                        return 0;
                }
        return 1;
}
