#include "lib/db/db_copy.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/errmsg.h"
#include "lib/base/fnv.h"
#include "lib/base/str.h"
#include "lib/db/db.h"
#include "lib/db/db_catalog.h"

enum {
        PAGE_ROWS = 2000,      /* read and written at once */
        INSERT_PARAMS = 4000,  /* values of one INSERT at most */
        PAGE_BYTES = 64 << 20, /* a page of large rows ends earlier */
        REFERENCES_MAX = 8,    /* foreign keys that point on, each to the next */
};

struct value {
        bool is_null;
        union {
                int64_t i64;
                double f64;
                const void *bytes;
        };
        size_t n_bytes;
};

struct copy {
        struct db *from, *to;
        const struct db_catalog_table *t;
        struct arena arena; /* of the page */
        struct value *page; /* rows of n_columns values */
        size_t n_rows;
        struct value *last; /* the keys of the last row written; NULL: from the start */
        struct arena last_arena;
        int64_t n_done;
        char why[512]; /* it failed */
};

/* --- values ------------------------------------------------------------------------------------
 */

static int read_value(struct db_stmt *s, int col, enum db_catalog_type type, struct arena *a,
                      struct value *ret) {
        const void *bytes = NULL;

        *ret = (struct value){.is_null = db_col_is_null(s, col)};
        if (ret->is_null)
                return 0;
        switch (type) {
        case DB_CATALOG_I64:
                ret->i64 = db_col_i64(s, col);
                return 0;
        case DB_CATALOG_F64:
                ret->f64 = db_col_f64(s, col);
                return 0;
        case DB_CATALOG_TEXT:
                bytes = db_col_text_n(s, col, &ret->n_bytes);
                break;
        case DB_CATALOG_BLOB:
                bytes = db_col_blob(s, col, &ret->n_bytes);
                break;
        }
        ret->bytes = arena_memdup(a, bytes ? bytes : "", ret->n_bytes);
        return ret->bytes ? 0 : -ENOMEM;
}

static void bind_value(struct db_stmt *s, int param, enum db_catalog_type type,
                       const struct value *v) {
        if (v->is_null)
                db_bind_null(s, param);
        else if (type == DB_CATALOG_I64)
                db_bind_i64(s, param, v->i64);
        else if (type == DB_CATALOG_F64)
                db_bind_f64(s, param, v->f64);
        else if (type == DB_CATALOG_TEXT)
                db_bind_text_n(s, param, v->bytes, v->n_bytes);
        else
                db_bind_blob(s, param, v->bytes, v->n_bytes);
}

static uint64_t hash_value(uint64_t h, enum db_catalog_type type, const struct value *v) {
        unsigned char kind = v->is_null ? 0xff : (unsigned char) type;

        h = fnv_add(h, &kind, 1);
        if (v->is_null)
                return h;
        if (type == DB_CATALOG_I64)
                return fnv_add(h, &v->i64, sizeof(v->i64));
        if (type == DB_CATALOG_F64)
                return fnv_add(h, &v->f64, sizeof(v->f64));
        h = fnv_add(h, &v->n_bytes, sizeof(v->n_bytes));
        return fnv_add(h, v->bytes, v->n_bytes);
}

/* --- reading in pages --------------------------------------------------------------------------
 */

static void add_columns(struct buf *sql, const struct db_catalog_table *t) {
        for (size_t i = 0; i < t->n_columns; i++)
                (void) buf_printf(sql, "%s\"%s\"", i ? ", " : "", t->columns[i].name);
}

static void add_keys(struct buf *sql, const struct db_catalog_table *t, const char *each,
                     size_t n) {
        for (size_t i = 0; i < n; i++)
                if (each)
                        (void) buf_printf(sql, "%s%s", i ? ", " : "", each);
                else
                        (void) buf_printf(sql, "%s\"%s\"", i ? ", " : "",
                                          t->columns[t->keys[i]].name);
}

/* The first column of a foreign key that `column` is. */
static const struct db_catalog_reference *find_reference(const struct db_catalog_table *t,
                                                         const char *column) {
        for (size_t i = 0; i < t->n_references; i++)
                if (str_eq(t->references[i].column, column))
                        return &t->references[i];
        return NULL;
}

