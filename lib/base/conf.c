/* conf: see conf.h. Values are parsed into a scratch value first, so that a bad one leaves the
 * target as it was. */
#include "lib/base/conf.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/conf_airflow.h"
#include "lib/base/fileio.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

#define FILE_MAX ((size_t) 1024 * 1024)
#define N_NAMES_MAX 128 /* candidates for "did you mean" */

static const char *const sections[] = {
#define SECTION(name, help) #name,
#include "lib/base/conf_sections.def"
#undef SECTION
};

union value {
        char *string;
        bool flag;
        uint64_t number;
        char **list;
};

static const char *type_words(enum conf_type type) {
        static const char *const words[] = {
                [CONF_STRING] = "text",
                [CONF_BOOL] = "yes or no",
                [CONF_UINT] = "a whole number",
                [CONF_SPAN] = "a time span such as 15s or 1h 30min",
                [CONF_SIZE] = "a size such as 64M",
                [CONF_LIST] = "words",
        };

        return words[type];
}

static size_t type_size(enum conf_type type) {
        switch (type) {
        case CONF_STRING:
        case CONF_LIST:
                return sizeof(char *);
        case CONF_BOOL:
                return sizeof(bool);
        default:
                return sizeof(uint64_t);
        }
}

static int parse_value(const struct conf_key *k, const char *text, union value *ret) {
        switch (k->type) {
        case CONF_STRING:
                ret->string = mem_strdup(text);
                return ret->string ? 0 : -ENOMEM;
        case CONF_BOOL:
                return str_to_bool(text, &ret->flag);
        case CONF_UINT:
                return str_to_u64(text, &ret->number);
        case CONF_SPAN:
                return str_to_span(text, &ret->number);
        case CONF_SIZE:
                return str_to_size(text, &ret->number);
        case CONF_LIST:
                ret->list = str_split(text, " \t,");
                return ret->list ? 0 : -ENOMEM;
        }
        return -EINVAL;
}

static void free_field(const struct conf_key *k, char *field) {
        union value v = {};

        memcpy(&v, field, type_size(k->type));
        if (k->type == CONF_STRING)
                mem_free(v.string);
        else if (k->type == CONF_LIST)
                str_free_list(v.list);
}

static void set_field(const struct conf_key *k, char *field, const union value *v) {
        free_field(k, field);
        memcpy(field, v, type_size(k->type));
}

static bool same_words(char *const *a, char *const *b) {
        size_t n = str_count(a), i = 0;

        while (i < n && b && b[i] && strcmp(a[i], b[i]) == 0)
                i++;
        return i == n && str_count(b) == n;
}

/* Does the field hold what its row says? Then a first assignment replaces it. */
static int is_default_list(const struct conf_key *k, const char *field) {
        union value standard = {};
        char **list;
        int r = k->default_text ? parse_value(k, k->default_text, &standard) : 0;

        if (r < 0)
                return r;
        memcpy(&list, field, sizeof(list));
        r = same_words(list, standard.list);
        str_free_list(standard.list);
        return r;
}

/* The words of `more` go behind those of the field; more is emptied. */
static int assign_list(const struct conf_key *k, char *field, union value *more) {
        int r = is_default_list(k, field);
        char **list;

        memcpy(&list, field, sizeof(list));
        if (r > 0) {
                str_free_list(list);
                list = NULL;
        }
        for (char **s = more->list; *s && r >= 0; s++)
                r = str_list_add(&list, *s);
        memcpy(field, &list, sizeof(list));
        str_free_list(more->list);
        return r < 0 ? r : 0;
}

static int set_default(const struct conf_key *k, void *target, struct errmsg *em) {
        char *field = (char *) target + k->offset;
        union value v = {};
        int r;

        if (k->default_text && !(k->type == CONF_LIST && !*k->default_text)) {
                r = parse_value(k, k->default_text, &v);
                if (r < 0)
                        return errmsg_fail(em, r, "[%s] %s: the default \"%s\" is not %s",
                                           k->section, k->key, k->default_text,
                                           type_words(k->type));
        }
        set_field(k, field, &v);
        return 0;
}

