#include "lib/db/db_catalog.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/errmsg.h"
#include "lib/base/str.h"
#include "lib/db/db.h"

enum { NAMES_MAX = 512 };

/* Of a table's name: what is asked of each engine. */
#define TABLES                                                                                   \
        "SELECT {name|CAST(table_name AS VARCHAR)|table_name} FROM {sqlite_master WHERE type = " \
        "'table' AND name NOT LIKE 'sqlite_%'|information_schema.tables WHERE table_schema = "   \
        "current_schema() AND table_type = 'BASE TABLE'|information_schema.tables WHERE "        \
        "table_schema = database() AND table_type = 'BASE TABLE'} ORDER BY 1"
/* Without those that the engine computes. */
#define COLUMNS                                                                            \
        "SELECT {name, type FROM pragma_table_info(?)|CAST(column_name AS VARCHAR), "      \
        "CAST(data_type AS VARCHAR) FROM information_schema.columns WHERE table_schema = " \
        "current_schema() AND table_name = ? AND is_generated = 'NEVER'|column_name, "     \
        "data_type FROM information_schema.columns WHERE table_schema = database() AND "   \
        "table_name = ? AND extra NOT LIKE '%GENERATED%'} ORDER BY 1"
#define KEYS                                                                                    \
        "SELECT {name FROM pragma_table_info(?) WHERE pk > 0 ORDER BY pk|"                      \
        "CAST(k.column_name AS VARCHAR) FROM information_schema.table_constraints c JOIN "      \
        "information_schema.key_column_usage k ON k.constraint_name = c.constraint_name AND "   \
        "k.table_schema = c.table_schema AND k.table_name = c.table_name WHERE "                \
        "c.constraint_type = 'PRIMARY KEY' AND c.table_schema = current_schema() AND "          \
        "c.table_name = ? ORDER BY k.ordinal_position|"                                         \
        "column_name FROM information_schema.key_column_usage WHERE table_schema = database() " \
        "AND constraint_name = 'PRIMARY' AND table_name = ? ORDER BY ordinal_position}"
#define PARENTS                                                                                   \
        "SELECT DISTINCT {\"table\" FROM pragma_foreign_key_list(?)|"                             \
        "CAST(p.relname AS VARCHAR) FROM pg_constraint c JOIN pg_class p ON p.oid = c.confrelid " \
        "JOIN pg_class t ON t.oid = c.conrelid JOIN pg_namespace n ON n.oid = t.relnamespace "    \
        "WHERE c.contype = 'f' AND n.nspname = current_schema() AND t.relname = ?|"               \
        "referenced_table_name FROM information_schema.referential_constraints WHERE "            \
        "constraint_schema = database() AND table_name = ?} ORDER BY 1"
/* Asked of MySQL alone. */
#define REFERENCES                                                                            \
        "SELECT constraint_name, column_name, referenced_column_name, referenced_table_name " \
        "FROM information_schema.key_column_usage WHERE table_schema = database() AND "       \
        "referenced_table_name IS NOT NULL AND table_name = ? ORDER BY 2, 1"

struct names {
        const char *names[NAMES_MAX], *types[NAMES_MAX];
        size_t n;
};

/* The first column of each row (and the second as its type), for a table or for all. */
static int ask(struct db *db, struct arena *a, const char *sql, const char *table,
               struct names *ret) {
        DB_USE struct db_stmt *s = NULL;
        bool oom = false;
        int r;

        assert(sql && ret);
        r = db_prepare_dynamic(db, sql, &s);
        ret->n = 0;
        if (r < 0)
                return r;
        if (table)
                db_bind_text(s, 1, table);
        while ((r = db_step(s)) == DB_ROW) {
                if (ret->n == NAMES_MAX)
                        return -EOVERFLOW;
                ret->types[ret->n] = db_col_count(s) > 1 ? db_col_dup(s, 1, a, &oom) : NULL;
                ret->names[ret->n] = db_col_dup(s, 0, a, &oom);
                if (oom || !ret->names[ret->n])
                        return -ENOMEM;
                ret->n++;
        }
        return r;
}

static bool has(const char *type, const char *word) {
        return type && strcasestr(type, word);
}

static enum db_catalog_type type_of(const char *type) {
        if (has(type, "char") || has(type, "text") || has(type, "json") || has(type, "time"))
                return DB_CATALOG_TEXT;
        if (has(type, "int") || has(type, "bool"))
                return DB_CATALOG_I64;
        if (has(type, "float") || has(type, "double") || has(type, "real"))
                return DB_CATALOG_F64;
        if (has(type, "blob") || has(type, "bytea") || has(type, "binary"))
                return DB_CATALOG_BLOB;
        return DB_CATALOG_TEXT;
}

static int read_columns(struct db *db, struct arena *a, struct db_catalog_table *t) {
        struct names n;
        int r = ask(db, a, COLUMNS, t->name, &n);

        if (r < 0)
                return r;
        t->columns = arena_zalloc_array(a, n.n, sizeof(struct db_catalog_column));
        if (!t->columns)
                return -ENOMEM;
        t->n_columns = n.n;
        for (size_t i = 0; i < n.n; i++)
                t->columns[i] = (struct db_catalog_column){n.names[i], type_of(n.types[i])};
        return 0;
}

static size_t find_column(const struct db_catalog_table *t, const char *name) {
        size_t i = 0;

        while (i < t->n_columns && !str_eq(t->columns[i].name, name))
                i++;
        return i;
}