/* A value of `t`, which is called `name` there. What points to a key is read as that key is
 * spelled, and that one, where it is such a value itself, likewise. */
static void add_value(struct buf *sql, const struct db_catalog_table *t, const char *name,
                      const char *column, int depth) {
        const struct db_catalog_reference *ref =
                depth < REFERENCES_MAX ? find_reference(t, column) : NULL;
        const char *and = "";
        char key[16];

        if (!ref) {
                (void) buf_printf(sql, "\"%s\".\"%s\"", name, column);
                return;
        }
        (void) snprintf(key, sizeof(key), "k%d", depth);
        (void) buf_add_str(sql, "COALESCE((SELECT ");
        add_value(sql, ref->parent, key, ref->key, depth + 1);
        (void) buf_printf(sql, " FROM \"%s\" \"%s\" WHERE ", ref->parent->name, key);
        for (size_t i = 0; i < t->n_references; i++) {
                const struct db_catalog_reference *x = &t->references[i];

                if (!str_eq(x->constraint, ref->constraint))
                        continue;
                (void) buf_printf(sql, "%s\"%s\".\"%s\" = \"%s\".\"%s\"", and, key, x->key, name,
                                  x->column);
                and = " AND ";
        }
        (void) buf_printf(sql, "), \"%s\".\"%s\")", name, column);
}

/* Only texts are spelled in more than one way. `t` may be of another database than the one asked.
 */
static void add_values(struct buf *sql, const struct db_catalog_table *t, enum db_dialect dialect) {
        for (size_t i = 0; i < t->n_columns; i++) {
                const struct db_catalog_column *c = &t->columns[i];

                (void) buf_add_str(sql, i ? ", " : "");
                add_value(sql, t, t->name, c->name,
                          dialect == DB_MYSQL && c->type == DB_CATALOG_TEXT ? 0 : REFERENCES_MAX);
        }
}

/* Behind the last key. Rows of values go by the index, but not in MySQL: there written out. */
static void add_behind(struct buf *sql, const struct copy *c, enum db_dialect dialect) {
        const struct db_catalog_table *t = c->t;

        (void) buf_add_str(sql, " WHERE (");
        if (dialect != DB_MYSQL) {
                add_keys(sql, t, NULL, t->n_keys);
                (void) buf_add_str(sql, ") > (");
                add_keys(sql, t, "?", t->n_keys);
        }
        for (size_t i = 0; dialect == DB_MYSQL && i < t->n_keys; i++) {
                (void) buf_add_str(sql, i ? " OR (" : "(");
                for (size_t j = 0; j <= i; j++)
                        (void) buf_printf(sql, "%s\"%s\" %s ?", j ? " AND " : "",
                                          t->columns[t->keys[j]].name, j == i ? ">" : "=");
                (void) buf_add_str(sql, ")");
        }
        (void) buf_add_str(sql, ")");
}

static void bind_behind(struct db_stmt *s, const struct copy *c, enum db_dialect dialect) {
        const struct db_catalog_table *t = c->t;
        int param = 0;

        for (size_t i = dialect == DB_MYSQL ? 0 : t->n_keys - 1; i < t->n_keys; i++)
                for (size_t j = 0; j <= i; j++)
                        bind_value(s, ++param, t->columns[t->keys[j]].type, &c->last[j]);
}

static int read_rows(struct copy *c, struct db_stmt *s) {
        assert(c->n_rows == 0);
        const struct db_catalog_table *t = c->t;
        size_t n_bytes = 0;
        int r = DB_DONE;

        while (c->n_rows < PAGE_ROWS && n_bytes < PAGE_BYTES && (r = db_step(s)) == DB_ROW) {
                struct value *row = &c->page[c->n_rows * t->n_columns];

                for (size_t i = 0; i < t->n_columns; i++) {
                        r = read_value(s, (int) i, t->columns[i].type, &c->arena, &row[i]);
                        if (r < 0)
                                return r;
                        n_bytes += row[i].n_bytes + sizeof(row[i]);
                }
                c->n_rows++;
        }
        return r < 0 ? r : 0;
}

