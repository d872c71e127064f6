/* strmap: see strmap.h. Open addressing over an ordered array of entries; a removed entry stays as
 * a hole (key NULL) until the table is rebuilt, so slots need no tombstones of their own. */
#include "lib/base/strmap.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "lib/base/entropy.h"
#include "lib/base/mem.h"

static uint64_t hash_key[2];

static void make_hash_key(void) {
        if (entropy_system()->fill(entropy_system(), hash_key, sizeof(hash_key)) < 0)
                hash_key[0] = (uintptr_t) &hash_key;
}

#define ROTL(x, b) ((x) << (b) | (x) >> (64 - (b)))
#define SIPROUND                                                     \
        do {                                                         \
                v0 += v1, v1 = ROTL(v1, 13) ^ v0, v0 = ROTL(v0, 32); \
                v2 += v3, v3 = ROTL(v3, 16) ^ v2;                    \
                v0 += v3, v3 = ROTL(v3, 21) ^ v0;                    \
                v2 += v1, v1 = ROTL(v1, 17) ^ v2, v2 = ROTL(v2, 32); \
        } while (0)

/* SipHash-1-3 */
static uint32_t hash_of(const char *key) {
        static pthread_once_t once = PTHREAD_ONCE_INIT;
        size_t len = strlen(key), i;
        uint64_t v0, v1, v2, v3, m = 0;

        pthread_once(&once, make_hash_key);
        v0 = hash_key[0] ^ UINT64_C(0x736f6d6570736575);
        v1 = hash_key[1] ^ UINT64_C(0x646f72616e646f6d);
        v2 = hash_key[0] ^ UINT64_C(0x6c7967656e657261);
        v3 = hash_key[1] ^ UINT64_C(0x7465646279746573);
        for (i = 0; i + 8 <= len; i += 8) {
                memcpy(&m, key + i, 8);
                v3 ^= m;
                SIPROUND;
                v0 ^= m;
        }
        m = 0;
        memcpy(&m, key + i, len - i);
        m |= (uint64_t) len << 56;
        v3 ^= m;
        SIPROUND;
        v0 ^= m;
        v2 ^= 0xFF;
        SIPROUND;
        SIPROUND;
        SIPROUND;
        return (uint32_t) (v0 ^ v1 ^ v2 ^ v3);
}

void strmap_init(struct strmap *m, void (*free_value)(void *value)) {
        *m = (struct strmap){.free_value = free_value};
}

void strmap_done(struct strmap *m) {
        struct strmap_entry *e;

        map_each (e, m) {
                if (m->free_value)
                        m->free_value(e->value);
                mem_free(e->key);
        }
        mem_free(m->entries);
        mem_free(m->slots);
        *m = (struct strmap){.free_value = m->free_value};
}

void strmap_clear(struct strmap *m) {
        strmap_done(m);
}

struct strmap_entry *strmap_next(const struct strmap *m, const struct strmap_entry *e) {
        size_t i = e ? (size_t) (e - m->entries) + 1 : 0;

        while (i < m->n_entries && !m->entries[i].key)
                i++;
        return i < m->n_entries ? &m->entries[i] : NULL;
}

/* The entry of key, or NULL; holes are passed over. */
static struct strmap_entry *find(const struct strmap *m, const char *key, uint32_t hash) {
        if (m->n_slots == 0)
                return NULL;
        for (size_t i = hash & (m->n_slots - 1);; i = (i + 1) & (m->n_slots - 1)) {
                struct strmap_entry *e;

                if (m->slots[i] == 0)
                        return NULL;
                e = &m->entries[m->slots[i] - 1];
                if (e->key && e->hash == hash && strcmp(e->key, key) == 0)
                        return e;
        }
}

static void fill_slot(uint32_t *slots, size_t n_slots, uint32_t hash, size_t index) {
        size_t i = hash & (n_slots - 1);

        while (slots[i])
                i = (i + 1) & (n_slots - 1);
        slots[i] = (uint32_t) index + 1;
}

/* New arrays without holes, with room for at least as many keys again. */
static int rebuild(struct strmap *m) {
        size_t n_slots = 16, j = 0;
        _cleanup_free_ struct strmap_entry *entries = NULL;
        _cleanup_free_ uint32_t *slots = NULL;

        while (n_slots < (m->n + 1) * 4)
                n_slots *= 2;
        if (n_slots > UINT32_MAX)
                return -ENOMEM;
        slots = mem_zalloc_array(n_slots, sizeof(*slots));
        entries = mem_alloc_array(n_slots / 2, sizeof(*entries));
        if (!slots || !entries)
                return -ENOMEM;
        for (size_t i = 0; i < m->n_entries; i++)
                if (m->entries[i].key) {
                        entries[j] = m->entries[i];
                        fill_slot(slots, n_slots, entries[j].hash, j);
                        j++;
                }
        assert(j == m->n);
        mem_free(m->entries);
        mem_free(m->slots);
        m->entries = TAKE_PTR(entries);
        m->slots = TAKE_PTR(slots);
        m->n_entries = j;
        m->n_slots = n_slots;
        return 0;
}

void *strmap_get(const struct strmap *m, const char *key) {
        struct strmap_entry *e = m->n ? find(m, key, hash_of(key)) : NULL;

        return e ? e->value : NULL;
}

bool strmap_has(const struct strmap *m, const char *key) {
        return m->n && find(m, key, hash_of(key));
}

static int insert(struct strmap *m, const char *key, uint32_t hash, void *value) {
        char *copy;
        int r;

        if (m->n_entries >= m->n_slots / 2) {
                r = rebuild(m);
                if (r < 0)
                        return r;
        }
        copy = mem_strdup(key);
        if (!copy)
                return -ENOMEM;
        m->entries[m->n_entries] = (struct strmap_entry){copy, value, hash};
        fill_slot(m->slots, m->n_slots, hash, m->n_entries);
        m->n_entries++;
        m->n++;
        return 0;
}

int strmap_set(struct strmap *m, const char *key, void *value) {
        uint32_t hash = hash_of(key);
        struct strmap_entry *e = find(m, key, hash);

        if (!e)
                return insert(m, key, hash, value);
        if (m->free_value && e->value != value)
                m->free_value(e->value);
        e->value = value;
        return 0;
}

int strmap_add(struct strmap *m, const char *key, void *value) {
        uint32_t hash = hash_of(key);

        return find(m, key, hash) ? 1 : insert(m, key, hash, value);
}

void *strmap_take(struct strmap *m, const char *key) {
        struct strmap_entry *e = m->n ? find(m, key, hash_of(key)) : NULL;

        if (!e)
                return NULL;
        e->key = mem_free(e->key);
        m->n--;
        return TAKE_PTR(e->value);
}

bool strmap_remove(struct strmap *m, const char *key) {
        void *value;

        if (!strmap_has(m, key))
                return false;
        value = strmap_take(m, key);
        if (m->free_value)
                m->free_value(value);
        return true;
}
