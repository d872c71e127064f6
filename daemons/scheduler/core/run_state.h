/* The states of a DAG run, and what made the run. The rows are in run_state.def. Pure. */
#pragma once

#include <stdbool.h>

struct state_table;

enum run_state {
#define RUN_STATE(constant, name, finished, next) RUN_##constant,
#include "daemons/scheduler/core/run_state.def"
#undef RUN_STATE
        _RUN_STATE_MAX,
};

enum run_type {
        RUN_TYPE_SCHEDULED, /* by its timetable */
        RUN_TYPE_MANUAL,    /* by a person or an API call */
        RUN_TYPE_BACKFILL,
        _RUN_TYPE_MAX,
};

/* Name as stored and shown. Never NULL. */
const char *run_state_name(enum run_state s);

/* 0, or 1 when there is no such state. */
int run_state_parse(const char *name, enum run_state *ret);

bool run_state_is_finished(enum run_state s);
bool run_state_may_move(enum run_state from, enum run_state to);

/* "scheduled", "manual", "backfill". */
const char *run_state_type_name(enum run_type t);
int run_state_type_parse(const char *name, enum run_type *ret);

/* The table itself, for its test. */
const struct state_table *run_state_table(void);