/* The next rows of `db` into the page. */
static int read_page(struct copy *c, struct db *db) {
        const struct db_catalog_table *t = c->t;
        enum db_dialect dialect = db_get_dialect(db);
        DB_USE struct db_stmt *s = NULL;
        _cleanup_buf_ struct buf sql = {};
        int r;

        arena_reset(&c->arena);
        c->n_rows = 0;
        c->page = arena_zalloc_array(&c->arena, PAGE_ROWS * t->n_columns, sizeof(*c->page));
        (void) buf_add_str(&sql, "SELECT ");
        add_values(&sql, t, dialect);
        (void) buf_printf(&sql, " FROM \"%s\"", t->name);
        if (c->last)
                add_behind(&sql, c, dialect);
        (void) buf_add_str(&sql, " ORDER BY ");
        add_keys(&sql, t, NULL, t->n_keys);
        (void) buf_printf(&sql, " LIMIT %d", (int) PAGE_ROWS);
        if (!c->page || buf_error(&sql) < 0)
                return -ENOMEM;
        r = db_prepare_dynamic(db, buf_cstr(&sql), &s);
        if (r < 0)
                return r;
        if (c->last)
                bind_behind(s, c, dialect);
        return read_rows(c, s);
}

/* The keys of the page's last row are where the next one begins. */
static int keep_last(struct copy *c) {
        const struct db_catalog_table *t = c->t;
        const struct value *row = &c->page[(c->n_rows - 1) * t->n_columns];

        assert(c->n_rows > 0);
        arena_reset(&c->last_arena);
        c->last = arena_zalloc_array(&c->last_arena, t->n_keys, sizeof(*c->last));
        if (!c->last)
                return -ENOMEM;
        for (size_t i = 0; i < t->n_keys; i++) {
                enum db_catalog_type type = t->columns[t->keys[i]].type;

                c->last[i] = row[t->keys[i]];
                if (c->last[i].is_null || (type != DB_CATALOG_TEXT && type != DB_CATALOG_BLOB))
                        continue;
                c->last[i].bytes =
                        arena_memdup(&c->last_arena, c->last[i].bytes, c->last[i].n_bytes);
                if (!c->last[i].bytes)
                        return -ENOMEM;
        }
        return 0;
}

/* --- the record: how far each table is ---------------------------------------------------------
 */

int db_copy_begin(struct db *to, bool *ret_new) {
        DB_USE struct db_stmt *s = NULL;
        int r;

        assert(to && ret_new);
        r = db_prepare_dynamic(to, "SELECT count(*) FROM " DB_COPY_RECORD, &s);
        if (r == 0)
                r = db_step(s);
        if (r != -EINVAL) {
                *ret_new = r == DB_ROW && db_col_i64(s, 0) == 0;
                return r < 0 ? r : 0;
        }
        *ret_new = true;
        return db_exec(to, "CREATE TABLE " DB_COPY_RECORD
                           "(name VARCHAR(128) NOT NULL PRIMARY KEY, n_rows BIGINT NOT NULL, "
                           "is_done INTEGER NOT NULL, last_keys TEXT)");
}

/* "LENGTH:TEXT" for each key. */
static void print_last(const struct copy *c, struct buf *out) {
        char number[64];

        for (size_t i = 0; i < c->t->n_keys; i++) {
                const struct value *v = &c->last[i];
                enum db_catalog_type type = c->t->columns[c->t->keys[i]].type;

                if (type == DB_CATALOG_I64)
                        (void) snprintf(number, sizeof(number), "%" PRId64, v->i64);
                else if (type == DB_CATALOG_F64)
                        (void) snprintf(number, sizeof(number), "%.17g", v->f64);
                if (type == DB_CATALOG_I64 || type == DB_CATALOG_F64) {
                        (void) buf_printf(out, "%zu:%s", strlen(number), number);
                } else {
                        (void) buf_printf(out, "%zu:", v->n_bytes);
                        (void) buf_add(out, v->bytes, v->n_bytes);
                }
        }
}

