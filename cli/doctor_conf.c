/* doctor: is the configuration good? The checks behind this one need it. */
#include <unistd.h>

#include "cli/conf_rules.h"
#include "cli/doctor.h"

void doctor_conf(struct doctor *d) {
        const char *path = d->c->paths.config;
        const char *texts[CONF_RULES_MAX];
        const struct all_conf *conf;
        int n;

        if (all_conf_load(d->c, &conf) < 0) {
                doctor_say(d, DOCTOR_FAULT, "configuration",
                           "correct it; onebox.conf(5) has every key", "%s", d->c->em.text);
                return;
        }
        d->conf = conf;
        n = conf_rules_check(conf, &d->c->arena, texts);
        if (n < 0)
                d->failed = true;
        for (int i = 0; i < n; i++)
                doctor_say(d, DOCTOR_FAULT, "configuration",
                           "correct it; onebox.conf(5) has every key", "%s: %s", path, texts[i]);
        if (n != 0)
                return;
        doctor_say(d, DOCTOR_OK, "configuration", NULL, "%s%s", path,
                   access(path, F_OK) < 0 ? " is not there: all defaults" : " is good");
}
