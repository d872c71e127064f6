/* flags_help: what --help says, and what follows a usage error. */
#pragma once

#include <stdio.h>

void flags_help_usage(FILE *to);
void flags_help_all(FILE *to);
