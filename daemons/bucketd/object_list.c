/* object_list: see object_list.h. */
#include "daemons/bucketd/object_list.h"

#include <errno.h>
#include <string.h>

#include "daemons/bucketd/glob_match.h"
#include "daemons/bucketd/objects_sql.h"
#include "daemons/bucketd/page_name.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

struct walk {
        const struct object_list *list;
        struct db *db;
        struct arena *arena; /* for the token */
        struct arena row;    /* for one object at a time */
        int64_t bucket;
        const char *after;        /* of the list's: the name, and */
        int64_t after_generation; /* the version of it; 0: all of them were given */
        size_t n;
        char *last; /* given last: the next page begins behind it */
        int64_t last_generation;
};

static int read_after(struct walk *w) {
        const char *text = w->list->after;

        w->after = text;
        return text && w->list->with_versions
                       ? page_name_split(w->arena, text, &w->after, &w->after_generation)
                       : 0;
}

static bool is_given(const struct walk *w, const char *name, struct db_stmt *s) {
        int order = w->after ? strcmp(name, w->after) : 1;

        return order < 0 || (order == 0 && (w->after_generation == 0 ||
                                            objects_sql_row_generation(s) <= w->after_generation));
}

/* The first text behind all that begin with `prefix`: NULL when there is none. */
static char *behind(struct arena *a, const char *prefix, size_t size) {
        char *text = arena_strndup(a, prefix, size);

        while (text && size > 0 && (unsigned char) text[size - 1] == 0xff)
                text[--size] = 0;
        if (text && size > 0)
                text[size - 1] = (char) (text[size - 1] + 1);
        return text;
}

/* Bytes of the folded prefix that `name` is below of; 0: it is below none. */
static size_t folded_size(const struct object_list *l, const char *name) {
        const char *found;

        if (!*l->delimiter)
                return 0;
        found = strstr(name + strlen(l->prefix), l->delimiter);
        return found ? (size_t) (found - name) + strlen(l->delimiter) : 0;
}

static const char *max_name(const char *a, const char *b) {
        return strcmp(a, b) >= 0 ? a : b;
}

/* Where the walk begins. */
static const char *first_name(struct walk *w) {
        const struct object_list *l = w->list;
        const char *from = max_name(l->prefix, l->start ? l->start : "");
        const char *behind_after;
        size_t size;

        if (!w->after)
                return from;
        if (!str_starts(w->after, l->prefix))
                return max_name(from, w->after);
        size = folded_size(l, w->after);
        if (size == 0 || size < strlen(w->after))
                return max_name(from, w->after);
        /* A prefix that was given is over with all below it, though the walk began in its middle.
         */
        behind_after = behind(w->arena, w->after, size);
        return behind_after ? max_name(from, behind_after) : NULL;
}

static int pass(struct walk *w, const char *name, size_t size) {
        mem_free(w->last);
        w->last = mem_strndup(name, size);
        w->last_generation = 0;
        return w->last ? 0 : -ENOMEM;
}

static int remember(struct walk *w, const char *name, size_t size) {
        w->n++;
        return pass(w, name, size);
}

static int give_object(struct walk *w, struct db_stmt *s, const char *name) {
        struct object o;
        int r;

        if (w->list->glob && !glob_match(w->list->glob, name))
                return 0;
        arena_reset(&w->row);
        r = objects_sql_row(s, &w->row, &o);
        if (r == 0)
                r = w->list->object(w->list->ctx, &o);
        if (r == 0)
                r = remember(w, name, strlen(name));
        if (r == 0 && w->list->with_versions)
                w->last_generation = o.generation;
        return r;
}

/* A prefix and, where it is asked for, the object of just that name. The page may end between them
 * only if the prefix comes last: the token is the prefix then. */
static int give_folded(struct walk *w, struct db_stmt *s, const char *name, size_t size) {
        char *prefix = arena_strndup(&w->row, name, size);
        int r = 0;

        if (!prefix)
                return -ENOMEM;
        if (w->list->glob && !glob_match(w->list->glob, prefix))
                return pass(w, name, size);
        r = w->list->folded(w->list->ctx, prefix);
        if (r == 0 && w->list->with_trailing && name[size] == 0 && !objects_sql_row_is_folder(s)) {
                struct object o;

                r = objects_sql_row(s, &w->row, &o);
                if (r == 0)
                        r = w->list->object(w->list->ctx, &o);
        }
        return r != 0 ? r : remember(w, name, size);
}

/* One row. 0 go on with the next, 1 seek to w->last's end, 2 the end, or an answer of a callback
 * made negative. */
enum step { STEP_NEXT, STEP_SEEK, STEP_END, STEP_FULL };

static int step(struct walk *w, struct db_stmt *s, enum step *ret) {
        const struct object_list *l = w->list;
        const char *name = objects_sql_row_name(s);
        size_t size;

        *ret = STEP_END;
        if (!str_starts(name, l->prefix) || (l->end && strcmp(name, l->end) >= 0))
                return 0;
        *ret = STEP_NEXT;
        if (is_given(w, name, s))
                return 0;
        size = folded_size(l, name);
        if (size == 0 && objects_sql_row_is_folder(s))
                return 0;
        *ret = STEP_FULL;
        if (w->n >= l->n_max)
                return 0;
        *ret = size > 0 ? STEP_SEEK : STEP_NEXT;
        arena_reset(&w->row);
        return size > 0 ? give_folded(w, s, name, size) : give_object(w, s, name);
}

static struct db_stmt *rows_from(struct walk *w, const char *from) {
        enum objects_sql_with with = w->list->with_versions  ? OBJECTS_SQL_VERSIONS
                                     : w->list->with_folders ? OBJECTS_SQL_FOLDERS
                                                             : OBJECTS_SQL_LIVE;

        return objects_sql_from(w->db, w->bucket, from, with);
}

static const char *token(const struct walk *w) {
        if (w->last_generation > 0)
                return page_name_join(w->arena, w->last, w->last_generation);
        return arena_strdup(w->arena, w->last ? w->last : "");
}

static int walk(struct walk *w, const char *from, const char **ret_next) {
        enum step what = STEP_SEEK;
        int r = 0;

        while (r == 0 && what == STEP_SEEK && from) {
                DB_USE struct db_stmt *s = rows_from(w, from);

                what = STEP_NEXT;
                while (r == 0 && what == STEP_NEXT) {
                        r = db_step(s);
                        if (r == DB_DONE)
                                return 0;
                        r = r == DB_ROW ? step(w, s, &what) : r;
                }
                if (r == 0 && what == STEP_SEEK) {
                        from = behind(w->arena, w->last, strlen(w->last));
                        r = from ? 0 : -ENOMEM;
                }
        }
        if (r == 0 && what == STEP_FULL) {
                *ret_next = token(w);
                r = *ret_next ? 0 : -ENOMEM;
        }
        return r;
}

int object_list_walk(struct db *db, struct arena *a, int64_t bucket, const struct object_list *l,
                     const char **ret_next) {
        struct walk w = {.list = l, .db = db, .arena = a, .bucket = bucket};
        const char *from, *next = NULL;
        int r = read_after(&w);

        if (r < 0)
                return r;
        from = first_name(&w);
        if (!from)
                return -ENOMEM;
        arena_init(&w.row, 0);
        r = walk(&w, from, &next);
        arena_done(&w.row);
        mem_free(w.last);
        if (r == 0)
                *ret_next = next;
        return r;
}
