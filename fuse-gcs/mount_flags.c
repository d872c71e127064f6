#include "fuse-gcs/mount_flags.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/str.h"

static const struct mount_flags_row mount_flags_rows[] = {
#define FLAG(id, name, key, type, def, use, help) {name, key, FLAGS_##type, def, FLAGS_##use, help},
#include "fuse-gcs/mount_flags.def"
#undef FLAG
};

void mount_flags_done(struct mount_flags *f) {
        for (size_t i = 0; i < FLAGS_N; i++)
                mem_free(f->values[i]);
        mem_free(f->config_file);
        mem_free(f->words[0]);
        mem_free(f->words[1]);
        *f = (struct mount_flags){};
}

const struct mount_flags_row *mount_flags_row(enum mount_flags_id id) {
        return &mount_flags_rows[id];
}

static bool mount_flags_same(const char *a, const char *b) {
        for (; *a && *b; a++, b++)
                if (*a != *b && !((*a == '-' || *a == '_') && (*b == '-' || *b == '_')))
                        return false;
        return *a == *b;
}

int mount_flags_find(const char *name) {
        for (int i = 0; i < FLAGS_N; i++)
                if (mount_flags_same(mount_flags_rows[i].name, name))
                        return i;
        return -1;
}

int mount_flags_find_key(const char *key) {
        for (int i = 0; i < FLAGS_N; i++)
                if (*key && str_eq(mount_flags_rows[i].key, key))
                        return i;
        return -1;
}

/* --- values ---------------------------------------------------------------------------------- */

/* Go's durations: "1h30m", "1.5s", "300ms"; one bare 0. */
static int mount_flags_parse_duration(const char *s, usec_t *ret) {
        static const struct {
                const char *unit;
                double usec;
        } units[] = {{"ms", 1e3}, {"us", 1}, {"ns", 1e-3}, {"h", 3.6e9}, {"m", 6e7}, {"s", 1e6}};
        double sum = 0;

        if (str_eq(s, "0")) {
                *ret = 0;
                return 0;
        }
        if (!*s)
                return -EINVAL;
        while (*s) {
                size_t k = 0;
                char *end;
                double v;

                if ((*s < '0' || *s > '9') && *s != '.')
                        return -EINVAL;
                v = strtod(s, &end);
                while (k < ARRAY_SIZE(units) && !str_starts(end, units[k].unit))
                        k++;
                if (k == ARRAY_SIZE(units) || end == s)
                        return -EINVAL;
                sum += v * units[k].usec;
                s = end + strlen(units[k].unit);
        }
        if (sum > 1e17)
                return -ERANGE;
        *ret = (usec_t) sum;
        return 0;
}

static int mount_flags_parse_octal(const char *s, int64_t *ret) {
        int64_t v = 0;

        for (const char *p = s; *p; p++) {
                if (*p < '0' || *p > '7' || p - s > 5)
                        return -EINVAL;
                v = v * 8 + (*p - '0');
        }
        if (!*s || v > 0777)
                return -EINVAL;
        *ret = v;
        return 0;
}

static int mount_flags_check_value(enum mount_flags_type type, const char *value) {
        int64_t i;
        double d;
        usec_t u;
        bool b;

        switch (type) {
        case FLAGS_BOOL:
                if (str_eq_fold(value, "t") || str_eq_fold(value, "f"))
                        return 0;
                return str_to_bool(value, &b);
        case FLAGS_INT:
                return str_to_i64(value, &i);
        case FLAGS_FLOAT:
                return str_to_f64(value, &d);
        case FLAGS_DURATION:
                return mount_flags_parse_duration(value, &u);
        case FLAGS_OCTAL:
                return mount_flags_parse_octal(value, &i);
        default:
                return 0;
        }
}

static const char *mount_flags_wanted(enum mount_flags_type type) {
        static const char *const words[] = {
                [FLAGS_BOOL] = "true or false",  [FLAGS_INT] = "a whole number",
                [FLAGS_FLOAT] = "a number",      [FLAGS_DURATION] = "a time as 1h30m, 10s or 300ms",
                [FLAGS_OCTAL] = "a mode as 644", [FLAGS_STRING] = "text",
                [FLAGS_LIST] = "options",
        };

        return words[type];
}

int mount_flags_set(struct mount_flags *f, enum mount_flags_id id, const char *value,
                    enum mount_flags_origin origin, struct errmsg *em) {
        const struct mount_flags_row *row = &mount_flags_rows[id];
        char *copy;

        if (mount_flags_check_value(row->type, value) < 0)
                return errmsg_fail(em, -EINVAL, "--%s=%.80s: want %s", row->name, value,
                                   mount_flags_wanted(row->type));
        if (f->values[id] && origin < f->origins[id])
                return 0;
        if (row->type == FLAGS_LIST && f->values[id] && f->origins[id] == origin)
                copy = str_printf("%s,%s", f->values[id], value);
        else
                copy = mem_strdup(value);
        if (!copy)
                return -ENOMEM;
        mem_free(f->values[id]);
        f->values[id] = copy;
        f->origins[id] = origin;
        return 0;
}

const char *mount_flags_str(const struct mount_flags *f, enum mount_flags_id id) {
        return f->values[id] ?: mount_flags_rows[id].def;
}

bool mount_flags_bool(const struct mount_flags *f, enum mount_flags_id id) {
        const char *s = mount_flags_str(f, id);
        bool b;

        if (str_to_bool(s, &b) < 0)
                b = str_eq_fold(s, "t");
        return b;
}

