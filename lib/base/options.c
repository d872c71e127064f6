/* options: see options.h. The words of the command line are walked once; words that are no options
 * are swapped to the front as getopt does. */
#include "lib/base/options.h"

#include <errno.h>
#include <string.h>

#include "lib/base/fault.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/base/utf8.h"

#include "config.h"

#define N_ROWS_MAX 96
#define HELP_COLUMN 30
#define HELP_WIDTH 80

/* "--state-dir" for "state_dir". */
static bool name_matches(const char *word, size_t len, const char *name) {
        if (strlen(name) != len)
                return false;
        for (size_t i = 0; i < len; i++)
                if (word[i] != name[i] && !(word[i] == '-' && name[i] == '_'))
                        return false;
        return true;
}

static const struct options_row *find_long(const struct options_spec *spec, const char *word,
                                           size_t len, bool *ret_negated) {
        for (size_t i = 0; i < spec->n_rows; i++) {
                const struct options_row *row = &spec->rows[i];

                *ret_negated = false;
                if (name_matches(word, len, row->name))
                        return row;
                *ret_negated = true;
                if (row->type == CONF_BOOL && len > 3 && memcmp(word, "no-", 3) == 0 &&
                    name_matches(word + 3, len - 3, row->name))
                        return row;
        }
        return NULL;
}

static const struct options_row *find_short(const struct options_spec *spec, char c) {
        for (size_t i = 0; i < spec->n_rows; i++)
                if (spec->rows[i].short_name == c)
                        return &spec->rows[i];
        return NULL;
}

/* One row as conf.h knows it, so that values are parsed by one code. */
static struct conf_key as_key(const struct options_row *row) {
        return (struct conf_key){
                .section = "",
                .key = row->name,
                .type = row->type,
                .offset = row->offset,
        };
}

static int set_value(const struct options_row *row, const char *value, void *target,
                     struct errmsg *em) {
        struct conf_key key = as_key(row);
        struct conf_table one = {&key, 1};
        char shown[80];
        int r;

        if (!*value && row->type == CONF_STRING) {
                char **field = (char **) (void *) ((char *) target + row->offset);

                mem_free(*field);
                *field = mem_strdup("");
                return *field ? 0 : errmsg_fail(em, -ENOMEM, "out of memory");
        }
        r = conf_set(&one, "", row->name, value, target, em);
        if (r < 0) {
                (void) snprintf(shown, sizeof(shown), "--%s", row->name);
                for (char *p = shown; *p; p++)
                        *p = *p == '_' ? '-' : *p;
                errmsg_prefix(em, "%s", shown);
        }
        return r;
}

struct walk {
        const struct options_spec *spec;
        int argc;
        char **argv;
        int i; /* the next word */
        void *target;
        struct errmsg *em;
};

static int fail_option(struct walk *w, const char *word, size_t len) {
        const char *names[N_ROWS_MAX], *near;
        char plain[64], quoted[80];
        size_t n = 0;

        for (; n < w->spec->n_rows && n < N_ROWS_MAX; n++)
                names[n] = w->spec->rows[n].name;
        (void) snprintf(plain, sizeof(plain), "%.*s", (int) MIN(len, (size_t) 60), word);
        for (char *p = plain; *p; p++)
                *p = *p == '-' ? '_' : *p;
        near = str_nearest(plain, names, n);
        (void) snprintf(quoted, sizeof(quoted), "did you mean --%s?", near ? near : "");
        for (char *p = quoted + STRLEN("did you mean --"); *p; p++)
                *p = *p == '_' ? '-' : *p;
        return errmsg_fail(w->em, -EINVAL, "unknown option --%.*s: %s", (int) MIN(len, (size_t) 60),
                           word, near ? quoted : "see --help");
}

static int take_flag(struct walk *w, const struct options_row *row, const char *word, size_t len,
                     const char *value, bool negated) {
        if (negated && value)
                return errmsg_fail(w->em, -EINVAL, "--%.*s takes no value", (int) len, word);
        return set_value(row, negated ? "no" : value ? value : "yes", w->target, w->em);
}

static int take_long(struct walk *w, const char *word) {
        size_t len = strcspn(word, "=");
        const char *value = word[len] ? word + len + 1 : NULL;
        const struct options_row *row;
        bool negated;

        if (str_eq(word, "help"))
                return OPTIONS_HELP;
        if (str_eq(word, "version"))
                return OPTIONS_VERSION;
        row = find_long(w->spec, word, len, &negated);
        if (!row)
                return fail_option(w, word, len);
        if (row->type == CONF_BOOL)
                return take_flag(w, row, word, len, value, negated);
        if (!value && w->i >= w->argc)
                return errmsg_fail(w->em, -EINVAL, "--%.*s needs a value: --%.*s=%s", (int) len,
                                   word, (int) len, word, row->arg ? row->arg : "VALUE");
        return set_value(row, value ? value : w->argv[w->i++], w->target, w->em);
}

