/* table: rows and columns for people: aligned, coloured on a terminal, without lines.
 *
 * Strings are borrowed until table_print(); NULL is an empty cell. */
#pragma once

#include <stdio.h>

#include "lib/base/arena.h"
#include "lib/base/macros.h"

#define TABLE_COLUMNS_MAX 12

enum table_align { TABLE_LEFT, TABLE_RIGHT };

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
        bool failed; /* out of memory */
};

void table_init(struct table *t, struct arena *a, bool colour);
/* All columns before the first row. */
void table_column(struct table *t, const char *title, enum table_align align);
/* One cell for each column. */
void table_row(struct table *t, ...);
/* 0 or -ENOMEM; with no rows it prints only `empty` (when not NULL). */
int table_print(const struct table *t, const char *empty, FILE *to);

/* The colour of a state's name ("success", "failed", "running", …): an escape sequence or "". */
const char *table_colour(const char *cell);
