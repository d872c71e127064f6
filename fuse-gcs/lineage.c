#include "fuse-gcs/lineage.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "fuse-gcs/lineage_try.h"
#include "lib/base/buf.h"
#include "lib/base/json_write.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/procfs.h"
#include "lib/base/str.h"
#include "lib/base/strmap.h"
#include "lib/net/http_call.h"

#define LINEAGE_BATCH 200
#define LINEAGE_ENVIRON_MAX ((size_t) 64 << 10)
#define LINEAGE_PIDS 64
#define LINEAGE_REST_S 3  /* since it was written last */
#define LINEAGE_PAUSE_S 1 /* what comes meanwhile goes along */
#define LINEAGE_PAUSE_MAX_S 60

struct lineage_object {
        int64_t generation;
        time_t at_s;
        bool is_told;
};

/* Keys of `objects` are "r" and the generation, or "w", and then "/", the bucket, "/" and the name.
 */
struct lineage_one {
        uint32_t who; /* 0: free */
        char try_id[LINEAGE_TRY_SIZE];
        char *token;
        struct strmap objects; /* of lineage_object */
        size_t n_noted;        /* LINEAGE_OBJECTS at most, what was written again among them */
        size_t n_open;         /* are not told yet */
        bool is_cut;           /* there were more */
        uint64_t used;         /* counts up: the one with the least is the oldest */
};

struct lineage {
        pthread_mutex_t lock;
        pthread_cond_t more;
        pthread_t thread;
        char *address;
        bool stops;
        uint32_t last_who;
        uint64_t clock;
        struct lineage_one tries[LINEAGE_TRIES];
        struct {
                pid_t pid;
                uint32_t who;
                time_t at_s;
        } pids[LINEAGE_PIDS];
};

/* --- who ------------------------------------------------------------------------------------- */

static time_t lineage_now(void) {
        struct timespec t;

        clock_gettime(CLOCK_BOOTTIME, &t);
        return t.tv_sec;
}

static bool lineage_is_told(const struct lineage_one *t) {
        return t->n_open == 0;
}

static void lineage_object_free(void *o) {
        mem_free(o);
}

static void lineage_clear(struct lineage_one *t) {
        strmap_done(&t->objects);
        if (t->token)
                mem_free_secret(t->token, strlen(t->token));
        *t = (struct lineage_one){};
}

/* A place for a try: its own, a free one, or of the oldest of which all is told. */
static struct lineage_one *lineage_place(struct lineage *l, const char *try_id) {
        struct lineage_one *best = NULL;

        for (size_t i = 0; i < LINEAGE_TRIES; i++) {
                struct lineage_one *t = &l->tries[i];

                if (t->who > 0 && str_eq(t->try_id, try_id))
                        return t;
                if (lineage_is_told(t) && (!best || t->used < best->used))
                        best = t;
        }
        if (best)
                lineage_clear(best);
        return best;
}

static uint32_t lineage_enter(struct lineage *l, const char *try_id, const char *token) {
        struct lineage_one *t = lineage_place(l, try_id);

        if (!t)
                return 0;
        if (t->who == 0) {
                t->token = token ? mem_strdup(token) : NULL;
                if (token && !t->token)
                        return 0;
                snprintf(t->try_id, sizeof(t->try_id), "%s", try_id);
                t->who = ++l->last_who ?: ++l->last_who;
                t->objects.free_value = lineage_object_free;
        }
        t->used = ++l->clock;
        return t->who;
}

static uint32_t lineage_look(struct lineage *l, pid_t pid) {
        char *data = mem_alloc(LINEAGE_ENVIRON_MAX), id[LINEAGE_TRY_SIZE];
        const char *token = NULL;
        uint32_t who = 0;
        ssize_t n;

        if (!data)
                return 0;
        n = procfs_read(pid, "cgroup", data, LINEAGE_ENVIRON_MAX);
        if (n < 0 || !lineage_try_of_cgroup(data, id)) {
                n = procfs_read(pid, "environ", data, LINEAGE_ENVIRON_MAX);
                if (n < 0 || !lineage_try_of_environ(data, (size_t) n, id, &token))
                        *id = 0;
        }
        if (*id) {
                pthread_mutex_lock(&l->lock);
                who = lineage_enter(l, id, token);
                pthread_mutex_unlock(&l->lock);
        }
        mem_free_secret(data, LINEAGE_ENVIRON_MAX);
        return who;
}

uint32_t lineage_who(struct lineage *l, pid_t pid) {
        size_t slot = (size_t) pid % LINEAGE_PIDS;
        time_t now_s;
        uint32_t who = 0;
        bool is_known;

        if (!l || pid <= 0)
                return 0;
        now_s = lineage_now();
        pthread_mutex_lock(&l->lock);
        /* For a moment: a number is given to another process only after all others. */
        is_known = l->pids[slot].pid == pid && l->pids[slot].at_s == now_s;
        if (is_known)
                who = l->pids[slot].who;
        pthread_mutex_unlock(&l->lock);
        if (is_known)
                return who;
        who = lineage_look(l, pid);
        pthread_mutex_lock(&l->lock);
        l->pids[slot].pid = pid;
        l->pids[slot].who = who;
        l->pids[slot].at_s = now_s;
        pthread_mutex_unlock(&l->lock);
        return who;
}

