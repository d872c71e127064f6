/* subcommand: `wait`, `shutdown` and `help`, which speak to another proxy's HTTP ports. */
#pragma once

#include <stdbool.h>

bool subcommand_is(int argc, char *const *argv);
/* Returns the exit code. */
int subcommand_run(int argc, char *const *argv);