static int read_keys(struct db *db, struct arena *a, struct db_catalog_table *t,
                     struct errmsg *em) {
        struct names n;
        int r = ask(db, a, KEYS, t->name, &n);

        if (r < 0)
                return r;
        if (n.n == 0)
                return errmsg_fail(em, -EINVAL, "table %s has no primary key", t->name);
        t->keys = arena_zalloc_array(a, n.n, sizeof(size_t));
        if (!t->keys)
                return -ENOMEM;
        t->n_keys = n.n;
        for (size_t i = 0; i < n.n; i++) {
                t->keys[i] = find_column(t, n.names[i]);
                assert(t->keys[i] < t->n_columns);
        }
        return 0;
}

static int read_parents(struct db *db, struct arena *a, struct db_catalog_table *t) {
        struct names n;
        int r = ask(db, a, PARENTS, t->name, &n);

        if (r < 0)
                return r;
        t->parents = arena_zalloc_array(a, n.n + 1, sizeof(const char *));
        if (!t->parents)
                return -ENOMEM;
        for (size_t i = 0; i < n.n; i++)
                if (!str_eq(n.names[i], t->name))
                        t->parents[t->n_parents++] = n.names[i];
        return 0;
}

static int read_references(struct db *db, struct arena *a, struct db_catalog_table *t) {
        DB_USE struct db_stmt *s = NULL;
        bool oom = false;
        int r;

        if (db_get_dialect(db) != DB_MYSQL)
                return 0;
        t->references = arena_zalloc_array(a, NAMES_MAX, sizeof(struct db_catalog_reference));
        if (!t->references)
                return -ENOMEM;
        r = db_prepare_dynamic(db, REFERENCES, &s);
        if (r < 0)
                return r;
        db_bind_text(s, 1, t->name);
        while ((r = db_step(s)) == DB_ROW) {
                if (t->n_references == NAMES_MAX)
                        return -EOVERFLOW;
                t->references[t->n_references++] = (struct db_catalog_reference){
                        .constraint = db_col_dup(s, 0, a, &oom),
                        .column = db_col_dup(s, 1, a, &oom),
                        .key = db_col_dup(s, 2, a, &oom),
                        .parent_name = db_col_dup(s, 3, a, &oom),
                };
                if (oom)
                        return -ENOMEM;
        }
        return r;
}

static void find_parents(struct db_catalog *c) {
        for (size_t i = 0; i < c->n_tables; i++)
                for (size_t k = 0; k < c->tables[i].n_references; k++) {
                        struct db_catalog_reference *ref = &c->tables[i].references[k];

                        ref->parent = db_catalog_find(c, ref->parent_name);
                        assert(ref->parent); /* MySQL keeps it as long as it is pointed to */
                }
}

const struct db_catalog_table *db_catalog_find(const struct db_catalog *c, const char *name) {
        assert(c && name);
        for (size_t i = 0; i < c->n_tables; i++)
                if (str_eq(c->tables[i].name, name))
                        return &c->tables[i];
        return NULL;
}

static bool is_ready(const struct db_catalog *sorted, const struct db_catalog_table *t) {
        for (size_t i = 0; i < t->n_parents; i++)
                if (!db_catalog_find(sorted, t->parents[i]))
                        return false;
        return true;
}

/* Parents first: again and again those whose parents are there. */
static int sort(struct arena *a, struct db_catalog *c, struct errmsg *em) {
        struct db_catalog sorted = {
                .tables = arena_zalloc_array(a, c->n_tables, sizeof(struct db_catalog_table))};

        if (!sorted.tables)
                return -ENOMEM;
        while (sorted.n_tables < c->n_tables) {
                size_t before = sorted.n_tables;

                for (size_t i = 0; i < c->n_tables; i++)
                        if (!db_catalog_find(&sorted, c->tables[i].name) &&
                            is_ready(&sorted, &c->tables[i]))
                                sorted.tables[sorted.n_tables++] = c->tables[i];
                if (sorted.n_tables == before)
                        return errmsg_fail(em, -EINVAL, "tables point to each other in a ring");
        }
        *c = sorted;
        return 0;
}

int db_catalog_read(struct db *db, struct arena *a, struct errmsg *em, struct db_catalog *ret) {
        struct errmsg why = {};
        struct db_catalog c = {};
        struct names n;
        int r;

        assert(db && a && ret);
        r = ask(db, a, TABLES, NULL, &n);
        if (r >= 0) {
                c.tables = arena_zalloc_array(a, n.n + 1, sizeof(struct db_catalog_table));
                r = c.tables ? 0 : -ENOMEM;
        }
        for (size_t i = 0; r >= 0 && i < n.n; i++) {
                struct db_catalog_table *t = &c.tables[c.n_tables++];

                *t = (struct db_catalog_table){.name = n.names[i]};
                r = read_columns(db, a, t);
                if (r >= 0)
                        r = read_keys(db, a, t, &why);
                if (r >= 0)
                        r = read_parents(db, a, t);
                if (r >= 0)
                        r = read_references(db, a, t);
        }
        if (r >= 0)
                r = sort(a, &c, &why);
        if (r < 0)
                return errmsg_fail(em, r, "%s: %s", db_get_uri(db),
                                   *why.text ? why.text : db_errmsg(db));
        find_parents(&c);
        *ret = c;
        return 0;
}

bool db_catalog_same(const struct db_catalog_table *a, const struct db_catalog_table *b) {
        assert(a && b);
        if (a->n_columns != b->n_columns || a->n_keys != b->n_keys)
                return false;
        for (size_t i = 0; i < a->n_columns; i++) {
                size_t j = find_column(b, a->columns[i].name);

                if (j == b->n_columns || a->columns[i].type != b->columns[j].type)
                        return false;
        }
        for (size_t i = 0; i < a->n_keys; i++)
                if (!str_eq(a->columns[a->keys[i]].name, b->columns[b->keys[i]].name))
                        return false;
        return true;
}
