/* conf_airflow: variables of the environment by which Airflow and Liminal are configured,
 * AIRFLOW__SECTION__KEY, where they mean what a key of ours does. As with Airflow they are stronger
 * than the file; the command line is stronger still. An empty one is not there. */
#pragma once

#include "lib/base/conf.h"

/* Those of the table's keys. 0; -EINVAL with em, which names the variable; -ENOMEM. */
int conf_airflow_apply(const struct conf_table *t, void *target, struct errmsg *em);
