/* settings: an instance's answer, judged as Google's connectors do, and what a dial needs of it.
 * Pure. */
#pragma once

#include "daemons/sqlproxy/conn_name.h"
#include "daemons/sqlproxy/identity.h"
#include "lib/gcp/sqladmin.h"

/* Fills the hosts, the name to verify and wants_mdx of an identity. name is the connection name as
 * shown in messages. 0; -EINVAL with em `config error: …`; -ENOMEM. */
int settings_apply(const struct sqladmin_settings *s, const struct conn_name *cn, bool iam,
                   struct identity *id, struct errmsg *em);
