/* flags: the settings of a start, from the command line, the environment (CSQL_PROXY_*) and a
 * configuration file, in this order of strength. One row a flag: flags.def. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "lib/base/errmsg.h"
#include "lib/base/macros.h"

enum flags_id {
#define FLAG(field, letter, type, def, usage, ours) FLAGS_##field,
#include "daemons/sqlproxy/flags.def"
#undef FLAG
        FLAGS_N,
};

#define FLAGS_CTYPE_STRING char *
#define FLAGS_CTYPE_BOOL bool
#define FLAGS_CTYPE_INT int64_t
#define FLAGS_CTYPE_UINT uint64_t
#define FLAGS_CTYPE_DURATION usec_t

struct flags {
#define FLAG(field, letter, type, def, usage, ours) FLAGS_CTYPE_##type field;
#include "daemons/sqlproxy/flags.def"
#undef FLAG
        bool is_set[FLAGS_N]; /* by whatever source */
        char **instances;     /* arguments, as given */
        bool wants_help, wants_version;
};

/* Zeroes it first. argv[0] is skipped; words that are no flags become instances. 0; -EINVAL with em
 * in the words of pflag; -ENOMEM. */
int flags_parse(struct flags *f, int argc, char *const *argv, struct errmsg *em);
/* Fills what the command line left open: environ-like vector, then the file. A value that is none
 * is left out, and told to ignored(). */
int flags_fill(struct flags *f, char *const *env, void (*ignored)(const char *text),
               struct errmsg *em);
void flags_done(struct flags *f);
/* What contradicts what. 0 or -EINVAL with em. */
int flags_check(const struct flags *f, struct errmsg *em);

/* One line a flag. */
void flags_print_rows(FILE *to);
