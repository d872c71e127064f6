/* One small function a rule; each reads like the row of a truth table. Checked against Airflow's
 * own trigger_rule_dep.py, count for count, by tests/unit/test_trigger_rule.c. */
#include "daemons/scheduler/core/trigger_rule.h"
#include "lib/base/macros.h"
#include "lib/base/str.h"

static unsigned failures(const struct trigger_rule_counts *c) {
        return c->n_failed + c->n_upstream_failed;
}

static unsigned done(const struct trigger_rule_counts *c) {
        return c->n_success + failures(c) + c->n_skipped + c->n_removed;
}

static bool all_done(const struct trigger_rule_counts *c) {
        assert(done(c) <= c->n_upstream);
        return done(c) == c->n_upstream;
}

static enum trigger_rule_verdict ready_if(bool ready) {
        return ready ? VERDICT_READY : VERDICT_WAIT;
}

static enum trigger_rule_verdict rule_all_success(const struct trigger_rule_counts *c) {
        if (failures(c) > 0)
                return VERDICT_UPSTREAM_FAILED;
        if (c->n_skipped > 0)
                return VERDICT_SKIP;
        return ready_if(c->n_success + c->n_removed == c->n_upstream);
}

static enum trigger_rule_verdict rule_all_failed(const struct trigger_rule_counts *c) {
        if (c->n_success + c->n_skipped > 0)
                return VERDICT_SKIP;
        return ready_if(failures(c) + c->n_removed == c->n_upstream);
}

static enum trigger_rule_verdict rule_all_done(const struct trigger_rule_counts *c) {
        return ready_if(all_done(c));
}

static enum trigger_rule_verdict rule_all_done_min_one_success(
        const struct trigger_rule_counts *c) {
        if (c->n_skipped > 0)
                return VERDICT_SKIP;
        if (!all_done(c))
                return VERDICT_WAIT;
        return c->n_success > 0 ? VERDICT_READY : VERDICT_UPSTREAM_FAILED;
}

static enum trigger_rule_verdict rule_all_done_setup_success(const struct trigger_rule_counts *c) {
        if (!all_done(c))
                return VERDICT_WAIT;
        if (c->n_setup > 0 && c->n_setup_skipped >= c->n_setup)
                return VERDICT_SKIP;
        if (c->n_setup > 0 && c->n_setup_success == 0)
                return VERDICT_UPSTREAM_FAILED;
        return VERDICT_READY;
}

static enum trigger_rule_verdict rule_all_skipped(const struct trigger_rule_counts *c) {
        if (c->n_success + failures(c) > 0)
                return VERDICT_SKIP;
        return ready_if(c->n_skipped == c->n_upstream);
}

static enum trigger_rule_verdict rule_one_success(const struct trigger_rule_counts *c) {
        if (c->n_success > 0)
                return VERDICT_READY;
        if (!all_done(c))
                return VERDICT_WAIT;
        return c->n_skipped == c->n_upstream ? VERDICT_SKIP : VERDICT_UPSTREAM_FAILED;
}

static enum trigger_rule_verdict rule_one_failed(const struct trigger_rule_counts *c) {
        if (failures(c) > 0)
                return VERDICT_READY;
        return all_done(c) ? VERDICT_SKIP : VERDICT_WAIT;
}

static enum trigger_rule_verdict rule_one_done(const struct trigger_rule_counts *c) {
        if (c->n_success + c->n_failed > 0)
                return VERDICT_READY;
        return all_done(c) ? VERDICT_SKIP : VERDICT_WAIT;
}

static enum trigger_rule_verdict rule_none_failed(const struct trigger_rule_counts *c) {
        if (failures(c) > 0)
                return VERDICT_UPSTREAM_FAILED;
        return ready_if(all_done(c));
}

static enum trigger_rule_verdict rule_none_failed_min_one_success(
        const struct trigger_rule_counts *c) {
        if (failures(c) > 0)
                return VERDICT_UPSTREAM_FAILED;
        if (c->n_skipped == c->n_upstream)
                return VERDICT_SKIP;
        if (!all_done(c))
                return VERDICT_WAIT;
        return c->n_success > 0 ? VERDICT_READY : VERDICT_UPSTREAM_FAILED;
}

static enum trigger_rule_verdict rule_none_skipped(const struct trigger_rule_counts *c) {
        if (c->n_skipped > 0)
                return VERDICT_SKIP;
        return ready_if(all_done(c));
}

static enum trigger_rule_verdict rule_always(const struct trigger_rule_counts *c) {
        return VERDICT_READY;
}

static const struct {
        const char *name;
        enum trigger_rule_verdict (*decide)(const struct trigger_rule_counts *c);
} rules[_TRIGGER_RULE_MAX] = {
#define TRIGGER_RULE(constant, name) [RULE_##constant] = {#name, rule_##name},
#include "daemons/scheduler/core/trigger_rule.def"
#undef TRIGGER_RULE
};

const char *trigger_rule_name(enum trigger_rule r) {
        assert(r < _TRIGGER_RULE_MAX);
        return rules[r].name;
}

int trigger_rule_parse(const char *name, enum trigger_rule *ret) {
        for (enum trigger_rule r = 0; r < _TRIGGER_RULE_MAX; r++)
                if (str_eq(rules[r].name, name)) {
                        *ret = r;
                        return 0;
                }
        return 1;
}

enum trigger_rule_verdict trigger_rule_decide(enum trigger_rule r,
                                              const struct trigger_rule_counts *c) {
        assert(r < _TRIGGER_RULE_MAX);
        assert(done(c) <= c->n_upstream);
        assert(c->n_setup_success + c->n_setup_skipped <= c->n_setup);

        if (c->n_upstream == 0)
                return VERDICT_READY;
        return rules[r].decide(c);
}
