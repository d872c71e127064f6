#include "daemons/scheduler/core/night.h"

#include <assert.h>

static usec_t plus(usec_t a, usec_t b) {
        return a > USEC_INFINITY - b ? USEC_INFINITY : a + b;
}

static usec_t minus(usec_t a, usec_t b) {
        return a == USEC_INFINITY ? a : a > b ? a - b : 0;
}

/* What needs the machine right now, beyond having been needed a moment ago. */
static unsigned needs(const struct night_settings *s, const struct night_facts *f) {
        unsigned reasons = 0;

        if (f->n_tasks > 0)
                reasons |= NIGHT_TASKS;
        else if (f->n_runs > 0)
                reasons |= NIGHT_RUNS;
        if (f->next_due_at != USEC_INFINITY && f->next_due_at <= plus(f->now, s->idle_next_for))
                reasons |= NIGHT_SOON;
        if (f->n_people > 0)
                reasons |= NIGHT_PEOPLE;
        if (f->now < f->stay_until)
                reasons |= NIGHT_STAY;
        return reasons;
}

static void take_planned(const struct night_settings *s, const struct night_facts *f,
                         struct night_decision *d) {
        usec_t at = f->planned_at;

        if (at == USEC_INFINITY || plus(at, NIGHT_LATE_FOR) < f->now || at < f->stay_until)
                return;
        d->stop_at = at;
        d->why = NIGHT_PLANNED;
        d->is_closed = f->now >= minus(at, s->close_for);
        d->power_off = f->now >= at;
        d->look_at = d->is_closed ? at : minus(at, s->close_for);
}

static void take_idle(const struct night_settings *s, const struct night_facts *f,
                      struct night_decision *d) {
        usec_t at;

        if (s->idle_stop_for == USEC_INFINITY) {
                d->reasons |= NIGHT_NEVER;
                return;
        }
        if (d->reasons)
                return;
        at = plus(f->busy_at, s->idle_stop_for);
        if (f->now < at)
                d->reasons |= NIGHT_RECENT;
        if (at >= d->stop_at)
                return;
        d->stop_at = at;
        d->why = NIGHT_IDLE;
        d->power_off = f->now >= at;
        d->is_closed |= d->power_off;
        d->look_at = MIN(d->look_at, at);
}

/* What the cloud has announced holds, whatever was planned or asked for. */
static void take_notice(const struct night_facts *f, struct night_decision *d) {
        if (f->notice_at == USEC_INFINITY)
                return;
        d->is_closed = true;
        if (f->notice_at > d->stop_at)
                return;
        d->stop_at = f->notice_at;
        d->why = NIGHT_NOTICE;
        d->power_off = false;
}

void night_decide(const struct night_settings *s, const struct night_facts *f,
                  struct night_decision *ret) {
        struct night_decision d = {
                .stop_at = USEC_INFINITY, .wake_at = USEC_INFINITY, .look_at = USEC_INFINITY};

        assert(f->busy_at <= f->now);
        d.reasons = needs(s, f);
        take_planned(s, f, &d);
        take_idle(s, f, &d);
        take_notice(f, &d);
        d.wake_at = minus(f->next_due_at, s->wake_before_for);
        if (f->now < f->stay_until)
                d.look_at = MIN(d.look_at, f->stay_until);
        assert(!d.power_off || d.is_closed);
        *ret = d;
}

const char *night_stop_name(enum night_stop why) {
        static const char *const names[_NIGHT_STOP_MAX] = {"none", "planned", "idle", "notice"};

        assert(why < _NIGHT_STOP_MAX);
        return names[why];
}

const char *night_reason_name(enum night_reason one) {
        switch (one) {
        case NIGHT_TASKS:
                return "tasks";
        case NIGHT_RUNS:
                return "runs";
        case NIGHT_SOON:
                return "due-soon";
        case NIGHT_PEOPLE:
                return "people";
        case NIGHT_STAY:
                return "stay";
        case NIGHT_RECENT:
                return "recent";
        case NIGHT_NEVER:
                return "no-idle-stop";
        }
        assert(false);
        return "";
}
