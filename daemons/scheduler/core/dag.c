#include "daemons/scheduler/core/dag.h"
#include "lib/base/mem.h"

static const char *const kind_names[_DAG_KIND_MAX] = {
        [DAG_COMMAND] = "command",
        [DAG_MARKER] = "marker",
};

static const char *const missed_names[_DAG_MISSED_MAX] = {
        [DAG_MISSED_SKIP] = "skip",
        [DAG_MISSED_LAST] = "last",
        [DAG_MISSED_ALL] = "all",
        [DAG_MISSED_WITHIN] = "within",
};

static const char *const on_names[_DAG_ON_MAX] = {
        [DAG_ON_SUCCESS] = "on_success",
        [DAG_ON_FAILURE] = "on_failure",
        [DAG_ON_RETRY] = "on_retry",
        [DAG_ON_SKIPPED] = "on_skipped",
};

static const char *const callback_names[_DAG_CALLBACK_KIND_MAX] = {
        [DAG_CALLBACK_COMMAND] = "command",
        [DAG_CALLBACK_WEBHOOK] = "webhook",
        [DAG_CALLBACK_MAIL] = "mail",
};

const char *dag_on_name(enum dag_on on) {
        assert(on < _DAG_ON_MAX);
        return on_names[on];
}

const char *dag_callback_kind_name(enum dag_callback_kind k) {
        assert(k < _DAG_CALLBACK_KIND_MAX);
        return callback_names[k];
}

struct dag *dag_ref(struct dag *d) {
        assert(d->n_refs > 0);
        d->n_refs++;
        return d;
}

struct dag *dag_unref(struct dag *d) {
        if (!d)
                return NULL;
        assert(d->n_refs > 0);
        if (--d->n_refs > 0)
                return NULL;
        strmap_done(&d->task_map);
        arena_done(&d->arena);
        return mem_free(d);
}

const struct dag_task *dag_get_task(const struct dag *d, const char *task_id) {
        return strmap_get(&d->task_map, task_id);
}

const char *dag_kind_name(enum dag_kind k) {
        assert(k < _DAG_KIND_MAX);
        return kind_names[k];
}

const char *dag_missed_name(enum dag_missed m) {
        assert(m < _DAG_MISSED_MAX);
        return missed_names[m];
}

usec_t dag_retry_at(const struct dag_task *t, unsigned n_failures, usec_t ended_at) {
        double max = (double) (t->retry_max_delay_for > 0 ? t->retry_max_delay_for : USEC_PER_DAY);
        double delay = (double) t->retry_delay_for;

        assert(n_failures >= 1);
        if (t->retry_factor <= 1) /* a constant delay has no other limit */
                return ended_at + t->retry_delay_for;
        for (unsigned i = 1; i < n_failures && delay < max; i++)
                delay *= t->retry_factor;
        return ended_at + (usec_t) MIN(delay, max);
}
