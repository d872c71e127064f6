#include "lib/db/db_sql.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <sys/types.h>

#include "lib/base/buf.h"
#include "lib/base/str.h"

struct text {
        const char *p, *start;
        enum db_dialect dialect;
        struct buf *out;
        struct db_sql_facts facts;
        const char *first_column; /* of the INSERT, as it is written */
        size_t n_first_column;
        bool says_conflict;
};

static bool is_word(char c) {
        return isalnum((unsigned char) c) || c == '_';
}

/* Length of what is quoted or commented at `p`, 0: nothing is; -EINVAL: it has no end. */
static ssize_t quoted(const char *p) {
        const char *end = NULL;

        if (*p == '\'' || *p == '"' || *p == '`')
                end = strchr(p + 1, *p); /* a doubled quote is two quoted pieces in a row */
        else if (p[0] == '-' && p[1] == '-')
                return (ssize_t) strcspn(p, "\n");
        else if (p[0] == '/' && p[1] == '*')
                end = strstr(p + 2, "*/");
        else
                return 0;
        if (!end)
                return -EINVAL;
        return end - p + (*p == '/' ? 2 : 1);
}

/* Does this word (or words, single blanks between) begin here? */
static bool at_word(const struct text *t, const char *word) {
        size_t n = strlen(word);

        if (t->p > t->start && is_word(t->p[-1]))
                return false;
        return strncmp(t->p, word, n) == 0 && !is_word(t->p[n]);
}

static size_t name_length(const char *p) {
        size_t n = 0;

        if (*p == '"') {
                const char *end = strchr(p + 1, '"');

                return end ? (size_t) (end - p) + 1 : 0;
        }
        while (is_word(p[n]))
                n++;
        return n;
}

/* "INSERT INTO name (first, …": keeps where `first` stands. */
static void note_insert(struct text *t) {
        const char *p = t->p + STRLEN("INSERT INTO");

        p += strspn(p, " \n");
        p += name_length(p);
        p += strspn(p, " \n");
        if (*p != '(')
                return;
        p++;
        p += strspn(p, " \n");
        t->first_column = p;
        t->n_first_column = name_length(p);
}

/* {sqlite|postgres|mysql}: the part of the dialect, its parameters counted. */
static int choose(struct text *t) {
        const char *part = t->p + 1, *end = strchr(t->p, '}');
        size_t n;

        if (!end)
                return -EINVAL;
        for (int i = 0; i < (int) t->dialect; i++) {
                n = strcspn(part, "|}");
                if (part[n] != '|')
                        return -EINVAL;
                part += n + 1;
        }
        n = strcspn(part, "|}");
        if (memmem(part, n, "ON CONFLICT", STRLEN("ON CONFLICT")) ||
            memmem(part, n, "ON DUPLICATE", STRLEN("ON DUPLICATE")))
                t->says_conflict = true;
        for (size_t i = 0; i < n; i++) {
                if (part[i] == '?' && t->dialect == DB_POSTGRES)
                        (void) buf_printf(t->out, "$%d", t->facts.n_params + 1);
                else
                        (void) buf_add_char(t->out, part[i]);
                t->facts.n_params += part[i] == '?';
        }
        t->p = end + 1;
        return 0;
}

/* At "ON CONFLICT". */
static int conflict_of_mysql(struct text *t) {
        static const char update[] = "DO UPDATE SET", nothing[] = "DO NOTHING";
        const char *p = t->p + STRLEN("ON CONFLICT");

        p += strspn(p, " \n");
        if (*p == '(') {
                p = strchr(p, ')');
                if (!p)
                        return -EINVAL;
                p++;
        }
        p += strspn(p, " \n");
        (void) buf_add_str(t->out, "ON DUPLICATE KEY UPDATE");
        if (str_starts(p, update)) {
                t->p = p + sizeof(update) - 1;
                return 0;
        }
        if (!str_starts(p, nothing) || t->n_first_column == 0)
                return -EINVAL;
        (void) buf_printf(t->out, " %.*s = %.*s", (int) t->n_first_column, t->first_column,
                          (int) t->n_first_column, t->first_column);
        t->p = p + sizeof(nothing) - 1;
        return 0;
}

static int excluded_of_mysql(struct text *t) {
        const char *name = t->p + STRLEN("excluded.");
        size_t n = name_length(name);

        if (n == 0)
                return -EINVAL;
        (void) buf_printf(t->out, "VALUES(%.*s)", (int) n, name);
        t->p = name + n;
        return 0;
}

/* One piece. 1: it was translated; 0: not one of ours; -EINVAL. */
static int translate_piece(struct text *t) {
        bool mysql = t->dialect == DB_MYSQL;

        if (*t->p == '{')
                return choose(t) < 0 ? -EINVAL : 1;
        if (*t->p == '?') {
                t->facts.n_params++;
                if (t->dialect != DB_POSTGRES)
                        return 0;
                (void) buf_printf(t->out, "$%d", t->facts.n_params);
                t->p++;
                return 1;
        }
        if (at_word(t, "INSERT INTO"))
                note_insert(t);
        if (at_word(t, "ON CONFLICT") || at_word(t, "ON DUPLICATE")) {
                t->says_conflict = true;
                if (mysql && at_word(t, "ON CONFLICT"))
                        return conflict_of_mysql(t) < 0 ? -EINVAL : 1;
        }
        if (mysql && at_word(t, "excluded") && t->p[STRLEN("excluded")] == '.')
                return excluded_of_mysql(t) < 0 ? -EINVAL : 1;
        return 0;
}

static void note_kind(struct text *t) {
        t->p += strspn(t->p, " \n\t");
        t->facts.reads = at_word(t, "SELECT") || at_word(t, "WITH");
        t->facts.may_conflict = at_word(t, "INSERT") || at_word(t, "UPDATE");
}

int db_sql_translate(const char *sql, enum db_dialect dialect, struct buf *out,
                     struct db_sql_facts *ret_facts) {
        struct text t = {.p = sql, .start = sql, .dialect = dialect, .out = out};

        assert(sql && out && ret_facts);
        note_kind(&t);
        while (*t.p) {
                ssize_t n = quoted(t.p);
                int r;

                if (n < 0)
                        return -EINVAL;
                r = n > 0 ? 0 : translate_piece(&t);
                if (r < 0)
                        return r;
                if (r > 0)
                        continue;
                if (n == 0)
                        n = 1;
                (void) buf_add(out, t.p, (size_t) n);
                t.p += n;
        }
        t.facts.may_conflict = t.facts.may_conflict && !t.says_conflict;
        if (buf_error(out) < 0)
                return buf_error(out);
        assert(t.facts.n_params >= 0);
        *ret_facts = t.facts;
        return 0;
}
