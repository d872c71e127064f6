/* Tables of expected values beside the tests: columns between tabs, lines with # left out. */
#pragma once

#include <stdlib.h>

#include "lib/base/fileio.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "tests/unit/core_fixture.h"

#define CORE_TABLE_COLUMNS 20u

struct core_table_row {
        char *columns[CORE_TABLE_COLUMNS];
        size_t n;
        unsigned line;
};

/* Calls check for each row; answers how many there were. */
static inline _unused_ unsigned core_table_read(const char *name,
                                                void (*check)(const struct core_table_row *row)) {
        char *path = str_printf("%s/tests/unit/%s", getenv("top_srcdir"), name);
        char *text = NULL, *save = NULL;
        unsigned n_rows = 0, n_lines = 0;

        assert_non_null(path);
        assert_int_equal(fileio_read(path, 1 << 20, &text, NULL), 0);
        for (char *l = strtok_r(text, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
                struct core_table_row row = {.line = ++n_lines};
                char *inner = NULL;

                if (*l == '#')
                        continue;
                for (char *c = strtok_r(l, "\t", &inner); c; c = strtok_r(NULL, "\t", &inner)) {
                        assert_true(row.n < CORE_TABLE_COLUMNS);
                        row.columns[row.n++] = c;
                }
                check(&row);
                n_rows++;
        }
        mem_free(text);
        mem_free(path);
        return n_rows;
}

static inline _unused_ long long core_table_number(const struct core_table_row *row, size_t i) {
        int64_t v = 0;

        assert_true(i < row->n);
        assert_int_equal(str_to_i64(row->columns[i], &v), 0);
        return v;
}
