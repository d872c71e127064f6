/* move_database.h: a whole tracking database into another one, of any two engines.
 *
 * The target is made when it is empty, and must hold nothing but what a new one holds. What was cut
 * off goes on when it is asked for again. At the end every table of both is read and compared by
 * count and checksum. No server may run on either. */
#pragma once

#include "lib/base/macros.h"

struct errmsg;

struct move_database_counts {
        int64_t n_tables, n_rows;
};

/* Messages about the way go to stdout. -EEXIST: the target holds something; -EUCLEAN: the copy
 * differs; -ENOTSUP: the two are of different revisions. */
int move_database(const char *from, const char *to, struct errmsg *em,
                  struct move_database_counts *ret);
