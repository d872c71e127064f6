/* conf_rules: is what a configuration asks for possible? Each value has its type already (conf.h);
 * this is what a daemon would find at its start, said before: a cron expression that is none, a
 * switch without what it needs. Reads time zones' files and nothing else. */
#pragma once

#include "cli/all_conf.h"

#define CONF_RULES_MAX 32

/* Texts "[section] key: what is wrong, and what would be right" in the arena, in the order of
 * conf_rules.def; how many, or -ENOMEM. */
int conf_rules_check(const struct all_conf *conf, struct arena *a,
                     const char *ret_texts[static CONF_RULES_MAX]);
