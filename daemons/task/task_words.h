/* task_words.h: a command line that needs no shell.
 *
 * `bash -c 'python train.py --epochs=3'` does nothing that starting python itself does not do, and
 * costs a program's start. A command is plain when it is words of letters that mean nothing to a
 * shell, and its first is neither an assignment nor anything bash does by itself. Threads: any. */
#pragma once

#include "lib/base/arena.h"

/* 0 with the words, NULL-terminated; 1: bash has to read it; -ENOMEM. `envp` may be NULL: with
 * BASH_ENV or a function of bash in it nothing is plain. */
int task_words_split(struct arena *a, const char *cmd, const char *const *envp,
                     const char *const **ret_argv);
