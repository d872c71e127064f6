/* Airflow's trigger rules as one pure function of counters. The rows are in trigger_rule.def. */
#pragma once

enum trigger_rule {
#define TRIGGER_RULE(constant, name) RULE_##constant,
#include "daemons/scheduler/core/trigger_rule.def"
#undef TRIGGER_RULE
        _TRIGGER_RULE_MAX,
};

/* How the direct upstream tasks of one task have ended so far. */
struct trigger_rule_counts {
        unsigned n_upstream; /* how many there are */
        unsigned n_success;
        unsigned n_failed;
        unsigned n_skipped;
        unsigned n_upstream_failed;
        unsigned n_removed;
        unsigned n_setup;         /* of n_upstream: setup tasks */
        unsigned n_setup_success; /* of n_setup: ended in success */
        unsigned n_setup_skipped; /* of n_setup: skipped */
};

enum trigger_rule_verdict {
        VERDICT_WAIT,            /* not decided yet */
        VERDICT_READY,           /* may start */
        VERDICT_SKIP,            /* will never start: skipped */
        VERDICT_UPSTREAM_FAILED, /* will never start: upstream_failed */
};

/* Name as written in a DAG. Never NULL. */
const char *trigger_rule_name(enum trigger_rule r);

/* 0, or 1 when there is no such rule. */
int trigger_rule_parse(const char *name, enum trigger_rule *ret);

enum trigger_rule_verdict trigger_rule_decide(enum trigger_rule r,
                                              const struct trigger_rule_counts *c);