/* --- what ------------------------------------------------------------------------------------ */

/* An object that is written again and again is told when it rests. */
static int lineage_add(struct lineage_one *t, const char *key, int64_t generation) {
        struct lineage_object *o = strmap_get(&t->objects, key);
        int r;

        if (o && o->generation == generation)
                return 0;
        if ((!o || o->is_told) && t->n_noted == LINEAGE_OBJECTS) {
                t->is_cut = true;
                return 0;
        }
        if (!o) {
                o = mem_new(struct lineage_object);
                r = o ? strmap_add(&t->objects, key, o) : -ENOMEM;
                if (r < 0) {
                        mem_free(o);
                        return r;
                }
                o->is_told = true;
        }
        t->n_noted += o->is_told;
        t->n_open += o->is_told;
        *o = (struct lineage_object){generation, lineage_now(), false};
        return 0;
}

void lineage_note(struct lineage *l, uint32_t who, bool written, const char *bucket,
                  const char *name, int64_t generation) {
        _cleanup_free_ char *key = NULL;

        if (!l || who == 0)
                return;
        key = written ? str_printf("w/%s/%s", bucket, name)
                      : str_printf("r%" PRId64 "/%s/%s", generation, bucket, name);
        if (!key)
                return;
        pthread_mutex_lock(&l->lock);
        for (size_t i = 0; i < LINEAGE_TRIES; i++)
                if (l->tries[i].who == who)
                        (void) lineage_add(&l->tries[i], key, generation);
        pthread_cond_signal(&l->more);
        pthread_mutex_unlock(&l->lock);
}

/* --- telling --------------------------------------------------------------------------------- */

struct lineage_batch {
        char try_id[LINEAGE_TRY_SIZE];
        char *token;
        uint32_t who;
        struct {
                size_t entry;
                int64_t generation;
        } told[LINEAGE_BATCH]; /* when it is heard */
        size_t n;
        struct buf body;
};

static void lineage_batch_done(struct lineage_batch *b) {
        if (b->token)
                mem_free_secret(b->token, strlen(b->token));
        buf_done(&b->body);
}

static void lineage_write(struct json_write *w, const char *key, int64_t generation) {
        const char *bucket = strchr(key, '/') + 1, *name = strchr(bucket, '/') + 1;
        char text[256];

        json_write_object(w);
        snprintf(text, sizeof(text), "%" PRId64, generation);
        json_write_kv_str(w, "generation", text);
        snprintf(text, sizeof(text), "%.*s", (int) (name - bucket) - 1, bucket);
        json_write_kv_str(w, "bucket", text);
        json_write_kv_str(w, "name", name);
        json_write_kv_bool(w, "written", *key == 'w');
        json_write_end(w);
}

static bool lineage_is_due(const struct lineage *l, const struct strmap_entry *e, time_t now_s) {
        const struct lineage_object *o = e->value;

        return !o->is_told && (*e->key == 'r' || l->stops || now_s - o->at_s >= LINEAGE_REST_S);
}

/* Which of a try's are due. */
static void lineage_choose(const struct lineage *l, const struct lineage_one *t,
                           struct lineage_batch *b) {
        time_t now_s = lineage_now();

        b->n = 0;
        for (size_t i = 0; i < t->objects.n_entries && b->n < LINEAGE_BATCH; i++)
                if (lineage_is_due(l, &t->objects.entries[i], now_s)) {
                        const struct lineage_object *o = t->objects.entries[i].value;

                        b->told[b->n].entry = i;
                        b->told[b->n++].generation = o->generation;
                }
}

/* Under the lock. 1 with a batch, 0: nothing is due. */
static int lineage_next(struct lineage *l, struct lineage_batch *ret) {
        struct lineage_one *t = NULL;
        struct json_write w;

        *ret = (struct lineage_batch){};
        for (size_t i = 0; i < LINEAGE_TRIES && ret->n == 0; i++) {
                t = &l->tries[i];
                if (t->n_open > 0)
                        lineage_choose(l, t, ret);
        }
        if (ret->n == 0)
                return 0;
        ret->who = t->who;
        memcpy(ret->try_id, t->try_id, sizeof(ret->try_id));
        if (t->token && !(ret->token = mem_strdup(t->token)))
                return -ENOMEM;
        json_write_init(&w, &ret->body, 0);
        json_write_object(&w);
        json_write_kv_array(&w, "objects");
        for (size_t i = 0; i < ret->n; i++)
                lineage_write(&w, t->objects.entries[ret->told[i].entry].key,
                              ret->told[i].generation);
        json_write_end(&w);
        json_write_kv_bool(&w, "more", t->is_cut);
        json_write_end(&w);
        return json_write_finish(&w) < 0 ? -ENOMEM : 1;
}

