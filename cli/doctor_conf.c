/* doctor: is the configuration good? The checks behind this one need it. */
#include <unistd.h>

#include "cli/doctor.h"

void doctor_conf(struct doctor *d) {
        const char *path = d->c->paths.config;
        const struct all_conf *conf;

        if (all_conf_load(d->c, &conf) < 0) {
                doctor_say(d, DOCTOR_FAULT, "configuration",
                           "correct it; onebox.conf(5) has every key", "%s", d->c->em.text);
                return;
        }
        d->conf = conf;
        doctor_say(d, DOCTOR_OK, "configuration", NULL, "%s%s", path,
                   access(path, F_OK) < 0 ? " is not there: all defaults" : " is good");
}