/* "-ab", "-n5", "-n 5". */
static int take_short(struct walk *w, const char *word) {
        for (; *word; word++) {
                const struct options_row *row = find_short(w->spec, *word);
                int r;

                if (!row && *word == 'h')
                        return OPTIONS_HELP;
                if (!row)
                        return errmsg_fail(w->em, -EINVAL, "unknown option -%c: see --help", *word);
                if (row->type == CONF_BOOL) {
                        r = set_value(row, "yes", w->target, w->em);
                        if (r < 0)
                                return r;
                        continue;
                }
                if (word[1])
                        return set_value(row, word + 1, w->target, w->em);
                if (w->i >= w->argc)
                        return errmsg_fail(w->em, -EINVAL, "-%c needs a value", *word);
                return set_value(row, w->argv[w->i++], w->target, w->em);
        }
        return 0;
}

static int check_words(const struct options_spec *spec, char **argv, size_t n, struct errmsg *em) {
        if (n > spec->n_args_max)
                return errmsg_fail(em, -EINVAL, "one word too many: \"%.60s\": see --help",
                                   argv[1 + spec->n_args_max]);
        if (n < spec->n_args_min)
                return errmsg_fail(em, -EINVAL, "%s is missing: see --help",
                                   spec->args ? spec->args : "a word");
        return 0;
}

int options_parse(const struct options_spec *spec, int argc, char **argv, void *target,
                  int *ret_n_args, struct errmsg *em) {
        struct walk w = {
                .spec = spec, .argc = argc, .argv = argv, .i = 1, .target = target, .em = em};
        bool only_words = false;
        int n = 0, r;

        while (w.i < argc) {
                char *word = argv[w.i++];

                if (!only_words && str_eq(word, "--")) {
                        only_words = true;
                        continue;
                }
                if (only_words || word[0] != '-' || word[1] == 0) {
                        argv[1 + n++] = word; /* never behind w.i */
                        continue;
                }
                r = word[1] == '-' ? take_long(&w, word + 2) : take_short(&w, word + 1);
                if (r != 0)
                        return r;
        }
        r = check_words(spec, argv, (size_t) n, em);
        if (r < 0)
                return r;
        *ret_n_args = n;
        return 0;
}

void options_done(const struct options_spec *spec, void *target) {
        for (size_t i = 0; i < spec->n_rows; i++) {
                struct conf_key key = as_key(&spec->rows[i]);
                struct conf_table one = {&key, 1};

                conf_done(&one, target);
        }
}

/* Prints text's words from that column on; no line is wider than HELP_WIDTH, a full stop included,
 * unless a single word is. */
static void print_words(FILE *to, const char *text, size_t column) {
        size_t at = column, len;
        const char *word;

        while (str_word(&text, " ", &word, &len)) {
                size_t width = utf8_count(word, len);

                if (at > column && at + 1 + width >= HELP_WIDTH) {
                        fprintf(to, "\n%*s", (int) column, "");
                        at = column;
                }
                fprintf(to, "%s%.*s", at > column ? " " : "", (int) len, word);
                at += width + (at > column);
        }
}

static void print_row(FILE *to, char short_name, const char *name, const char *arg,
                      const char *help) {
        char left[80];
        int n = snprintf(left, sizeof(left), "  %c%c%s --", short_name ? '-' : ' ',
                         short_name ? short_name : ' ', short_name ? "," : " ");
        size_t width;

        for (; *name && n < 40; name++)
                left[n++] = *name == '_' ? '-' : *name;
        (void) snprintf(left + n, sizeof(left) - (size_t) n, "%s%.35s", arg ? "=" : "",
                        arg ? arg : "");
        width = utf8_width(left);
        if (width < HELP_COLUMN)
                fprintf(to, "%s%*s", left, (int) (HELP_COLUMN - width), "");
        else
                fprintf(to, "%s\n%*s", left, HELP_COLUMN, "");
        print_words(to, help, HELP_COLUMN);
        fputc('\n', to);
}

/* The first row of a letter has it. */
static char letter_of(const struct options_spec *spec, const struct options_row *row) {
        for (const struct options_row *r = spec->rows; r < row; r++)
                if (r->short_name == row->short_name)
                        return 0;
        return row->short_name;
}

void options_print_help(const struct options_spec *spec, FILE *to) {
        fprintf(to, "%s [OPTION]…", spec->program);
        if (spec->args) {
                size_t column = utf8_width(spec->program) + strlen(" [OPTION]. ");

                fputc(' ', to);
                print_words(to, spec->args, column);
        }
        fputs("\n\n", to);
        print_words(to, spec->summary, 0);
        fputs(".\n\n", to);
        for (size_t i = 0; i < spec->n_rows; i++) {
                const struct options_row *row = &spec->rows[i];
                const char *arg = row->type == CONF_BOOL ? NULL : row->arg ? row->arg : "VALUE";

                print_row(to, letter_of(spec, row), row->name, arg, row->help);
        }
        print_row(to, 'h', "help", NULL, "show this text and exit");
        print_row(to, 0, "version", NULL, "show the version and exit");
}

/* --- daemons ------------------------------------------------------------------------------- */

