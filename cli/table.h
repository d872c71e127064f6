/* table: rows and columns for people: aligned, coloured on a terminal, without lines.
 *
 * Strings are borrowed until table_print(); NULL is an empty cell. */
#pragma once

#include <stdio.h>

#include "lib/base/arena.h"
#include "lib/base/macros.h"

#define TABLE_COLUMNS_MAX 12

/* TEXT: to the left, and cut where a terminal is too narrow for the whole row. */
enum table_align { TABLE_LEFT, TABLE_RIGHT, TABLE_TEXT };

struct table_row;

struct table {
        struct arena *arena;
        const char *titles[TABLE_COLUMNS_MAX];
        enum table_align aligns[TABLE_COLUMNS_MAX];
        size_t widths[TABLE_COLUMNS_MAX];
        size_t n_columns;
        struct table_row *first, **tail;
        size_t n_rows;
        bool colour;
        bool is_whole; /* nothing is cut, on a narrow terminal either */
        bool failed;   /* out of memory */
};

void table_init(struct table *t, struct arena *a, bool colour);
/* All columns before the first row. */
void table_column(struct table *t, const char *title, enum table_align align);
/* One cell for each column. */
void table_row(struct table *t, ...);
/* Narrows the columns of text until a row has at most so many columns of a terminal, or they are
 * short. */
void table_fit(struct table *t, size_t columns);
/* To a terminal it fits itself first. 0 or -ENOMEM; with no rows it prints only `empty` (when not
 * NULL). */
int table_print(struct table *t, const char *empty, FILE *to);

/* The colour of a state's name ("success", "failed", "running", …): an escape sequence or "". */
const char *table_colour(const char *cell);