static int parse_last(struct copy *c, const char *text) {
        assert(text);
        arena_reset(&c->last_arena);
        c->last = arena_zalloc_array(&c->last_arena, c->t->n_keys, sizeof(*c->last));
        if (!c->last)
                return -ENOMEM;
        for (size_t i = 0; i < c->t->n_keys; i++) {
                struct value *v = &c->last[i];
                char *end, *bytes;
                size_t n = strtoull(text, &end, 10);

                if (*end != ':' || strlen(end + 1) < n)
                        return -EUCLEAN;
                bytes = arena_strndup(&c->last_arena, end + 1, n);
                if (!bytes)
                        return -ENOMEM;
                text = end + 1 + n;
                v->n_bytes = n;
                switch (c->t->columns[c->t->keys[i]].type) {
                case DB_CATALOG_I64:
                        v->i64 = strtoll(bytes, NULL, 10);
                        break;
                case DB_CATALOG_F64:
                        v->f64 = strtod(bytes, NULL);
                        break;
                default:
                        v->bytes = bytes;
                }
        }
        return 0;
}

/* 1: the table is done. */
static int read_record(struct copy *c) {
        DB_USE struct db_stmt *s = NULL;
        const char *last;
        int r;

        r = db_prepare_dynamic(
                c->to, "SELECT n_rows, is_done, last_keys FROM " DB_COPY_RECORD " WHERE name = ?",
                &s);
        if (r < 0)
                return r;
        db_bind_all(s, c->t->name);
        r = db_step(s);
        if (r != DB_ROW)
                return r;
        c->n_done = db_col_i64(s, 0);
        if (db_col_i64(s, 1))
                return 1;
        last = db_col_text(s, 2);
        return last ? parse_last(c, last) : 0;
}

static int write_record(struct copy *c, int64_t n_done, bool done) {
        DB_USE struct db_stmt *s = NULL;
        _cleanup_buf_ struct buf last = {};
        int r;

        if (c->last)
                print_last(c, &last);
        if (buf_error(&last) < 0)
                return -ENOMEM;
        r = db_prepare_dynamic(c->to,
                               "INSERT INTO " DB_COPY_RECORD
                               " (name, n_rows, is_done, last_keys) VALUES (?, ?, ?, ?) ON "
                               "CONFLICT (name) DO UPDATE SET n_rows = excluded.n_rows, is_done = "
                               "excluded.is_done, last_keys = excluded.last_keys",
                               &s);
        if (r < 0)
                return r;
        db_bind_all(s, c->t->name, n_done, (int) done);
        if (c->last)
                db_bind_text_n(s, 4, last.data, last.len);
        return db_run(s);
}

/* --- writing -----------------------------------------------------------------------------------
 */

static int insert_rows(struct copy *c, size_t first, size_t n) {
        const struct db_catalog_table *t = c->t;
        DB_USE struct db_stmt *s = NULL;
        _cleanup_buf_ struct buf sql = {};
        int param = 0, r;

        assert(n > 0 && first + n <= c->n_rows);
        (void) buf_printf(&sql, "INSERT INTO \"%s\" (", t->name);
        add_columns(&sql, t);
        (void) buf_add_str(&sql, ") VALUES ");
        for (size_t i = 0; i < n; i++) {
                (void) buf_add_str(&sql, i ? ", (" : "(");
                add_keys(&sql, t, "?", t->n_columns);
                (void) buf_add_str(&sql, ")");
        }
        if (buf_error(&sql) < 0)
                return -ENOMEM;
        r = db_prepare_dynamic(c->to, buf_cstr(&sql), &s);
        if (r < 0)
                return r;
        for (size_t i = first; i < first + n; i++)
                for (size_t k = 0; k < t->n_columns; k++)
                        bind_value(s, ++param, t->columns[k].type, &c->page[i * t->n_columns + k]);
        return db_run(s);
}

