/* Rows of task_state.def as a state table. */
#include "daemons/scheduler/core/task_state.h"
#include "lib/base/state_table.h"

static const struct state_table_row rows[_TASK_STATE_MAX] = {
#define TO(x) STATE_TABLE_BIT(TASK_##x)
#define TASK_STATE(constant, name, rest_name, finished, next) [TASK_##constant] = {name, next},
#include "daemons/scheduler/core/task_state.def"
#undef TASK_STATE
#undef TO
};

static const struct state_table table = {"task", rows, _TASK_STATE_MAX};

static const char *const rest_names[_TASK_STATE_MAX] = {
#define TASK_STATE(constant, name, rest_name, finished, next) [TASK_##constant] = rest_name,
#include "daemons/scheduler/core/task_state.def"
#undef TASK_STATE
};

static const bool finished_states[_TASK_STATE_MAX] = {
#define TASK_STATE(constant, name, rest_name, finished, next) [TASK_##constant] = finished,
#include "daemons/scheduler/core/task_state.def"
#undef TASK_STATE
};

const struct state_table *task_state_table(void) {
        return &table;
}

const char *task_state_name(enum task_state s) {
        return state_table_name(&table, s);
}

const char *task_state_rest_name(enum task_state s) {
        assert(s < _TASK_STATE_MAX);
        return rest_names[s];
}

int task_state_parse(const char *name, enum task_state *ret) {
        int s = state_table_find(&table, name);

        if (s < 0)
                return 1;
        assert(s < _TASK_STATE_MAX);
        *ret = (enum task_state) s;
        return 0;
}

bool task_state_is_finished(enum task_state s) {
        assert(s < _TASK_STATE_MAX);
        return finished_states[s];
}

bool task_state_is_live(enum task_state s) {
        return s == TASK_QUEUED || s == TASK_RUNNING;
}

bool task_state_may_move(enum task_state from, enum task_state to) {
        assert(from < _TASK_STATE_MAX && to < _TASK_STATE_MAX);
        return state_table_allows(&table, from, to);
}
