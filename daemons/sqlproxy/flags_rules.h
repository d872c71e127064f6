/* Inside flags only: the rules of flags_check(). */
#pragma once

#include "daemons/sqlproxy/flags.h"

int flags_rules(const struct flags *f, struct errmsg *em);
bool flags_rules_is_ip(const char *s);
