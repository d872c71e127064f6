/* table: see table.h. */
#include "cli/table.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "lib/base/str.h"
#include "lib/base/utf8.h"

#define GAP 2
#define SHORT 12 /* no text is cut to less */
#define CUT "\xe2\x80\xa6"
#define RESET "\x1b[0m"
#define GREEN "\x1b[32m"
#define RED "\x1b[31m"
#define YELLOW "\x1b[33m"
#define BLUE "\x1b[34m"
#define DIM "\x1b[2m"

struct table_row {
        struct table_row *next;
        const char *cells[TABLE_COLUMNS_MAX];
};

static const struct {
        const char *word;
        const char *colour;
} colours[] = {
        {"success", GREEN},
        {"ok", GREEN},
        {"ready", GREEN},
        {"up", GREEN},
        {"failed", RED},
        {"upstream_failed", RED},
        {"no answer", RED},
        {"bad", RED},
        {"running", BLUE},
        {"queued", YELLOW},
        {"scheduled", YELLOW},
        {"up_for_retry", YELLOW},
        {"interrupted", YELLOW},
        {"starting", YELLOW},
        {"skipped", DIM},
        {"paused", DIM},
        {"-", DIM},
};

void table_init(struct table *t, struct arena *a, bool colour) {
        *t = (struct table){.arena = a, .colour = colour};
        t->tail = &t->first;
}

void table_column(struct table *t, const char *title, enum table_align align) {
        assert(t->n_columns < TABLE_COLUMNS_MAX && t->n_rows == 0);
        t->titles[t->n_columns] = title;
        t->aligns[t->n_columns] = align;
        t->widths[t->n_columns] = utf8_width(title);
        t->n_columns++;
}

/* A cell is one line: what would move the cursor becomes a blank. */
static const char *tame(struct table *t, const char *s) {
        char *copy = arena_strdup(t->arena, s ? s : "");

        if (!copy) {
                t->failed = true;
                return "";
        }
        for (char *p = copy; *p; p++)
                if ((unsigned char) *p < 0x20 || *p == 0x7F)
                        *p = ' ';
        return copy;
}

void table_row(struct table *t, ...) {
        struct table_row *row = arena_new(t->arena, struct table_row);
        va_list ap;

        if (!row) {
                t->failed = true;
                return;
        }
        va_start(ap, t);
        for (size_t i = 0; i < t->n_columns; i++) {
                row->cells[i] = tame(t, va_arg(ap, const char *));
                t->widths[i] = MAX(t->widths[i], utf8_width(row->cells[i]));
        }
        va_end(ap);
        *t->tail = row;
        t->tail = &row->next;
        t->n_rows++;
}

const char *table_colour(const char *cell) {
        for (size_t i = 0; i < ARRAY_SIZE(colours); i++)
                if (str_eq(cell, colours[i].word))
                        return colours[i].colour;
        return "";
}

void table_fit(struct table *t, size_t columns) {
        size_t whole = 0;

        for (size_t i = 0; i < t->n_columns; i++)
                whole += t->widths[i] + (i > 0 ? GAP : 0);
        while (whole > columns) {
                size_t widest = t->n_columns;

                for (size_t i = 0; i < t->n_columns; i++)
                        if (t->aligns[i] == TABLE_TEXT && t->widths[i] > SHORT &&
                            (widest == t->n_columns || t->widths[i] > t->widths[widest]))
                                widest = i;
                if (widest == t->n_columns)
                        return;
                t->widths[widest]--;
                whole--;
        }
}

/* How many columns the terminal has; 0: it is none, or does not say. */
static size_t terminal_width(FILE *to) {
        struct winsize size;
        int fd = fileno(to);

        return fd >= 0 && isatty(fd) && ioctl(fd, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

/* The cell as it fits its column. NULL: out of memory. */
static const char *fitting(const struct table *t, size_t i, const char *cell) {
        size_t width = t->widths[i];
        char *copy;

        if (utf8_width(cell) <= width)
                return cell;
        copy = arena_strdup(t->arena, cell);
        for (size_t n = copy ? strlen(copy) : 0; copy && utf8_width(copy) > width - 1;) {
                n = utf8_cut(copy, n - 1);
                copy[n] = 0;
        }
        return copy ? arena_printf(t->arena, "%s" CUT, copy) : NULL;
}

/* last: nothing comes after it, so no blanks either. */
static void print_cell(const struct table *t, size_t i, const char *cell, const char *colour,
                       bool last, FILE *to) {
        size_t blanks = t->widths[i] - utf8_width(cell);

        if (t->aligns[i] == TABLE_RIGHT)
                fprintf(to, "%*s", (int) blanks, "");
        if (t->colour && *colour)
                fprintf(to, "%s%s" RESET, colour, cell);
        else
                fputs(cell, to);
        if (!last)
                fprintf(to, "%*s", (int) (t->aligns[i] == TABLE_RIGHT ? GAP : blanks + GAP), "");
}

static int print_row(const struct table *t, const char *const cells[], bool title, FILE *to) {
        size_t n = t->n_columns;

        while (n > 1 && !*cells[n - 1])
                n--;
        for (size_t i = 0; i < n; i++) {
                const char *cell = fitting(t, i, cells[i]);

                if (!cell)
                        return -ENOMEM;
                print_cell(t, i, cell, title ? DIM : table_colour(cell), i + 1 == n, to);
        }
        fputc('\n', to);
        return 0;
}

int table_print(struct table *t, const char *empty, FILE *to) {
        size_t width = t->is_whole ? 0 : terminal_width(to);
        int r;

        if (t->failed)
                return -ENOMEM;
        if (t->n_rows == 0) {
                if (empty)
                        fprintf(to, "%s\n", empty);
                return 0;
        }
        if (width > 0)
                table_fit(t, width);
        r = print_row(t, t->titles, true, to);
        for (const struct table_row *row = t->first; r >= 0 && row; row = row->next)
                r = print_row(t, row->cells, false, to);
        return r;
}