/* The page and the record, in one transaction. */
static int write_page(struct copy *c, bool done) {
        size_t many = INSERT_PARAMS / c->t->n_columns;
        int r = db_begin(c->to, true);

        if (r < 0)
                return r;
        if (many == 0)
                many = 1;
        for (size_t i = 0; r == 0 && i < c->n_rows;) {
                size_t n = c->n_rows - i >= many ? many : 1;

                r = insert_rows(c, i, n);
                i += n;
        }
        if (r == 0 && c->n_rows > 0)
                r = keep_last(c);
        if (r == 0)
                r = write_record(c, c->n_done + (int64_t) c->n_rows, done);
        if (r == 0)
                r = db_commit(c->to);
        if (r == 0) {
                c->n_done += (int64_t) c->n_rows;
                return 0;
        }
        str_copy(c->why, sizeof(c->why), db_errmsg(c->to)); /* before the next call */
        if (db_in_transaction(c->to))
                db_rollback(c->to);
        return r == DB_CONFLICT ? -EEXIST : r;
}

int db_copy_table(struct db *from, struct db *to, const struct db_catalog_table *t,
                  int (*told)(void *userdata, const char *table, int64_t n_rows), void *userdata,
                  struct errmsg *em) {
        struct copy c = {.from = from, .to = to, .t = t};
        bool done;
        int r;

        assert(from && to && t->n_keys > 0 && t->n_columns > 0);
        arena_init(&c.arena, 0);
        arena_init(&c.last_arena, 0);
        r = read_record(&c);
        done = r == 1;
        while (r >= 0 && !done) {
                r = read_page(&c, from);
                if (r < 0) {
                        str_copy(c.why, sizeof(c.why), db_errmsg(from));
                        break;
                }
                done = c.n_rows < PAGE_ROWS && c.n_rows == 0;
                r = write_page(&c, done);
                if (r >= 0 && told && c.n_rows > 0)
                        r = told(userdata, t->name, c.n_done);
        }
        if (r < 0)
                (void) errmsg_fail(em, r, "table %s, behind row %" PRId64 ": %s%s", t->name,
                                   c.n_done, c.why[0] ? c.why : db_errmsg(to),
                                   r == -EEXIST ? ": a row with the same key is there already "
                                                  "(MySQL takes names as one that differ in case, "
                                                  "accents or spaces at the end only)"
                                                : "");
        arena_done(&c.last_arena);
        arena_done(&c.arena);
        return r < 0 ? r : 0;
}

int db_copy_sum(struct db *db, const struct db_catalog_table *t, struct db_copy_sum *ret) {
        struct copy c = {.from = db, .t = t};
        struct db_copy_sum sum = {};
        int r;

        assert(db && t && ret);
        arena_init(&c.arena, 0);
        arena_init(&c.last_arena, 0);
        do {
                r = read_page(&c, db);
                for (size_t i = 0; r == 0 && i < c.n_rows; i++) {
                        uint64_t h = FNV_EMPTY;

                        for (size_t k = 0; k < t->n_columns; k++)
                                h = hash_value(h, t->columns[k].type,
                                               &c.page[i * t->n_columns + k]);
                        sum.sum += h;
                        sum.n_rows++;
                }
                if (r == 0 && c.n_rows > 0)
                        r = keep_last(&c);
        } while (r == 0 && c.n_rows > 0);
        arena_done(&c.last_arena);
        arena_done(&c.arena);
        if (r == 0)
                *ret = sum;
        return r;
}

int db_copy_end(struct db *to) {
        static const char counters[] =
                "DO $$ DECLARE r RECORD; m BIGINT; BEGIN FOR r IN SELECT table_name, column_name, "
                "pg_get_serial_sequence(quote_ident(table_name), column_name) AS seq FROM "
                "information_schema.columns WHERE table_schema = current_schema() AND "
                "pg_get_serial_sequence(quote_ident(table_name), column_name) IS NOT NULL LOOP "
                "EXECUTE format('SELECT max(%I) FROM %I', r.column_name, r.table_name) INTO m; "
                "PERFORM setval(r.seq, greatest(coalesce(m, 1), 1), m IS NOT NULL AND m > 0); END "
                "LOOP; END $$";
        int r = 0;

        if (db_get_dialect(to) == DB_POSTGRES)
                r = db_exec(to, counters);
        return r < 0 ? r : db_exec(to, "DROP TABLE " DB_COPY_RECORD);
}
