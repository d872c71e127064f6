/* doctor: the daemons and services, whether they answer, and what systemd says of their units. */
#include "cli/cli_call.h"
#include "cli/doctor.h"
#include "cli/parts.h"
#include "cli/systemctl.h"
#include "lib/base/str.h"

static const char *start_with(const struct doctor *d) {
        return d->is_system ? SYSTEMCTL_START_ALL : "onebox up";
}

/* Only where this machine's systemd runs them: `onebox up` has no units. */
static void look_at_units(struct doctor *d) {
        _cleanup_(str_free_listp) char **units = NULL;

        if (!d->is_system || !systemctl_is_there())
                return;
        if (systemctl_failed("onebox*", &units, &d->c->em) < 0) {
                doctor_say(d, DOCTOR_SKIPPED, "units", NULL, "%s", d->c->em.text);
                return;
        }
        for (char **unit = units; unit && *unit; unit++)
                doctor_say(d, DOCTOR_FAULT, arena_printf(&d->c->arena, "unit %s", *unit),
                           arena_printf(&d->c->arena, "journalctl -u %s; systemctl reset-failed %s",
                                        *unit, *unit),
                           "it failed");
        if (!units || !*units)
                doctor_say(d, DOCTOR_OK, "units", NULL, "none has failed");
}

void doctor_parts(struct doctor *d) {
        static struct parts s;
        const struct json *scheduler;

        s = (struct parts){};
        if (parts_look(d->c, &s, &scheduler) < 0)
                doctor_say(d, DOCTOR_FAULT, "services", NULL, "%s", d->c->em.text);
        if (s.has_hidden)
                doctor_say(d, DOCTOR_SKIPPED, "services", "run it as root", "%s", d->c->em.text);
        for (size_t i = 0; i < s.n_parts; i++) {
                const struct part *p = &s.parts[i];
                const char *name = str_starts(p->name, "service ")
                                           ? p->name
                                           : arena_printf(&d->c->arena, "onebox-%s", p->name);

                doctor_say(d, p->ok ? DOCTOR_OK : DOCTOR_FAULT, name, p->ok ? NULL : start_with(d),
                           "%s%s%s", p->ok ? "answers at " : "",
                           p->ok     ? p->where
                           : p->note ? p->note
                                     : "?",
                           p->ok ? "" : arena_printf(&d->c->arena, " (%s)", p->where));
        }
        look_at_units(d);
}
