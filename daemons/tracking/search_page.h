/* search_page.h: a page of a search as the answer has it: an array, which is left out when it would
 * be empty, and the token of the next page when there is one. */
#pragma once

#include "daemons/tracking/job.h"
#include "daemons/tracking/search_sql.h"

struct search_page {
        const char *key;       /* of the array */
        int64_t limit, offset; /* of the statement, which asks for one row more than a page holds */
        /* Writes the fields of the object of the row `s` stands on. 0 or -errno. */
        int (*write)(struct job *j, struct db *db, struct db_stmt *s);
};

/* The limit that tells whether there is more than a page of what a client may have asked for. */
static inline int64_t search_page_more(int64_t max_results) {
        return max_results < INT64_MAX ? max_results + 1 : max_results;
}

/* Writes "total", how many there are on all pages together; `sql` is a SELECT COUNT(*). 0 or
 * -errno.
 */
int search_page_total(struct job *j, struct db *db, struct search_sql *sql);

/* Runs the statement and writes the page to j->json. 0 or -errno. */
int search_page_write(struct job *j, struct db *db, struct search_sql *sql,
                      const struct search_page *p);
