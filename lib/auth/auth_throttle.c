/* auth_throttle.c: after AUTH_THROTTLE_FREE failures the wait doubles from one second. */
#include "lib/auth/auth_throttle.h"

#include <string.h>

#include "lib/base/fnv.h"

#define TOKEN (USEC_PER_SEC / AUTH_THROTTLE_PER_SEC)

void auth_throttle_init(struct auth_throttle *t, uint64_t seed, usec_t mono_at) {
        memset(t, 0, sizeof(*t));
        t->seed = seed;
        t->tokens = AUTH_THROTTLE_BURST * TOKEN;
        t->filled_at = mono_at;
}

static uint64_t hash_of(const struct auth_throttle *t, const char *name) {
        uint64_t h = fnv_add_text(FNV_EMPTY ^ t->seed, name);

        h ^= h >> 29; /* the low bits pick the set */
        return h ? h : 1;
}

static struct auth_throttle_row *find(struct auth_throttle *t, uint64_t name) {
        struct auth_throttle_row *set = t->rows[name % AUTH_THROTTLE_SETS];

        for (size_t i = 0; i < AUTH_THROTTLE_WAYS; i++)
                if (set[i].name == name)
                        return &set[i];
        return NULL;
}

static usec_t wait_for(const struct auth_throttle_row *row) {
        unsigned n;

        if (row->n_failures < AUTH_THROTTLE_FREE)
                return 0;
        n = MIN(row->n_failures - AUTH_THROTTLE_FREE, 6u);
        return MIN(USEC_PER_SEC << n, AUTH_THROTTLE_WAIT_MAX);
}

static usec_t wait_for_token(struct auth_throttle *t, usec_t mono_at) {
        usec_t full = AUTH_THROTTLE_BURST * TOKEN;

        assert(mono_at >= t->filled_at);
        t->tokens = MIN(t->tokens + MIN(mono_at - t->filled_at, full), full);
        t->filled_at = mono_at;
        return t->tokens < TOKEN ? TOKEN - t->tokens : 0;
}

usec_t auth_throttle_peek(struct auth_throttle *t, const char *name, usec_t mono_at) {
        struct auth_throttle_row *row = find(t, hash_of(t, name));

        if (row && mono_at - row->failed_at >= AUTH_THROTTLE_FORGET_FOR)
                *row = (struct auth_throttle_row){};
        else if (row && mono_at < row->failed_at + wait_for(row))
                return row->failed_at + wait_for(row) - mono_at;
        return wait_for_token(t, mono_at);
}

usec_t auth_throttle_take(struct auth_throttle *t, const char *name, usec_t mono_at) {
        usec_t wait = auth_throttle_peek(t, name, mono_at);

        if (wait == 0)
                t->tokens -= TOKEN;
        return wait;
}

void auth_throttle_failed(struct auth_throttle *t, const char *name, usec_t mono_at) {
        uint64_t hash = hash_of(t, name);
        struct auth_throttle_row *set = t->rows[hash % AUTH_THROTTLE_SETS];
        struct auth_throttle_row *row = find(t, hash);

        if (!row) {
                row = &set[0];
                for (size_t i = 1; i < AUTH_THROTTLE_WAYS; i++)
                        if (set[i].failed_at < row->failed_at)
                                row = &set[i];
                *row = (struct auth_throttle_row){.name = hash};
        }
        row->n_failures++;
        row->failed_at = mono_at;
}

void auth_throttle_passed(struct auth_throttle *t, const char *name) {
        struct auth_throttle_row *row = find(t, hash_of(t, name));

        if (row)
                *row = (struct auth_throttle_row){};
}
