/* compiled: what would come of a directory of pipeline files, as the scheduler compiles them. */
#pragma once

#include "cli/cli.h"

struct json;

/* dir NULL: the directories the scheduler reads. Its answer: {"dags", "services", "errors",
 * "warnings"}. 0, or negative with c->em. */
int compiled_get(struct cli *c, const char *dir, const struct json **ret);
/* Prints the pipelines, services, errors and warnings. 0, CLI_BAD when there are errors, or
 * negative with c->em set. */
int compiled_show(struct cli *c, const char *dir);
