/* From text to bit sets, field by field. */
#include <errno.h>
#include <string.h>

#include "daemons/scheduler/core/cron.h"
#include "lib/base/str.h"

enum field_kind { FIELD_MINUTE, FIELD_HOUR, FIELD_DAY, FIELD_MONTH, FIELD_WEEKDAY, FIELD_SECOND };

#define FIELDS_MAX 6
#define WORD_MAX 48

static const char *const month_names[] = {"jan", "feb", "mar", "apr", "may", "jun",
                                          "jul", "aug", "sep", "oct", "nov", "dec"};
static const char *const weekday_names[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

static const struct field {
        const char *name;
        int min;
        int max;
        const char *const *names;
        int n_names; /* the first one means min */
} fields[FIELDS_MAX] = {
        [FIELD_MINUTE] = {"minute", 0, 59, NULL, 0},
        [FIELD_HOUR] = {"hour", 0, 23, NULL, 0},
        [FIELD_DAY] = {"day of month", 1, 31, NULL, 0},
        [FIELD_MONTH] = {"month", 1, 12, month_names, ARRAY_SIZE(month_names)},
        [FIELD_WEEKDAY] = {"day of week", 0, 7, weekday_names, ARRAY_SIZE(weekday_names)},
        [FIELD_SECOND] = {"second", 0, 59, NULL, 0},
};

static const struct {
        const char *name;
        const char *cron;
} presets[] = {
        {"@hourly", "0 * * * *"}, {"@daily", "0 0 * * *"},    {"@midnight", "0 0 * * *"},
        {"@weekly", "0 0 * * 0"}, {"@monthly", "0 0 1 * *"},  {"@quarterly", "0 0 1 */3 *"},
        {"@yearly", "0 0 1 1 *"}, {"@annually", "0 0 1 1 *"},
};

static int fail(struct errmsg *em, const struct field *f, const char *word, const char *why) {
        return errmsg_fail(em, -EINVAL, "%s \"%s\": %s", f->name, word, why);
}

/* One number or name. */
static int parse_value(const struct field *f, const char *word, const char *text, int *ret,
                       struct errmsg *em) {
        int v;

        for (int i = 0; i < f->n_names; i++)
                if (str_eq(f->names[i], text)) {
                        *ret = f->min + i;
                        return 0;
                }
        if (str_to_int(text, &v) < 0 || *text == '-' || *text == '+')
                return fail(em, f, word,
                            f->names ? "is neither a number nor a name of three letters"
                                     : "is not a number");
        if (v < f->min || v > f->max)
                return errmsg_fail(em, -EINVAL, "%s \"%s\": %d is not between %d and %d", f->name,
                                   word, v, f->min, f->max);
        *ret = v;
        return 0;
}

/* The greatest value of a cycle: weekday 7 is another name of weekday 0. */
static int cycle_max(const struct field *f) {
        return f == &fields[FIELD_WEEKDAY] ? 6 : f->max;
}

static int in_cycle(const struct field *f, int v) {
        assert(v >= f->min && v <= f->max);
        return v > cycle_max(f) ? f->min : v;
}

/* Adds from, from + step, … up to `to`, wrapping around the field when `to` is before `from`. */
static void add_range(const struct field *f, int from, int to, int step, uint64_t *set) {
        int span = cycle_max(f) - f->min + 1;

        if (to < from)
                to += span;
        assert(step > 0 && from >= f->min);
        for (int v = from; v <= to; v += step)
                *set |= UINT64_C(1) << (f->min + (v - f->min) % span);
}

static int parse_step(const struct field *f, const char *word, const char *text, int *ret,
                      struct errmsg *em) {
        if (str_to_int(text, ret) < 0 || *text == '+' || *ret <= 0)
                return fail(em, f, word, "the step after \"/\" must be a whole number above 0");
        *ret = MIN(*ret, 1000);
        return 0;
}

/* "*", "a", "a-b", each with "/step"; the word is not changed. */
static int parse_range(const struct field *f, const char *word, uint64_t *set, struct errmsg *em) {
        char text[WORD_MAX];
        char *slash, *dash;
        int from, to, step = 1, r;

        assert(strlen(word) < sizeof(text));
        (void) str_copy(text, sizeof(text), word);
        slash = strchr(text, '/');
        if (slash) {
                *slash = 0;
                r = parse_step(f, word, slash + 1, &step, em);
                if (r < 0)
                        return r;
        }
        if (str_eq(text, "*")) {
                add_range(f, f->min, cycle_max(f), step, set);
                return 0;
        }
        dash = strchr(text, '-');
        if (dash)
                *dash = 0;
        r = parse_value(f, word, text, &from, em);
        if (r < 0)
                return r;
        to = from;
        if (dash) {
                r = parse_value(f, word, dash + 1, &to, em);
                if (r < 0)
                        return r;
        }
        from = in_cycle(f, from);
        to = in_cycle(f, to);
        if (dash && from == to) { /* a-a: the whole cycle, as croniter reads it */
                from = f->min;
                to = cycle_max(f);
        } else if (slash && !dash)
                to = cycle_max(f);
        add_range(f, from, to, step, set);
        return 0;
}

/* What only the day field has: L, LW, nW, Wn. Answers 1 when the word is none of them. */
static int parse_day_special(const char *word, struct cron *c, struct errmsg *em) {
        const struct field *f = &fields[FIELD_DAY];
        char text[WORD_MAX];
        size_t n = strlen(word);
        int day, r;

        if (str_eq(word, "l")) {
                c->last_day = true;
                return 0;
        }
        if (str_eq(word, "lw") || str_eq(word, "wl")) {
                c->last_weekday = true;
                return 0;
        }
        if (n < 2 || (word[0] != 'w' && word[n - 1] != 'w'))
                return 1;
        (void) str_copy(text, sizeof(text), word[0] == 'w' ? word + 1 : word);
        if (word[0] != 'w')
                text[n - 1] = 0;
        r = parse_value(f, word, text, &day, em);
        if (r < 0)
                return r;
        c->nearest |= UINT32_C(1) << day;
        return 0;
}

/* What only the weekday field has: n#k, Ln, nL. Answers 1 when the word is none of them. */
static int parse_weekday_special(const char *word, struct cron *c, struct errmsg *em) {
        const struct field *f = &fields[FIELD_WEEKDAY];
        char text[WORD_MAX];
        char *hash;
        size_t n = strlen(word);
        int weekday, nth = 0, r;

        (void) str_copy(text, sizeof(text), word);
        hash = strchr(text, '#');
        if (hash) {
                *hash = 0;
                if (str_eq(hash + 1, "l"))
                        nth = 0;
                else if (str_to_int(hash + 1, &nth) < 0 || nth < 1 || nth > 5)
                        return fail(em, f, word, "after \"#\" stands 1 to 5, or L for the last");
        } else if (n >= 2 && word[0] == 'l')
                (void) str_copy(text, sizeof(text), word + 1);
        else if (n >= 2 && word[n - 1] == 'l')
                text[n - 1] = 0;
        else
                return 1;

        r = parse_value(f, word, text, &weekday, em);
        if (r < 0)
                return r;
        c->nth[weekday % 7] |= (uint8_t) (1u << nth);
        return 0;
}

static int parse_word(enum field_kind kind, const char *word, struct cron *c, uint64_t *set,
                      struct errmsg *em) {
        int r = 1;

        if (kind == FIELD_DAY)
                r = parse_day_special(word, c, em);
        else if (kind == FIELD_WEEKDAY)
                r = parse_weekday_special(word, c, em);
        return r == 1 ? parse_range(&fields[kind], word, set, em) : r;
}

static bool is_any(enum field_kind kind, const char *text) {
        return str_eq(text, "*") ||
               ((kind == FIELD_DAY || kind == FIELD_WEEKDAY) && str_eq(text, "?"));
}

/* Is one of the list's items a star? */
static bool has_star_item(const char *text) {
        for (const char *p = strchr(text, '*'); p; p = strchr(p + 1, '*'))
                if ((p == text || p[-1] == ',') && (!p[1] || p[1] == ','))
                        return true;
        return false;
}

/* croniter keeps what stands beside a star, and no longer takes the field for one. */
static bool has_star_among_others(const char *text) {
        return has_star_item(text) && text[strspn(text, "*,")];
}

/* A comma-separated list. */
static int parse_field(enum field_kind kind, const char *text, struct cron *c, uint64_t *ret_set,
                       struct errmsg *em) {
        const struct field *f = &fields[kind];
        const char *p = text;
        uint64_t set = 0;

        if (is_any(kind, text))
                text = p = "*";
        for (;;) {
                size_t n = strcspn(p, ",");
                char word[WORD_MAX];
                int r;

                if (n == 0)
                        return fail(em, f, text, "has an empty item in its list");
                if (n >= sizeof(word))
                        return fail(em, f, text, "has an item that is too long");
                memcpy(word, p, n);
                word[n] = 0;
                r = parse_word(kind, word, c, &set, em);
                if (r < 0)
                        return r;
                if (!p[n])
                        break;
                p += n + 1;
        }
        *ret_set = set;
        return 0;
}

/* Splits into words at blanks, lower case. Answers how many there are, at most n + 1. */
static size_t split_fields(char *text, char *words[FIELDS_MAX + 1]) {
        size_t n = 0;
        char *save = NULL;

        str_lower(text);
        for (char *w = strtok_r(text, " \t\n\r", &save); w && n <= FIELDS_MAX;
             w = strtok_r(NULL, " \t\n\r", &save))
                words[n++] = w;
        return n;
}

static int expand_preset(const char *text, char *dst, size_t size, struct errmsg *em) {
        const char *names[ARRAY_SIZE(presets)];
        const char *near;

        if (*text != '@') {
                if (str_copy(dst, size, text) < 0)
                        return errmsg_fail(em, -EINVAL, "is longer than %zu bytes", size - 1);
                return 0;
        }
        for (size_t i = 0; i < ARRAY_SIZE(presets); i++) {
                names[i] = presets[i].name;
                if (str_eq_fold(presets[i].name, text))
                        return str_copy(dst, size, presets[i].cron);
        }
        near = str_nearest(text, names, ARRAY_SIZE(names));
        return errmsg_fail(em, -EINVAL, "\"%.40s\" is no preset: did you mean \"%s\"?", text,
                           near ? near : "@daily");
}

static int parse_fields(char *const *words, size_t n_words, struct cron *c, struct errmsg *em) {
        uint64_t sets[FIELDS_MAX] = {[FIELD_SECOND] = 1};

        for (size_t i = 0; i < n_words; i++) {
                int r = parse_field((enum field_kind) i, words[i], c, &sets[i], em);

                if (r < 0)
                        return r;
        }
        c->minutes = sets[FIELD_MINUTE];
        c->hours = (uint32_t) sets[FIELD_HOUR];
        c->days = (uint32_t) sets[FIELD_DAY];
        c->months = (uint16_t) sets[FIELD_MONTH];
        c->weekdays = (uint8_t) (sets[FIELD_WEEKDAY] & 0x7f);
        c->seconds = sets[FIELD_SECOND];
        return 0;
}

#define ALL_DAYS UINT32_C(0xfffffffe) /* 1 to 31 */
#define ALL_WEEKDAYS 0x7f

int cron_parse(const char *text, struct cron *ret, struct errmsg *em) {
        char copy[CRON_TEXT_MAX];
        char *words[FIELDS_MAX + 1];
        struct cron c = {};
        bool has_star[2];
        size_t n_words;
        int64_t unused;
        int r;

        r = expand_preset(text, copy, sizeof(copy), em);
        if (r < 0)
                return r;
        n_words = split_fields(copy, words);
        if (n_words != 5 && n_words != 6)
                return errmsg_fail(em, -EINVAL,
                                   "has %zu%s fields, not 5 (minute hour day month weekday) or 6 "
                                   "(with seconds at the end)",
                                   n_words, n_words > FIELDS_MAX ? " or more" : "");
        c.any_day = is_any(FIELD_DAY, words[FIELD_DAY]) || has_star_item(words[FIELD_DAY]);
        c.any_weekday =
                is_any(FIELD_WEEKDAY, words[FIELD_WEEKDAY]) || has_star_item(words[FIELD_WEEKDAY]);
        has_star[0] = strchr(words[FIELD_DAY], '*');
        has_star[1] = strchr(words[FIELD_WEEKDAY], '*');
        r = parse_fields(words, n_words, &c, em);
        if (r < 0)
                return r;
        /* as croniter: all of a field is the same as its star where the other has one */
        c.any_day |= has_star[1] && c.days == ALL_DAYS;
        c.any_weekday |= has_star[0] && c.weekdays == ALL_WEEKDAYS;
        c.has_seconds = n_words == 6;
        c.every_hour =
                c.hours == (UINT32_C(1) << 24) - 1 && !has_star_among_others(words[FIELD_HOUR]);
        if (cron_next(&c, 0, &unused) != 0)
                return errmsg_fail(em, -EINVAL, "names no day that ever comes");
        *ret = c;
        return 0;
}
