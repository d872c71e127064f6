#include "daemons/tracking/run_set.h"

#include <errno.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/json_write.h"
#include "lib/base/mem.h"
#include "lib/db/db.h"

void run_set_done(struct run_set *s) {
        mem_free(s->ids);
        mem_free(s->slots);
        *s = (struct run_set){};
}

static bool make_id(const char *text, size_t n, struct run_set_id *ret) {
        if (!text || n > sizeof(ret->text))
                return false;
        memset(ret, 0, sizeof(*ret));
        memcpy(ret->text, text, n);
        return true;
}

static bool read_id(struct db_stmt *s, struct run_set_id *ret) {
        size_t n;
        const char *text = db_col_text_n(s, 0, &n);

        return make_id(text, n, ret);
}

static uint32_t hash_of(const struct run_set_id *id) {
        uint64_t words[4], hash = 0;

        memcpy(words, id, sizeof(words));
        for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
                hash = (hash ^ words[i]) * UINT64_C(0x9e3779b97f4a7c15);
                hash ^= hash >> 32;
        }
        return (uint32_t) hash;
}

/* The slot of the id, or the free one where it belongs. */
static struct run_set_slot *slot_of(const struct run_set *k, const struct run_set_id *id,
                                    uint32_t hash) {
        for (size_t i = hash & (k->n_slots - 1);; i = (i + 1) & (k->n_slots - 1)) {
                struct run_set_slot *s = &k->slots[i];

                if (s->number == 0 ||
                    (s->hash == hash && memcmp(&k->ids[s->number - 1], id, sizeof(*id)) == 0))
                        return s;
        }
}

int run_set_add(struct run_set *s, struct db_stmt *row) {
        int r = mem_grow((void **) &s->ids, &s->ids_max, s->n + 1, sizeof(*s->ids));

        assert(s->n < UINT32_MAX && !s->slots);
        if (r == 0 && !read_id(row, &s->ids[s->n]))
                return RUN_SET_NOT;
        s->n += r == 0;
        return r;
}

int run_set_index(struct run_set *s) {
        for (s->n_slots = 64; s->n_slots < 2 * s->n;)
                s->n_slots *= 2;
        s->slots = mem_zalloc_array(s->n_slots, sizeof(*s->slots));
        if (!s->slots)
                return -ENOMEM;
        for (size_t i = 0; i < s->n; i++) {
                uint32_t hash = hash_of(&s->ids[i]);

                *slot_of(s, &s->ids[i], hash) = (struct run_set_slot){hash, (uint32_t) i + 1};
        }
        return 0;
}

ssize_t run_set_find(const struct run_set *s, const char *id, size_t n_bytes) {
        struct run_set_id key;

        assert(s->slots);
        return make_id(id, n_bytes, &key) ? (ssize_t) slot_of(s, &key, hash_of(&key))->number - 1
                                          : -1;
}

const char *run_set_list(const struct run_set *s, const uint32_t *numbers, size_t n,
                         struct arena *a) {
        _cleanup_buf_ struct buf text = {};
        struct json_write w;

        json_write_init(&w, &text, 0);
        json_write_array(&w);
        for (size_t i = 0; i < n; i++) {
                const char *id = s->ids[numbers[i]].text;

                json_write_strn(&w, id, strnlen(id, sizeof(s->ids->text)));
        }
        json_write_end(&w);
        return json_write_finish(&w) == 0 ? arena_strdup(a, buf_cstr(&text)) : NULL;
}

bool run_set_join(const struct run_set *s, struct run_set_batch *b, struct db_stmt *row,
                  int64_t place) {
        assert(b->n < ARRAY_SIZE(b->rows));
        if (!read_id(row, &b->rows[b->n].id))
                return true;
        b->rows[b->n].place = place;
        b->rows[b->n].hash = hash_of(&b->rows[b->n].id);
        __builtin_prefetch(&s->slots[b->rows[b->n].hash & (s->n_slots - 1)]);
        return ++b->n < ARRAY_SIZE(b->rows);
}

void run_set_meet(const struct run_set *s, struct run_set_batch *b,
                  void (*each)(void *ctx, size_t number, int64_t place), void *ctx) {
        for (size_t i = 0; i < b->n; i++) {
                uint32_t number = s->slots[b->rows[i].hash & (s->n_slots - 1)].number;

                if (number > 0)
                        __builtin_prefetch(&s->ids[number - 1]);
        }
        for (size_t i = 0; i < b->n; i++) {
                uint32_t number = slot_of(s, &b->rows[i].id, b->rows[i].hash)->number;

                if (number > 0)
                        each(ctx, number - 1, b->rows[i].place);
        }
        b->n = 0;
}
