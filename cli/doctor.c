/* doctor: see doctor.h. */
#include "cli/doctor.h"

#include <pwd.h>

#include "lib/base/str.h"

void doctor_init(struct doctor *d, struct cli *c) {
        *d = (struct doctor){.c = c};
        d->tail = &d->first;
        d->is_system =
                str_eq(c->paths.state_dir, "/var/lib/onebox") && getpwnam("onebox-scheduler");
}

struct doctor_finding *doctor_say(struct doctor *d, enum doctor_state state, const char *name,
                                  const char *remedy, const char *fmt, ...) {
        static struct doctor_finding nowhere;
        struct doctor_finding *f = arena_new(&d->c->arena, struct doctor_finding);
        va_list ap;

        if (!f || !name) {
                d->failed = true;
                nowhere = (struct doctor_finding){.fixes_tail = &nowhere.fixes};
                return &nowhere;
        }
        va_start(ap, fmt);
        *f = (struct doctor_finding){
                .state = state,
                .name = name,
                .text = arena_vprintf(&d->c->arena, fmt, ap),
                .remedy = remedy,
        };
        va_end(ap);
        if (!f->text)
                d->failed = true;
        f->fixes_tail = &f->fixes;
        *d->tail = f;
        d->tail = &f->next;
        return f;
}

enum doctor_state doctor_worst(const struct doctor *d) {
        enum doctor_state worst = DOCTOR_OK;

        for (const struct doctor_finding *f = d->first; f; f = f->next)
                if (f->state > worst)
                        worst = f->state;
        return worst;
}

const char *doctor_state_name(enum doctor_state state) {
        static const char *const names[] = {"ok", "skipped", "warning", "fault"};

        return names[state];
}