int conf_defaults(const struct conf_table *t, void *target, struct errmsg *em) {
        for (size_t i = 0; i < t->n_keys; i++) {
                int r = set_default(&t->keys[i], target, em);

                if (r < 0)
                        return r;
        }
        return 0;
}

void conf_done(const struct conf_table *t, void *target) {
        for (size_t i = 0; i < t->n_keys; i++) {
                char *field = (char *) target + t->keys[i].offset;

                free_field(&t->keys[i], field);
                memset(field, 0, type_size(t->keys[i].type));
        }
}

const struct conf_key *conf_find(const struct conf_table *t, const char *section, const char *key) {
        for (size_t i = 0; i < t->n_keys; i++)
                if (strcmp(t->keys[i].section, section) == 0 && strcmp(t->keys[i].key, key) == 0)
                        return &t->keys[i];
        return NULL;
}

static bool has_section(const struct conf_table *t, const char *section) {
        for (size_t i = 0; i < t->n_keys; i++)
                if (strcmp(t->keys[i].section, section) == 0)
                        return true;
        return false;
}

static int fail_unknown(struct errmsg *em, int error, const char *what, const char *name,
                        const char *place, const char *near) {
        return errmsg_fail(em, error, "unknown %s \"%s\"%s%s%s", what, name, place,
                           near ? ", did you mean " : "", near ? near : "");
}

static int fail_key(const struct conf_table *t, const char *section, const char *key,
                    struct errmsg *em) {
        const char *names[N_NAMES_MAX], *near;
        char place[80], quoted[80];
        size_t n = 0;

        for (size_t i = 0; i < t->n_keys && n < N_NAMES_MAX; i++)
                if (strcmp(t->keys[i].section, section) == 0)
                        names[n++] = t->keys[i].key;
        near = str_nearest(key, names, n);
        (void) snprintf(place, sizeof(place), " in [%.60s]", section);
        (void) snprintf(quoted, sizeof(quoted), "\"%.60s\"?", near ? near : "");
        return fail_unknown(em, -ENOENT, "key", key, place, near ? quoted : NULL);
}

static int assign(const struct conf_key *k, const char *value, void *target, struct errmsg *em) {
        char *field = (char *) target + k->offset;
        union value v = {};
        int r;

        if (!*value && k->type != CONF_LIST)
                return set_default(k, target, em);
        if (!*value) {
                set_field(k, field, &v);
                return 0;
        }
        r = parse_value(k, value, &v);
        if (r == -ENOMEM)
                return errmsg_fail(em, r, "out of memory");
        if (r < 0)
                return errmsg_fail(em, -EINVAL, "%s = %.100s is %s: %s is wanted", k->key, value,
                                   r == -ERANGE ? "out of range" : "not understood",
                                   type_words(k->type));
        if (k->type == CONF_LIST)
                return assign_list(k, field, &v);
        set_field(k, field, &v);
        return 0;
}

int conf_set(const struct conf_table *t, const char *section, const char *key, const char *value,
             void *target, struct errmsg *em) {
        const struct conf_key *k = conf_find(t, section, key);

        return k ? assign(k, value, target, em) : fail_key(t, section, key, em);
}

struct reader {
        const struct conf_table *t;
        void *target;
        struct errmsg *em;
        char section[64];
        bool foreign; /* the section is another daemon's */
};

static int read_section(struct reader *rd, char *line) {
        size_t n = strlen(line);
        char quoted[80];
        const char *near;

        if (line[n - 1] != ']')
                return errmsg_fail(rd->em, -EINVAL, "a section needs its closing ]");
        line[n - 1] = 0;
        line = str_strip(line + 1);
        rd->foreign = !has_section(rd->t, line);
        for (size_t i = 0; rd->foreign && i < ARRAY_SIZE(sections); i++)
                if (strcmp(sections[i], line) == 0)
                        return str_copy(rd->section, sizeof(rd->section), line);
        if (!rd->foreign)
                return str_copy(rd->section, sizeof(rd->section), line);
        near = str_nearest(line, sections, ARRAY_SIZE(sections));
        (void) snprintf(quoted, sizeof(quoted), "[%.60s]?", near ? near : "");
        return fail_unknown(rd->em, -EINVAL, "section", line, "", near ? quoted : NULL);
}

