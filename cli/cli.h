/* cli: what every verb of `onebox` stands on: its options, the paths, where the output goes.
 *
 * A verb is `int NAME_cmd(struct cli *c, int argc, char **argv)`. It returns the exit status (0
 * good, 1 the thing asked about is bad) or a negative errno with c->em set, which main prints. What
 * it allocates comes from c->arena. One thread. */
#pragma once

#include "lib/base/arena.h"
#include "lib/base/conf.h"
#include "lib/base/errmsg.h"
#include "lib/base/options.h"
#include "lib/base/paths.h"

enum { CLI_BAD = 1, CLI_USAGE = 2, CLI_DONE = 100 /* help was printed: exit 0 */ };

/* Options of every verb; the first member of each verb's own struct. */
struct cli_words {
        bool json;
        char *state_dir;
        char *runtime_dir;
        char *config;
};

/* The names people type, not the places the values go to. */
#define CLI_ROW(type, name, short_name, kind, arg, help) \
        {#name, short_name, CONF_##kind, offsetof(type, words.name), arg, help},
#define CLI_ROWS(type)                                                                        \
        {"json", 'j', CONF_BOOL, offsetof(type, words.json), NULL, "print JSON for scripts"}, \
                {"state_dir", 0,                                                              \
                 CONF_STRING, offsetof(type, words.state_dir),                                \
                 "DIR",       "where state is kept (ONEBOX_STATE_DIR, /var/lib/onebox)"},     \
                {"runtime_dir", 0,                                                            \
                 CONF_STRING,   offsetof(type, words.runtime_dir),                            \
                 "DIR",         "where the sockets are (ONEBOX_RUNTIME_DIR, /run/onebox)"},   \
                {"config",    'c',                                                            \
                 CONF_STRING, offsetof(type, words.config),                                   \
                 "FILE",      "the configuration (ONEBOX_CONFIG, /etc/onebox/onebox.conf)"},

struct cli {
        struct arena arena;
        struct errmsg em;
        struct paths paths;
        bool json;
        bool colour;      /* stdout is a terminal and NO_COLOR is not set */
        const char *verb; /* "runs" */
        bool is_usage;    /* the command line was wrong: exit CLI_USAGE */
        char **args;      /* the words that are no options */
        size_t n_args;
};

typedef int cli_verb_fn(struct cli *c, int argc, char **argv);

#define VERB(name, function, help) cli_verb_fn function;
#include "cli/verbs.def"
#undef VERB

/* Is --help or -h among the words? For a verb that does as another, but has a help of its own. */
bool cli_asks_help(int argc, char **argv);
/* Reads the options into words (a static struct that begins with cli_words: its strings live until
 * the exit) and finds the paths. Call it first. 0; CLI_DONE; -EINVAL with c->em set. */
int cli_start(struct cli *c, const struct options_spec *spec, int argc, char **argv, void *words);

/* The i-th word or NULL. */
const char *cli_arg(const struct cli *c, size_t i);
/* The words were not understood; c->em says what would be (the spec's args). Returns -EINVAL. */
int cli_usage(struct cli *c, const struct options_spec *spec);
/* Sets c->em: "out of memory"; returns -ENOMEM. */
int cli_oom(struct cli *c);
