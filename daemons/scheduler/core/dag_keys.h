/* Reads a JSON object into a struct by a table of keys: unknown keys are refused with the nearest
 * name, every error names its JSON path. Strings are borrowed from the JSON tree. Pure. */
#pragma once

#include "daemons/scheduler/core/dag.h"
#include "lib/base/json.h"

#define DAG_KEYS_PATH_MAX 400u

struct dag_reader {
        struct arena *arena;
        struct errmsg *em;
        char path[DAG_KEYS_PATH_MAX]; /* "tasks[3].resources" */
        size_t n_path;
};

enum dag_key_type {
        DAG_KEY_STR,      /* const char *, not empty */
        DAG_KEY_ID,       /* const char *, [A-Za-z0-9_.-], at most DAG_ID_MAX */
        DAG_KEY_PATH,     /* const char *, absolute */
        DAG_KEY_UNSIGNED, /* unsigned, min … max */
        DAG_KEY_INT,      /* int, min … max */
        DAG_KEY_BOOL,     /* bool */
        DAG_KEY_SPAN,     /* usec_t, from seconds or "1h 30min" */
        DAG_KEY_MOMENT,   /* usec_t, from ISO 8601 */
        DAG_KEY_SIZE,     /* uint64_t, from bytes or "512M" */
        DAG_KEY_PAIRS,    /* struct dag_pairs, from an object of strings, numbers and booleans */
        DAG_KEY_CUSTOM,   /* by set(), which gets the whole struct */
};

struct dag_key {
        const char *name;
        enum dag_key_type type;
        size_t offset;
        int64_t min;
        int64_t max;
        bool required;
        int (*set)(struct dag_reader *r, const struct json *value, void *target);
};

/* Rows of a table. */
#define DAG_KEY(name_, type_, struct_, field_) \
        { .name = (name_), .type = DAG_KEY_##type_, .offset = offsetof(struct_, field_) }
#define DAG_KEY_NEEDED(name_, type_, struct_, field_)                                          \
        {                                                                                      \
                .name = (name_), .type = DAG_KEY_##type_, .offset = offsetof(struct_, field_), \
                .required = true                                                               \
        }
#define DAG_KEY_RANGE(name_, type_, struct_, field_, min_, max_)                               \
        {                                                                                      \
                .name = (name_), .type = DAG_KEY_##type_, .offset = offsetof(struct_, field_), \
                .min = (min_), .max = (max_)                                                   \
        }
#define DAG_KEY_BY(name_, set_) \
        { .name = (name_), .type = DAG_KEY_CUSTOM, .set = (set_) }
#define DAG_KEY_NEEDED_BY(name_, set_) \
        { .name = (name_), .type = DAG_KEY_CUSTOM, .set = (set_), .required = true }

/* A null value is as good as none. 0, -EINVAL with em set, -ENOMEM. */
int dag_keys_read(struct dag_reader *r, const struct json *object, const struct dag_key *keys,
                  size_t n_keys, void *target);

/* An array of such objects; *ret_items becomes an array of structs in the arena. */
int dag_keys_items(struct dag_reader *r, const struct json *array, const struct dag_key *keys,
                   size_t n_keys, size_t item_size, void *ret_items, size_t *ret_n);

/* Sets em to "PATH: …" and returns -EINVAL. */
int dag_keys_fail(struct dag_reader *r, const char *fmt, ...) _printf_(2, 3);

/* "must be WANTED, not a string". */
int dag_keys_wrong(struct dag_reader *r, const struct json *value, const char *wanted);

/* Goes one step down the path; returns the mark for dag_keys_leave(). */
size_t dag_keys_enter(struct dag_reader *r, const char *key);
size_t dag_keys_enter_item(struct dag_reader *r, size_t index);
void dag_keys_leave(struct dag_reader *r, size_t mark);

/* One value by itself, where a table does not fit. */
int dag_keys_span(struct dag_reader *r, const struct json *value, usec_t *ret);
/* An array of strings, NULL-terminated, in the arena. */
int dag_keys_strings(struct dag_reader *r, const struct json *value, const char *const **ret,
                     size_t *ret_n);
/* The scalar members of an object as pairs; others are left out. */
int dag_keys_scalars(struct dag_reader *r, const struct json *object, struct dag_pairs *ret);
/* The index of a name in a list, or an error that names the nearest. */
int dag_keys_choice(struct dag_reader *r, const struct json *value, const char *const *names,
                    size_t n_names, unsigned *ret);
