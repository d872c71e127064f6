#include "lib/base/crew.h"

#include <pthread.h>
#include <stdatomic.h>

struct crew {
        bool (*each)(void *ctx, size_t index);
        void *ctx;
        size_t n;
        atomic_size_t next;
        atomic_bool is_over;
};

static void *crew_main(void *arg) {
        struct crew *c = arg;
        size_t k;

        while (!c->is_over && (k = atomic_fetch_add(&c->next, 1)) < c->n)
                if (!c->each(c->ctx, k))
                        c->is_over = true;
        return NULL;
}

void crew_run(size_t n, size_t n_threads, bool (*each)(void *ctx, size_t index), void *ctx) {
        struct crew c = {.each = each, .ctx = ctx, .n = n};
        pthread_t others[CREW_MAX - 1];
        size_t n_others = 0;
        size_t wanted = MIN(MIN(n, n_threads), (size_t) CREW_MAX);

        while (n_others + 1 < wanted && pthread_create(&others[n_others], NULL, crew_main, &c) == 0)
                n_others++;
        (void) crew_main(&c);
        while (n_others > 0)
                (void) pthread_join(others[--n_others], NULL);
}
