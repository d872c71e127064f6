/* See flags.h. Flags are read as spf13/pflag does: --name=value, --name value, -n value, -nvalue,
 * -ab; a boolean takes its value only behind "="; "--" ends them. */
#include "daemons/sqlproxy/flags.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemons/sqlproxy/flags_file.h"
#include "daemons/sqlproxy/flags_rules.h"
#include "daemons/sqlproxy/flags_value.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/base/strmap.h"

#define NAME_MAX_BYTES 64
#define INSTANCES_MAX 1000
#define ENV_PREFIX "CSQL_PROXY_"

enum flag_type { FLAG_STRING, FLAG_BOOL, FLAG_INT, FLAG_UINT, FLAG_DURATION };

#define USED NULL
static const struct flag_row {
        const char *name; /* with dashes */
        char letter;
        enum flag_type type;
        size_t offset;
        const char *def, *usage;
        const char *refusal; /* NULL: it is used */
} rows[] = {
#define FLAG(field, letter, type, def, usage, ours) \
        {#field, letter, FLAG_##type, offsetof(struct flags, field), def, usage, ours},
#include "daemons/sqlproxy/flags.def"
#undef FLAG
};

static void dashed(const char *field, char ret[NAME_MAX_BYTES]) {
        size_t i = 0;

        for (; field[i] && i < NAME_MAX_BYTES - 1; i++)
                ret[i] = field[i] == '_' ? '-' : field[i];
        ret[i] = 0;
}

/* --- values ---------------------------------------------------------------------------------- */

static void *field_of(struct flags *f, const struct flag_row *row) {
        return (char *) f + row->offset;
}

static int set_value(struct flags *f, const struct flag_row *row, const char *value,
                     struct errmsg *em) {
        void *field = field_of(f, row);
        char *copy;

        switch (row->type) {
        case FLAG_BOOL:
                return flags_value_bool(value, field, em);
        case FLAG_INT:
                return flags_value_int(value, field, em);
        case FLAG_UINT:
                return flags_value_uint(value, field, em);
        case FLAG_DURATION:
                return flags_value_duration(value, field, em);
        case FLAG_STRING:
                copy = mem_strdup(value);
                if (!copy)
                        return errmsg_errno(em, -ENOMEM, "--%s", row->name);
                mem_free(*(char **) field);
                *(char **) field = copy;
                return 0;
        }
        return -EINVAL;
}

static int set_flag(struct flags *f, const struct flag_row *row, const char *value,
                    struct errmsg *em) {
        char name[NAME_MAX_BYTES], shown[NAME_MAX_BYTES + 8];
        struct errmsg why = {};
        int r = set_value(f, row, value, &why);

        if (r < 0) {
                dashed(row->name, name);
                if (row->letter)
                        snprintf(shown, sizeof shown, "-%c, --%s", row->letter, name);
                else
                        snprintf(shown, sizeof shown, "--%s", name);
                return errmsg_fail(em, r, "invalid argument \"%s\" for \"%s\" flag: %s", value,
                                   shown, why.text);
        }
        f->is_set[row - rows] = true;
        return 0;
}

static int set_defaults(struct flags *f, struct errmsg *em) {
        int r = 0;

        for (size_t i = 0; i < ARRAY_SIZE(rows) && r >= 0; i++)
                r = set_value(f, rows + i, rows[i].def, em);
        return r;
}

void flags_done(struct flags *f) {
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                if (rows[i].type == FLAG_STRING)
                        mem_free(*(char **) field_of(f, rows + i));
        str_free_list(f->instances);
        *f = (struct flags){};
}

/* --- the command line ------------------------------------------------------------------------ */

static const struct flag_row *find_name(const char *name, size_t len) {
        char dashes[NAME_MAX_BYTES];

        if (len == STRLEN("sql-data-endpoint") && memcmp(name, "sql-data-endpoint", len) == 0)
                return rows + FLAGS_sqldata_api_endpoint;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                dashed(rows[i].name, dashes);
                if (strlen(dashes) == len && memcmp(dashes, name, len) == 0)
                        return rows + i;
        }
        return NULL;
}

static const struct flag_row *find_letter(char letter) {
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                if (rows[i].letter == letter)
                        return rows + i;
        return NULL;
}