/* "…" around the whole value goes away. */
static char *unquote(char *value) {
        size_t n = strlen(value);

        if (n >= 2 && value[0] == '"' && value[n - 1] == '"') {
                value[n - 1] = 0;
                return value + 1;
        }
        return value;
}

static int read_line(struct reader *rd, char *line) {
        char *equals;
        int r;

        line = str_strip(line);
        if (!*line || *line == '#' || *line == ';')
                return 0;
        if (*line == '[')
                return read_section(rd, line);
        equals = strchr(line, '=');
        if (!equals || equals == line)
                return errmsg_fail(rd->em, -EINVAL,
                                   "\"%.60s\" is neither [section] nor key = value", line);
        if (!rd->section[0])
                return errmsg_fail(rd->em, -EINVAL, "a key before the first [section]");
        if (rd->foreign)
                return 0;
        *equals = 0;
        r = conf_set(rd->t, rd->section, str_strip(line), unquote(str_strip(equals + 1)),
                     rd->target, rd->em);
        return r == -ENOENT ? -EINVAL : r;
}

/* The line at *p, ended with NUL; lines that end in a backslash are joined by a blank. */
static char *next_line(char **p, unsigned *line_no) {
        char *line = *p, *end = line;

        for (;; end++) {
                end += strcspn(end, "\n");
                ++*line_no;
                if (*end == 0 || end == line || end[-1] != '\\')
                        break;
                end[-1] = end[0] = ' ';
        }
        *p = *end ? end + 1 : end;
        *end = 0;
        return line;
}

int conf_parse(const struct conf_table *t, const char *text, size_t len, const char *name,
               void *target, struct errmsg *em) {
        struct reader rd = {.t = t, .target = target, .em = em};
        _cleanup_free_ char *copy = mem_memdup(text, len);
        unsigned line_no = 0;

        if (!copy)
                return errmsg_fail(em, -ENOMEM, "%s: out of memory", name);
        if (strlen(copy) != len)
                return errmsg_fail(em, -EINVAL, "%s: a NUL byte: is this a text file?", name);
        for (char *p = copy; *p;) {
                unsigned first = line_no + 1;
                int r = read_line(&rd, next_line(&p, &line_no));

                if (r < 0) {
                        errmsg_prefix(em, "%s:%u", name, first);
                        return r;
                }
        }
        return 0;
}

/* A missing file is fine. */
static int parse_file(const struct conf_table *t, const char *path, void *target,
                      struct errmsg *em) {
        _cleanup_free_ char *text = NULL;
        size_t len;
        int r = fileio_read(path, FILE_MAX, &text, &len);

        if (r == -ENOENT)
                return 0;
        if (r < 0)
                return errmsg_errno(em, r, "%s", path);
        return conf_parse(t, text, len, path, target, em);
}

static int load_files(const struct conf_table *t, const char *path, void *target,
                      struct errmsg *em) {
        _cleanup_(str_free_listp) char **names = NULL;
        _cleanup_free_ char *dir = str_printf("%s.d", path);
        int r = conf_defaults(t, target, em);

        if (!dir)
                return errmsg_fail(em, -ENOMEM, "%s: out of memory", path);
        if (r >= 0)
                r = parse_file(t, path, target, em);
        if (r < 0)
                return r;
        r = fileio_list(dir, ".conf", &names);
        if (r == -ENOENT)
                return 0;
        if (r < 0)
                return errmsg_errno(em, r, "%s", dir);
        for (char **name = names; *name && r >= 0; name++) {
                _cleanup_free_ char *file = str_printf("%s/%s", dir, *name);

                r = file ? parse_file(t, file, target, em)
                         : errmsg_fail(em, -ENOMEM, "%s: out of memory", path);
        }
        return r;
}

int conf_load(const struct conf_table *t, const char *path, void *target, struct errmsg *em) {
        int r = load_files(t, path, target, em);

        return r < 0 ? r : conf_airflow_apply(t, target, em);
}