int64_t mount_flags_int(const struct mount_flags *f, enum mount_flags_id id) {
        int64_t v = 0;

        if (mount_flags_rows[id].type == FLAGS_OCTAL)
                (void) mount_flags_parse_octal(mount_flags_str(f, id), &v);
        else
                (void) str_to_i64(mount_flags_str(f, id), &v);
        return v;
}

double mount_flags_float(const struct mount_flags *f, enum mount_flags_id id) {
        double v = 0;

        (void) str_to_f64(mount_flags_str(f, id), &v);
        return v;
}

usec_t mount_flags_duration(const struct mount_flags *f, enum mount_flags_id id) {
        usec_t v = 0;

        (void) mount_flags_parse_duration(mount_flags_str(f, id), &v);
        return v;
}

bool mount_flags_is_set(const struct mount_flags *f, enum mount_flags_id id) {
        return f->values[id] && f->origins[id] > FLAGS_DEFAULT;
}

/* --- the command line ------------------------------------------------------------------------ */

static int mount_flags_unknown(const char *name, struct errmsg *em) {
        const char *names[FLAGS_N], *near;

        for (size_t i = 0; i < FLAGS_N; i++)
                names[i] = mount_flags_rows[i].name;
        near = str_nearest(name, names, FLAGS_N);
        return errmsg_fail(em, -EINVAL, "unknown flag: --%.80s%s%s%s", name,
                           near ? ": did you mean --" : "", near ?: "", near ? "?" : "");
}

static int mount_flags_own_option(struct mount_flags *f, const char *name, const char *value,
                                  bool *ret_used) {
        if (str_eq(name, "help") || str_eq(name, "h"))
                f->wants_help = true;
        else if (str_eq(name, "version") || str_eq(name, "v"))
                f->wants_version = true;
        else if (str_eq(name, "config-file")) {
                if (!value)
                        return -EINVAL;
                mem_free(f->config_file);
                f->config_file = mem_strdup(value);
                *ret_used = true;
                return f->config_file ? 0 : -ENOMEM;
        } else {
                return 1;
        }
        return 0;
}

/* arg begins with a "-". *ret_used: next was its value. */
static int mount_flags_parse_one(struct mount_flags *f, const char *arg, const char *next,
                                 bool *ret_used, struct errmsg *em) {
        const char *body = arg + (str_starts(arg, "--") ? 2 : 1), *equals = strchr(body, '=');
        _cleanup_free_ char *name =
                equals ? mem_strndup(body, (size_t) (equals - body)) : mem_strdup(body);
        const char *value = equals ? equals + 1 : next;
        bool used = false;
        int id, r;

        if (!name)
                return -ENOMEM;
        r = mount_flags_own_option(f, name, value, &used);
        if (r == -EINVAL)
                return errmsg_fail(em, r, "--config-file wants a file");
        if (r <= 0) {
                *ret_used = used && !equals;
                return r;
        }
        id = mount_flags_find(name);
        if (id < 0)
                return mount_flags_unknown(name, em);
        if (mount_flags_rows[id].type == FLAGS_BOOL)
                return mount_flags_set(f, (enum mount_flags_id) id, equals ? value : "true",
                                       FLAGS_ARGV, em);
        if (!value)
                return errmsg_fail(em, -EINVAL, "--%s wants %s", name,
                                   mount_flags_wanted(mount_flags_rows[id].type));
        *ret_used = !equals;
        return mount_flags_set(f, (enum mount_flags_id) id, value, FLAGS_ARGV, em);
}

int mount_flags_parse(struct mount_flags *f, int argc, char *const *argv, struct errmsg *em) {
        const char *extra = NULL;
        size_t n_more = 0;
        bool only_words = false;

        for (int i = 0; i < argc; i++) {
                bool used = false;
                int r = 0;

                if (!only_words && str_eq(argv[i], "--")) {
                        only_words = true;
                } else if (!only_words && argv[i][0] == '-' && argv[i][1]) {
                        r = mount_flags_parse_one(f, argv[i], i + 1 < argc ? argv[i + 1] : NULL,
                                                  &used, em);
                        i += used;
                } else if (f->n_words == ARRAY_SIZE(f->words)) {
                        if (n_more++ == 0)
                                extra = argv[i];
                } else {
                        f->words[f->n_words] = mem_strdup(argv[i]);
                        r = f->words[f->n_words++] ? 0 : -ENOMEM;
                }
                if (r < 0)
                        return r;
        }
        /* gcsfuse's words, in which the command counts, too. */
        if (extra)
                return errmsg_fail(em, -EINVAL,
                                   "Error: accepts between 2 and 3 arg(s), received %zu: %.80s is "
                                   "one word too many: want [flags] [BUCKET] MOUNTPOINT",
                                   1 + f->n_words + n_more, extra);
        return 0;
}

/* --- help ------------------------------------------------------------------------------------ */

void mount_flags_print_help(FILE *to) {
        fputs("usage: fuse-gcs [flags] [BUCKET] MOUNTPOINT\n\n"
              "Shows a Cloud Storage bucket as a directory; without one, each bucket by its name.\n"
              "Flags and the keys of --config-file "
              "are\n"
              "gcsfuse's; those that have no effect here are taken and not listed.\n\n"
              "      --config-file FILE   YAML with the same settings\n"
              "  -h, --help               this text\n"
              "  -v, --version            the version\n",
              to);
        for (size_t i = 0; i < FLAGS_N; i++)
                if (mount_flags_rows[i].use == FLAGS_USED)
                        fprintf(to, "  %s%s%s%s%s\n          %s\n", i == FLAGS_o ? "-" : "--",
                                mount_flags_rows[i].name, *mount_flags_rows[i].def ? " (" : "",
                                mount_flags_rows[i].def, *mount_flags_rows[i].def ? ")" : "",
                                mount_flags_rows[i].help);
}