/* --help and --version are no rows: they take no part in environment and file. */
static bool take_special(struct flags *f, const char *name, size_t len) {
        if ((len == 4 && memcmp(name, "help", 4) == 0) || (len == 1 && *name == 'h'))
                f->wants_help = true;
        else if ((len == 7 && memcmp(name, "version", 7) == 0) || (len == 1 && *name == 'v'))
                f->wants_version = true;
        else
                return false;
        return true;
}

/* "--name", "--name=value", "--name value". *i goes to the last word used. */
static int take_long(struct flags *f, int argc, char *const *argv, int *i, struct errmsg *em) {
        const char *name = argv[*i] + 2, *equals = strchr(name, '=');
        size_t len = equals ? (size_t) (equals - name) : strlen(name);
        const struct flag_row *row = find_name(name, len);

        if (!row && take_special(f, name, len))
                return 0;
        if (!row)
                return errmsg_fail(em, -EINVAL, "unknown flag: --%.*s", (int) len, name);
        if (equals)
                return set_flag(f, row, equals + 1, em);
        if (row->type == FLAG_BOOL)
                return set_flag(f, row, "true", em);
        if (*i + 1 >= argc)
                return errmsg_fail(em, -EINVAL, "flag needs an argument: --%s", name);
        return set_flag(f, row, argv[++*i], em);
}

/* "-p5", "-p=5", "-p 5", "-il". */
static int take_letters(struct flags *f, int argc, char *const *argv, int *i, struct errmsg *em) {
        const char *whole = argv[*i];
        const struct flag_row *row;
        int r;

        for (const char *p = whole + 1; *p; p++) {
                row = find_letter(*p);
                if (!row && take_special(f, p, 1))
                        continue;
                if (!row)
                        return errmsg_fail(em, -EINVAL, "unknown shorthand flag: '%c' in %s", *p,
                                           whole);
                if (p[1] == '=')
                        return set_flag(f, row, p + 2, em);
                if (row->type == FLAG_BOOL) {
                        r = set_flag(f, row, "true", em);
                        if (r < 0)
                                return r;
                        continue;
                }
                if (p[1])
                        return set_flag(f, row, p + 1, em);
                if (*i + 1 >= argc)
                        return errmsg_fail(em, -EINVAL, "flag needs an argument: '%c' in %s", *p,
                                           whole);
                return set_flag(f, row, argv[++*i], em);
        }
        return 0;
}

int flags_parse(struct flags *f, int argc, char *const *argv, struct errmsg *em) {
        bool only_words = false;
        int r;

        *f = (struct flags){};
        r = set_defaults(f, em);
        for (int i = 1; i < argc && r >= 0; i++) {
                if (only_words || argv[i][0] != '-' || !argv[i][1])
                        r = str_list_add(&f->instances, argv[i]);
                else if (str_eq(argv[i], "--"))
                        only_words = true;
                else if (argv[i][1] == '-')
                        r = take_long(f, argc, argv, &i, em);
                else
                        r = take_letters(f, argc, argv, &i, em);
        }
        return r;
}

/* --- environment and file -------------------------------------------------------------------- */

/* The value of a variable, NULL when it is unset or empty. */
static const char *env_get(char *const *env, const char *name) {
        const char *value;

        for (; env && *env; env++) {
                value = str_after(*env, name);
                if (value && value[0] == '=' && value[1])
                        return value + 1;
        }
        return NULL;
}

/* CSQL_PROXY_ and the name in capitals. */
static void env_name(const char *field, char ret[NAME_MAX_BYTES]) {
        size_t i = STRLEN(ENV_PREFIX);

        memcpy(ret, ENV_PREFIX, i);
        for (; *field && i < NAME_MAX_BYTES - 1; field++)
                ret[i++] = *field >= 'a' && *field <= 'z' ? (char) (*field - 32) : *field;
        ret[i] = 0;
}

