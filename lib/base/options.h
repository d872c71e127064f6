/* options: the command line of daemons and of the CLI's verbs, one row an option.
 *
 *      OPTION(json, 'j', BOOL, NULL, "print JSON for scripts")
 *      OPTION(limit, 'n', UINT, "N", "show at most N rows")
 * The name's underscores are dashes on the command line. `--x=v`, `--x v`, `-x v`, `-xv`, `-xy` and
 * `--` work as with getopt_long; options and words may be mixed. */
#pragma once

#include <stdio.h>

#include "lib/base/conf.h"
#include "lib/base/errmsg.h"
#include "lib/base/paths.h"

#define OPTIONS_FIELD(name, short_name, type, arg, help) CONF_CTYPE_##type name;
#define OPTIONS_ROW(ctype, name, short_name, type, arg, help) \
        {#name, short_name, CONF_##type, offsetof(ctype, name), arg, help},

struct options_row {
        const char *name;    /* with underscores */
        char short_name;     /* 0: none */
        enum conf_type type; /* BOOL takes no value, and is also known as --no-NAME */
        size_t offset;       /* of the field in the target; types as in conf.h */
        const char *arg;     /* "N", "DIR": what the value is called */
        const char *help;
};

struct options_spec {
        const char *program; /* "onebox-web", "onebox runs" */
        const char *args;    /* "[DAG]" or NULL: what may follow the options */
        const char *summary; /* one line */
        const struct options_row *rows;
        size_t n_rows;
        size_t n_args_min, n_args_max; /* how many words may follow */
};

/* What options_parse() answers when the program shall end well. */
enum {
        OPTIONS_HELP = 1,
        OPTIONS_VERSION = 2,
};

/* target: zeroed or with defaults; options_done() frees its strings and lists. The words that are
 * no options are moved to the front of argv + 1, *ret_n_args of them.
 * 0, OPTIONS_HELP, OPTIONS_VERSION; -EINVAL with em set; -ENOMEM. */
int options_parse(const struct options_spec *spec, int argc, char **argv, void *target,
                  int *ret_n_args, struct errmsg *em);
void options_done(const struct options_spec *spec, void *target);
void options_print_help(const struct options_spec *spec, FILE *to);

/* The command line of a daemon: --state-dir --runtime-dir --config --log-level --help --version and
 * one option for every key of its configuration table (listen → --listen). */
struct options_daemon {
        const char *program; /* "onebox-web" */
        const char *summary;
        struct conf_table conf;
        const char *args; /* as in options_spec; NULL: no words */
        size_t n_args_min, n_args_max;
};

/* Reads the command line, the paths and the configuration, in this order of strength: command line,
 * drop-ins, file, defaults. Prints help or version itself and then answers OPTIONS_HELP.
 * 0: go on, conf and paths are filled (conf_done, paths_done); negative with em set. */
int options_daemon_start(const struct options_daemon *d, int argc, char **argv, void *conf,
                         struct paths *ret_paths, int *ret_n_args, struct errmsg *em);

/* What a daemon exits with when its start, or its loop, answered r: 0; OPTIONS_EX_CONFIG when what
 * it was told cannot be done (-EINVAL, -EPROTONOSUPPORT: so a start says that the configuration is
 * wrong, or a secret that it names is missing), which no restart mends; else 1. */
#define OPTIONS_EX_CONFIG 78 /* sysexits' EX_CONFIG; the units' RestartPreventExitStatus= */
int options_exit_status(int r);
