/* launcher_unit.h: the properties of a try's transient unit, and nothing but them: what is not
 * written here is never set. */
#pragma once

#include <systemd/sd-bus.h>

#include "daemons/launcher/launcher_allow.h"
#include "daemons/launcher/launcher_exec.h"

struct launcher_unit {
        const struct launcher_ask *ask;
        const struct launcher_conf *conf;
        const struct paths *paths;
        const char *name;                         /* of the unit */
        const char *user;                         /* checked */
        const char *program;                      /* onebox-task */
        const struct launcher_allow_found *found; /* where each bind leads, ask->carry.n_binds */
        const char *secrets_dir; /* where the secrets lie for systemd to load, by name */
};

/* Adds the array of properties to a StartTransientUnit call. */
int launcher_unit_add(sd_bus_message *m, const struct launcher_unit *u);
