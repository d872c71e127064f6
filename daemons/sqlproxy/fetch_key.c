/* See fetch_key.h. */
#include "daemons/sqlproxy/fetch_key.h"

#include <errno.h>
#include <pthread.h>

#include "lib/base/mem.h"

struct fetch_key_wait {
        void (*done)(void *ctx, int r, struct tls_key *key);
        void *ctx;
        struct fetch_key_wait *next, **prev;
};

struct fetch_key {
        struct loop *loop;
        struct tls_key *key;
        pthread_t thread;
        bool is_making;
        struct loop_task made;
        struct tls_key *new_key; /* the thread's result, read after it posted */
        int new_error;
        struct fetch_key_wait *waits;
};

static void drop_wait(struct fetch_key_wait *w) {
        *w->prev = w->next;
        if (w->next)
                w->next->prev = w->prev;
        mem_free(w);
}

void fetch_key_cancel(struct fetch_key_wait *w) {
        if (w)
                drop_wait(w);
}

static void on_made(struct loop_task *t) {
        struct fetch_key *k = container_of(t, struct fetch_key, made);
        int r = k->new_error;

        if (k->is_making)
                pthread_join(k->thread, NULL);
        k->is_making = false;
        k->key = TAKE_PTR(k->new_key);
        while (k->waits) {
                struct fetch_key_wait w = *k->waits;

                drop_wait(k->waits);
                w.done(w.ctx, r, k->key);
        }
}

static void *make(void *arg) {
        struct fetch_key *k = arg;

        k->new_error = tls_key_new_rsa(&k->new_key);
        loop_post_task(k->loop, &k->made);
        return NULL;
}

static int begin(struct fetch_key *k) {
        int r;

        if (k->is_making)
                return 0;
        k->made.run = on_made;
        r = pthread_create(&k->thread, NULL, make, k);
        k->is_making = r == 0;
        return -r;
}

int fetch_key_new(struct loop *l, bool now, struct fetch_key **ret) {
        struct fetch_key *k = mem_new(struct fetch_key);
        int r;

        if (!k)
                return -ENOMEM;
        k->loop = l;
        r = now ? begin(k) : 0;
        if (r < 0) {
                mem_free(k);
                return r;
        }
        *ret = k;
        return 0;
}

struct fetch_key *fetch_key_free(struct fetch_key *k) {
        if (!k)
                return NULL;
        while (k->waits)
                drop_wait(k->waits);
        if (k->is_making) {
                pthread_join(k->thread, NULL);
                k->is_making = false;
                /* What it posted still names k: let it run, on nobody's behalf. */
                loop_post_flush(k->loop);
        }
        tls_key_unref(k->key);
        return mem_free(k);
}

int fetch_key_get(struct fetch_key *k, void (*done)(void *ctx, int r, struct tls_key *key),
                  void *ctx, struct fetch_key_wait **ret) {
        struct fetch_key_wait *w;
        int r;

        if (k->key) {
                done(ctx, 0, k->key);
                return 0;
        }
        r = begin(k);
        if (r < 0)
                return r;
        w = mem_new(struct fetch_key_wait);
        if (!w)
                return -ENOMEM;
        *w = (struct fetch_key_wait){.done = done, .ctx = ctx, .next = k->waits, .prev = &k->waits};
        if (w->next)
                w->next->prev = &w->next;
        k->waits = w;
        *ret = w;
        return 0;
}