static int fill_one(struct flags *f, const struct flag_row *row, char *const *env,
                    const struct strmap *file, void (*ignored)(const char *text)) {
        char name[NAME_MAX_BYTES];
        struct errmsg em = {};
        const char *value;
        int r;

        env_name(row->name, name);
        value = env_get(env, name);
        if (!value) {
                dashed(row->name, name);
                value = strmap_get(file, name);
        }
        if (!value)
                return 0;
        r = set_flag(f, row, value, &em);
        if (r == -ENOMEM)
                return r;
        if (r < 0 && ignored) {
                errmsg_prefix(&em, "ignoring %s", name);
                ignored(em.text);
        }
        return 0;
}

/* NAME, else NAME_0, then NAME_1 and so on up to the first gap. */
static int numbered(struct flags *f, const char *(*get)(const void *ctx, const char *name),
                    const void *ctx, const char *base, char separator) {
        char name[NAME_MAX_BYTES];
        const char *value = get(ctx, base);
        int r = 0;

        if (!value) {
                snprintf(name, sizeof name, "%s%c0", base, separator);
                value = get(ctx, name);
        }
        for (unsigned i = 1; value && r >= 0 && i <= INSTANCES_MAX; i++) {
                r = str_list_add(&f->instances, value);
                snprintf(name, sizeof name, "%s%c%u", base, separator, i);
                value = get(ctx, name);
        }
        return r;
}

static const char *get_env(const void *ctx, const char *name) {
        return env_get((char *const *) ctx, name);
}

static const char *get_file(const void *ctx, const char *name) {
        const char *value = strmap_get(ctx, name);

        return value && *value ? value : NULL;
}

static void free_value(void *value) {
        mem_free(value);
}

int flags_fill(struct flags *f, char *const *env, void (*ignored)(const char *text),
               struct errmsg *em) {
        struct strmap file = {};
        const char *path = f->config_file;
        int r = 0;

        strmap_init(&file, free_value);
        if (!f->is_set[FLAGS_config_file])
                path = env_get(env, ENV_PREFIX "CONFIG_FILE") ?: path;
        if (*path)
                r = flags_file_load(path, &file, em);
        for (size_t i = 0; i < ARRAY_SIZE(rows) && r >= 0; i++)
                if (!f->is_set[i])
                        r = fill_one(f, rows + i, env, &file, ignored);
        if (r >= 0 && !f->instances)
                r = numbered(f, get_env, env, ENV_PREFIX "INSTANCE_CONNECTION_NAME", '_');
        if (r >= 0 && !f->instances)
                r = numbered(f, get_file, &file, "instance-connection-name", '-');
        strmap_done(&file);
        return r;
}

/* --- rows for others ------------------------------------------------------------------------- */

int flags_check(const struct flags *f, struct errmsg *em) {
        char name[NAME_MAX_BYTES];
        int r = flags_rules(f, em);

        for (size_t i = 0; i < ARRAY_SIZE(rows) && r >= 0; i++) {
                const struct flag_row *row = rows + i;
                const void *field = (const char *) f + row->offset;

                if (!row->refusal || !f->is_set[i])
                        continue;
                if (row->type == FLAG_BOOL && !*(const bool *) field)
                        continue;
                dashed(row->name, name);
                r = errmsg_fail(em, -EINVAL, "--%s is not supported: %s", name, row->refusal);
        }
        return r;
}

void flags_print_rows(FILE *to) {
        static const char *const words[] = {" string", "[=true|false]", " int", " uint",
                                            " duration"};
        char name[NAME_MAX_BYTES], left[NAME_MAX_BYTES + 32];

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                const struct flag_row *row = rows + i;
                bool has_default = *row->def && !str_eq(row->def, "false") &&
                                   !str_eq(row->def, "0") && !str_eq(row->def, "0s");
                const char *quote = row->type == FLAG_STRING ? "\"" : "";

                dashed(row->name, name);
                if (row->letter)
                        snprintf(left, sizeof left, "  -%c, --%s%s", row->letter, name,
                                 words[row->type]);
                else
                        snprintf(left, sizeof left, "      --%s%s", name, words[row->type]);
                fprintf(to, "%-52s %s", left, row->usage);
                if (has_default)
                        fprintf(to, " (default %s%s%s)", quote, row->def, quote);
                fputc('\n', to);
        }
        fprintf(to, "%-52s %s\n", "  -h, --help", "Display help information");
        fprintf(to, "%-52s %s\n", "  -v, --version", "Print the version");
}