/* 0: heard, or never will be. */
static int lineage_tell(struct lineage *l, const struct lineage_batch *b) {
        struct http_call_answer a = {};
        struct errmsg em = {};
        char target[LINEAGE_TRY_SIZE + 32];
        struct http_call c = {
                .address = l->address,
                .target = target,
                .token = b->token,
                .body = b->body.data,
                .body_size = b->body.len,
                .max_body = 64 << 10,
                .connect_for = 2 * USEC_PER_SEC,
                .stall_for = 5 * USEC_PER_SEC,
        };
        int r;

        snprintf(target, sizeof(target), "/internal/tries/%s/objects", b->try_id);
        r = http_call(&c, &a, &em);
        if (r >= 0 && a.status >= 500)
                r = -EAGAIN;
        else if (r >= 0 && a.status >= 300)
                log_warning("the tracking server does not want to know what try %s read: status %d",
                            b->try_id, a.status);
        else if (r < 0)
                log_debug("what try %s read is not told yet: %s", b->try_id, em.text);
        http_call_answer_done(&a);
        return MIN(r, 0);
}

static void lineage_heard(struct lineage *l, const struct lineage_batch *b) {
        struct lineage_one *t = NULL;

        for (size_t i = 0; i < LINEAGE_TRIES && !t; i++)
                if (l->tries[i].who == b->who)
                        t = &l->tries[i];
        for (size_t i = 0; t && i < b->n; i++) {
                struct lineage_object *o = t->objects.entries[b->told[i].entry].value;

                /* Written again meanwhile: that is told later. */
                if (o->generation != b->told[i].generation)
                        continue;
                o->is_told = true;
                t->n_open--;
        }
}

/* All that is due. Negative: not now. Under the lock, left while it waits. */
static int lineage_tell_all(struct lineage *l) {
        struct lineage_batch b = {};
        int r;

        while ((r = lineage_next(l, &b)) > 0) {
                pthread_mutex_unlock(&l->lock);
                r = lineage_tell(l, &b);
                pthread_mutex_lock(&l->lock);
                if (r >= 0)
                        lineage_heard(l, &b);
                lineage_batch_done(&b);
                if (r < 0)
                        return r;
        }
        if (r < 0)
                lineage_batch_done(&b);
        return r;
}

static void lineage_pause(struct lineage *l, time_t for_s) {
        struct timespec until;

        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += for_s;
        while (!l->stops && pthread_cond_timedwait(&l->more, &l->lock, &until) == 0)
                ;
}

static bool lineage_any(const struct lineage *l) {
        for (size_t i = 0; i < LINEAGE_TRIES; i++)
                if (!lineage_is_told(&l->tries[i]))
                        return true;
        return false;
}

static void *lineage_main(void *ctx) {
        struct lineage *l = ctx;
        time_t pause_s = LINEAGE_PAUSE_S;

        pthread_mutex_lock(&l->lock);
        while (!l->stops) {
                if (!lineage_any(l)) {
                        pthread_cond_wait(&l->more, &l->lock);
                        continue;
                }
                lineage_pause(l, pause_s);
                pause_s = lineage_tell_all(l) < 0 ? MIN(pause_s * 2, (time_t) LINEAGE_PAUSE_MAX_S)
                                                  : LINEAGE_PAUSE_S;
        }
        (void) lineage_tell_all(l);
        pthread_mutex_unlock(&l->lock);
        return NULL;
}

int lineage_new(const char *address, struct lineage **ret) {
        struct lineage *l = mem_new(struct lineage);

        if (!l)
                return -ENOMEM;
        pthread_mutex_init(&l->lock, NULL);
        pthread_cond_init(&l->more, NULL);
        l->address = mem_strdup(address);
        if (!l->address || pthread_create(&l->thread, NULL, lineage_main, l) != 0) {
                mem_free(l->address);
                mem_free(l);
                return -ENOMEM;
        }
        *ret = l;
        return 0;
}

void lineage_stop(struct lineage *l) {
        bool was;

        if (!l)
                return;
        pthread_mutex_lock(&l->lock);
        was = l->stops;
        l->stops = true;
        pthread_cond_signal(&l->more);
        pthread_mutex_unlock(&l->lock);
        if (!was)
                pthread_join(l->thread, NULL);
}

struct lineage *lineage_free(struct lineage *l) {
        if (!l)
                return NULL;
        lineage_stop(l);
        for (size_t i = 0; i < LINEAGE_TRIES; i++)
                lineage_clear(&l->tries[i]);
        pthread_mutex_destroy(&l->lock);
        pthread_cond_destroy(&l->more);
        mem_free(l->address);
        return mem_free(l);
}