struct daemon_words {
        char *state_dir;
        char *runtime_dir;
        char *config;
        char *log_level;
};

static const struct options_row daemon_rows[] = {
        {"state_dir", 0, CONF_STRING, offsetof(struct daemon_words, state_dir), "DIR",
         "where state is kept (ONEBOX_STATE_DIR, /var/lib/onebox)"},
        {"runtime_dir", 0, CONF_STRING, offsetof(struct daemon_words, runtime_dir), "DIR",
         "where the sockets are (ONEBOX_RUNTIME_DIR, /run/onebox)"},
        {"config", 'c', CONF_STRING, offsetof(struct daemon_words, config), "FILE",
         "configuration (ONEBOX_CONFIG, /etc/onebox/onebox.conf)"},
        {"log_level", 0, CONF_STRING, offsetof(struct daemon_words, log_level), "LEVEL",
         "error, warning, notice, info or debug"},
};
#define N_DAEMON_ROWS ARRAY_SIZE(daemon_rows)

/* Keys of the table become rows whose values go, as text, into key_texts[]. */
struct daemon_target {
        struct daemon_words words;
        char *key_texts[N_ROWS_MAX];
};

static const char *arg_word(enum conf_type type) {
        static const char *const words[] = {
                [CONF_STRING] = "TEXT", [CONF_BOOL] = "yes|no", [CONF_UINT] = "N",
                [CONF_SPAN] = "SPAN",   [CONF_SIZE] = "SIZE",   [CONF_LIST] = "WORDS",
        };

        return words[type];
}

static size_t make_daemon_rows(const struct options_daemon *d, struct options_row *rows) {
        size_t n = N_DAEMON_ROWS;

        assert(N_DAEMON_ROWS + d->conf.n_keys <= N_ROWS_MAX);
        memcpy(rows, daemon_rows, sizeof(daemon_rows));
        for (size_t i = 0; i < d->conf.n_keys; i++)
                rows[n++] = (struct options_row){
                        .name = d->conf.keys[i].key,
                        .type = CONF_STRING,
                        .offset = offsetof(struct daemon_target, key_texts) + i * sizeof(char *),
                        .arg = arg_word(d->conf.keys[i].type),
                        .help = d->conf.keys[i].help,
                };
        return n;
}

static int apply_keys(const struct options_daemon *d, const struct daemon_target *given, void *conf,
                      struct errmsg *em) {
        for (size_t i = 0; i < d->conf.n_keys; i++) {
                const struct conf_key *k = &d->conf.keys[i];
                int r;

                if (!given->key_texts[i])
                        continue;
                r = k->type == CONF_LIST ? conf_set(&d->conf, k->section, k->key, "", conf, em) : 0;
                if (r >= 0)
                        r = conf_set(&d->conf, k->section, k->key, given->key_texts[i], conf, em);
                if (r < 0) {
                        errmsg_prefix(em, "on the command line");
                        return r;
                }
        }
        return 0;
}

static int load_daemon(const struct options_daemon *d, const struct daemon_target *given,
                       void *conf, struct paths *ret_paths, struct errmsg *em) {
        int level, r;

        if (given->words.log_level) {
                if (log_level_parse(given->words.log_level, &level) < 0)
                        return errmsg_fail(em, -EINVAL,
                                           "--log-level: \"%s\" is not error, warning, notice, "
                                           "info or debug",
                                           given->words.log_level);
                log_set_level(level);
        }
        r = paths_init(ret_paths, given->words.state_dir, given->words.runtime_dir,
                       given->words.config, em);
        if (r < 0)
                return r;
        r = conf_load(&d->conf, ret_paths->config, conf, em);
        if (r >= 0)
                r = apply_keys(d, given, conf, em);
        if (r < 0) {
                conf_done(&d->conf, conf);
                paths_done(ret_paths);
        }
        return r;
}

int options_daemon_start(const struct options_daemon *d, int argc, char **argv, void *conf,
                         struct paths *ret_paths, int *ret_n_args, struct errmsg *em) {
        struct options_row rows[N_ROWS_MAX];
        struct daemon_target given = {};
        struct options_spec spec = {
                .program = d->program,
                .args = d->args,
                .summary = d->summary,
                .rows = rows,
                .n_rows = make_daemon_rows(d, rows),
                .n_args_min = d->n_args_min,
                .n_args_max = d->n_args_max,
        };
        int n_args = 0, r;

        r = options_parse(&spec, argc, argv, &given, &n_args, em);
        if (r == OPTIONS_HELP)
                options_print_help(&spec, stdout);
        if (r == OPTIONS_VERSION)
                printf("%s %s\n", d->program, PACKAGE_VERSION);
        if (r == 0)
                r = fault_arm_environment(em);
        if (r == 0)
                r = load_daemon(d, &given, conf, ret_paths, em);
        options_done(&spec, &given);
        if (r == 0 && ret_n_args)
                *ret_n_args = n_args;
        return r;
}

int options_exit_status(int r) {
        return r >= 0 ? 0 : r == -EINVAL || r == -EPROTONOSUPPORT ? OPTIONS_EX_CONFIG : 1;
}
