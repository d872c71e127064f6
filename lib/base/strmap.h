/* strmap: a map from strings to pointers that remembers the order of insertion.
 *
 * Keys are copied; values are the caller's unless free_value is set, which is then called for each
 * value replaced, removed or left at strmap_done(). Hashes are keyed per process, so hostile keys
 * do not collide. Threads: one at a time. */
#pragma once

#include "lib/base/macros.h"

struct strmap_entry {
        char *key; /* NULL: removed */
        void *value;
        uint32_t hash;
};

struct strmap {
        struct strmap_entry *entries; /* in order of insertion, with holes */
        uint32_t *slots;              /* index of an entry + 1; 0: free */
        size_t n_entries;             /* used entries, holes included */
        size_t n_slots;               /* power of two */
        size_t n;                     /* keys in the map */
        void (*free_value)(void *value);
};

/* struct strmap m = {}; is as good when free_value is NULL. */
void strmap_init(struct strmap *m, void (*free_value)(void *value));
void strmap_done(struct strmap *m);
/* Empty again. */
void strmap_clear(struct strmap *m);

/* NULL when absent. */
void *strmap_get(const struct strmap *m, const char *key);
bool strmap_has(const struct strmap *m, const char *key);
/* Sets or replaces. 0 or -ENOMEM (then the map is unchanged and value still the caller's). */
int strmap_set(struct strmap *m, const char *key, void *value);
/* Sets only a new key. 0, -ENOMEM, or 1 when the key was there already (nothing changed). */
int strmap_add(struct strmap *m, const char *key, void *value);
/* The value leaves the map and becomes the caller's; NULL when absent. */
void *strmap_take(struct strmap *m, const char *key);
/* Removes (and frees) the key's value. True when it was there. */
bool strmap_remove(struct strmap *m, const char *key);

/* struct strmap_entry *e; map_each(e, &m) { e->key, e->value }: in order of insertion. The map must
 * not be added to meanwhile; removing is allowed. */
struct strmap_entry *strmap_next(const struct strmap *m, const struct strmap_entry *e);
#define map_each(e, m) for ((e) = strmap_next((m), NULL); (e); (e) = strmap_next((m), (e)))
