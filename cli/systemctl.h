/* systemctl: asking PID 1 by its own command. */
#pragma once

#include <sys/types.h>

#include "lib/base/errmsg.h"
#include "lib/base/macros.h"

/* Is systemd the first process here? */
bool systemctl_is_there(void);
/* Starts what is missing. A unit that was started in vain too often is not started again for a
 * while, nor is its socket opened, until that is forgotten. */
#define SYSTEMCTL_START_ALL "systemctl reset-failed 'onebox-*'; systemctl start onebox.target"
/* `systemctl VERB UNIT` without waiting for the unit. 0, or negative with em set. */
int systemctl_run(const char *verb, const char *unit, struct errmsg *em);
/* Names of loaded units that match the pattern; str_free_list() it. */
int systemctl_list(const char *pattern, char ***ret_units, struct errmsg *em);
/* Those of them that have failed. */
int systemctl_failed(const char *pattern, char ***ret_units, struct errmsg *em);
/* What `systemctl show` says of one property, without the blanks around it; "" for none. The
 * caller's to free. */
int systemctl_property(const char *unit, const char *name, char **ret_value, struct errmsg *em);
/* The unit's main process; 0 when it has none. */
int systemctl_main_pid(const char *unit, pid_t *ret_pid, struct errmsg *em);
/* When the unit became active; 0 when it is not. */
int systemctl_started_at(const char *unit, usec_t *ret_at, struct errmsg *em);
