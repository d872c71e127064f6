/* stdin_text: a value from standard input, where the words of a command would show it. */
#pragma once

#include "cli/cli.h"

/* word itself, or for "-" all of standard input without the newline at its end. */
int stdin_text_or(struct cli *c, const char *word, const char **ret);
