#include "daemons/tracking/search_page.h"

#include <errno.h>

#include "daemons/tracking/page_token.h"

int search_page_write(struct job *j, struct db *db, struct search_sql *sql,
                      const struct search_page *p) {
        int64_t n = 0, n_page = p->limit - 1; /* 0: only whether there is anything */
        DB_USE struct db_stmt *s = NULL;
        int r;

        r = search_sql_prepare(sql, db, &s);
        json_write_kv_items(&j->json, p->key);
        while (r == 0 && (r = db_step(s)) == DB_ROW) {
                r = 0;
                if (n++ == n_page)
                        break;
                json_write_object(&j->json);
                r = p->write(j, db, s);
                json_write_end(&j->json);
        }
        if (r != 0)
                return r;
        json_write_end(&j->json);
        if (n <= n_page)
                return 0;
        return page_token_write_next(&j->json, j->arena, p->offset + n_page);
}

int search_page_total(struct job *j, struct db *db, struct search_sql *sql) {
        int64_t n;
        int r = search_sql_number(sql, db, &n);

        if (r == 0)
                json_write_kv_i64(&j->json, "total", n);
        return r;
}
