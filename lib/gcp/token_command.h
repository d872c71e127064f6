/* token_command.h: a program that prints what we need: gcloud, or an external account's own. */
#pragma once

#include "lib/base/buf.h"
#include "lib/base/errmsg.h"
#include "lib/base/macros.h"
#include "lib/net/http_fetch.h"

struct token_command {
        const char *const *argv; /* NULL-terminated; argv[0] with "/" or to be found in PATH */
        const char *const *envp; /* NULL = the parent's */
        usec_t total_for;
        const struct http_fetch
                *http; /* its cancelling ends the program too; NULL = nothing does */
};
/* What it writes to its standard output, at most 1 MiB, when it ends with 0. -ENOENT: no such
 * program; -ETIMEDOUT, -ECANCELED: it was killed; -EACCES: it ended with another code, em has the
 * last line of its standard error. Blocking; wipe ret. */
int token_command_run(const struct token_command *c, struct buf *ret, struct errmsg *em);
/* The words of a command line, in single or double quotes or with backslashes as a shell has them,
 * nothing expanded. str_free_list() them. -EINVAL: a quote is open, or no words. */
int token_command_split(const char *line, char ***ret);
