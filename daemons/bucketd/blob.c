/* blob: see blob.h. */
#include "daemons/bucketd/blob.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/errmsg.h"
#include "lib/base/fault.h"
#include "lib/base/fileio.h"
#include "lib/base/mem.h"

#define NAME_SIZE 40 /* "staging/0123456789abcdef" */

enum task_kind { TASK_PUBLISH, TASK_DISCARD };

struct task {
        struct task *next;
        enum task_kind kind;
        uint64_t id, epoch;
};

struct blob_store {
        int root_fd, staging_fd;
        struct blob_options options;
        atomic_uint_fast64_t next_id;
        pthread_t thread;
        bool has_thread;

        pthread_mutex_t lock; /* of all below */
        pthread_cond_t work;
        struct queue {
                struct task *head, **tail; /* oldest first */
        } queues[2];                       /* by enum task_kind */
        bool is_stopping;
        uint64_t epoch;
        struct blob_reading *readings, **readings_end; /* oldest first */
};

struct blob_put {
        struct blob_store *store;
        uint64_t id;
        int fd;
        bool is_new; /* its name in staging/ is not durable yet */
};

static void name_staged(uint64_t id, char name[NAME_SIZE]) {
        (void) snprintf(name, NAME_SIZE, "staging/%016" PRIx64, id);
}

static void name_data(uint64_t id, char name[NAME_SIZE]) {
        (void) snprintf(name, NAME_SIZE, "data/%02x/%016" PRIx64, (unsigned) (id & 0xff), id);
}

/* --- the thread ------------------------------------------------------------------------------ */

/* The oldest one that may run now, off its queue. */
static struct task *take_one(struct blob_store *s) {
        for (size_t kind = 0; kind < ARRAY_SIZE(s->queues); kind++) {
                struct queue *q = &s->queues[kind];
                struct task *t = q->head;

                if (!t || (kind == TASK_DISCARD && s->readings && s->readings->epoch <= t->epoch &&
                           !s->is_stopping))
                        continue;
                q->head = TAKE_PTR(t->next);
                if (!q->head)
                        q->tail = &q->head;
                return t;
        }
        return NULL;
}

static void publish(struct blob_store *s, uint64_t id) {
        char from[NAME_SIZE], to[NAME_SIZE];

        name_staged(id, from);
        name_data(id, to);
        /* Where it fails it stays readable where it is, and the next start moves it. */
        (void) renameat(s->root_fd, from, s->root_fd, to);
}

static void discard(struct blob_store *s, uint64_t id) {
        char name[NAME_SIZE];

        name_staged(id, name);
        (void) unlinkat(s->root_fd, name, 0);
        name_data(id, name);
        (void) unlinkat(s->root_fd, name, 0);
}

/* Those that may run now, at most n_max; waits for one. NULL: stopping and none is left. */
static struct task *take(struct blob_store *s, size_t n_max) {
        struct task *taken, **end;

        (void) pthread_mutex_lock(&s->lock);
        while (!(taken = take_one(s)) && !s->is_stopping)
                (void) pthread_cond_wait(&s->work, &s->lock);
        for (end = &taken; *end && --n_max > 0; *end = take_one(s))
                end = &(*end)->next;
        (void) pthread_mutex_unlock(&s->lock);
        return taken;
}

static void *keep_house(void *ctx) {
        enum { BATCH = 256 };
        struct blob_store *s = ctx;
        struct task *t;

        while ((t = take(s, BATCH))) {
                uint64_t gone[BATCH];
                size_t n_gone = 0;

                for (struct task *next; t; t = next) {
                        next = t->next;
                        if (t->kind == TASK_PUBLISH) {
                                publish(s, t->id);
                        } else {
                                discard(s, t->id);
                                gone[n_gone++] = t->id;
                        }
                        mem_free(t);
                }
                if (n_gone > 0)
                        s->options.forget(s->options.ctx, gone, n_gone);
        }
        return NULL;
}

/* Without memory for it: a file more until the next start. */
static void add_task(struct blob_store *s, enum task_kind kind, uint64_t id) {
        struct task *t = mem_new(struct task);
        struct queue *q = &s->queues[kind];

        if (!t)
                return;
        t->kind = kind;
        t->id = id;
        (void) pthread_mutex_lock(&s->lock);
        t->epoch = s->epoch++;
        *q->tail = t;
        q->tail = &t->next;
        (void) pthread_cond_signal(&s->work);
        (void) pthread_mutex_unlock(&s->lock);
}

void blob_publish(struct blob_store *s, uint64_t id) {
        add_task(s, TASK_PUBLISH, id);
}

void blob_discard(struct blob_store *s, const uint64_t *ids, size_t n) {
        for (size_t i = 0; i < n; i++)
                add_task(s, TASK_DISCARD, ids[i]);
}

/* --- opening --------------------------------------------------------------------------------- */

static int make_dirs(struct blob_store *s, const char *dir, struct errmsg *em) {
        int r = fileio_mkdir_p(dir, 0750);

        if (r < 0)
                return errmsg_errno(em, r, "%s cannot be made by uid %u", dir,
                                    (unsigned) geteuid());
        s->root_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (s->root_fd < 0)
                return errmsg_errno(em, -errno, "%s", dir);
        if ((mkdirat(s->root_fd, "staging", 0750) < 0 && errno != EEXIST) ||
            (mkdirat(s->root_fd, "data", 0750) < 0 && errno != EEXIST))
                return errmsg_errno(em, -errno, "%s", dir);
        for (unsigned i = 0; i < 256; i++) {
                char name[NAME_SIZE];

                (void) snprintf(name, sizeof(name), "data/%02x", i);
                if (mkdirat(s->root_fd, name, 0750) < 0 && errno != EEXIST)
                        return errmsg_errno(em, -errno, "%s/%s", dir, name);
        }
        s->staging_fd = openat(s->root_fd, "staging", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return s->staging_fd < 0 ? errmsg_errno(em, -errno, "%s/staging", dir) : 0;
}

int blob_store_open(const struct blob_options *o, uint64_t first_id, struct errmsg *em,
                    struct blob_store **ret) {
        struct blob_store *s = mem_new(struct blob_store);
        sigset_t all, before;
        int r;

        if (!s)
                return errmsg_errno(em, -ENOMEM, "%s", o->dir);
        s->options = *o;
        s->root_fd = s->staging_fd = -1;
        s->epoch = 1;
        for (size_t i = 0; i < ARRAY_SIZE(s->queues); i++)
                s->queues[i].tail = &s->queues[i].head;
        s->readings_end = &s->readings;
        atomic_init(&s->next_id, first_id);
        (void) pthread_mutex_init(&s->lock, NULL);
        (void) pthread_cond_init(&s->work, NULL);
        r = make_dirs(s, o->dir, em);
        if (r >= 0) {
                sigfillset(&all);
                (void) pthread_sigmask(SIG_SETMASK, &all, &before);
                r = -pthread_create(&s->thread, NULL, keep_house, s);
                (void) pthread_sigmask(SIG_SETMASK, &before, NULL);
                s->has_thread = r == 0;
        }
        if (r < 0) {
                blob_store_free(s);
                return r;
        }
        (void) pthread_setname_np(s->thread, "blobs");
        *ret = s;
        return 0;
}

void blob_store_stop(struct blob_store *s) {
        if (!s->has_thread)
                return;
        (void) pthread_mutex_lock(&s->lock);
        s->is_stopping = true;
        (void) pthread_cond_broadcast(&s->work);
        (void) pthread_mutex_unlock(&s->lock);
        (void) pthread_join(s->thread, NULL);
        s->has_thread = false;
}

struct blob_store *blob_store_free(struct blob_store *s) {
        if (!s)
                return NULL;
        blob_store_stop(s);
        for (size_t i = 0; i < ARRAY_SIZE(s->queues); i++)
                for (struct task *t = s->queues[i].head, *next; t; t = next) {
                        next = t->next;
                        mem_free(t);
                }
        fileio_close(s->staging_fd);
        fileio_close(s->root_fd);
        (void) pthread_cond_destroy(&s->work);
        (void) pthread_mutex_destroy(&s->lock);
        return mem_free(s);
}

int blob_store_recover(struct blob_store *s, int (*fate)(void *ctx, uint64_t id), void *ctx) {
        int fd = openat(s->root_fd, "staging", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
        DIR *dir = fd < 0 ? NULL : fdopendir(fd);
        struct dirent *e;

        if (!dir)
                return -errno;
        while (r >= 0 && (e = readdir(dir))) {
                char *end;
                uint64_t id = strtoull(e->d_name, &end, 16);

                if (*e->d_name == '.' || *end)
                        continue;
                r = fate(ctx, id);
                if (r == BLOB_MOVE)
                        publish(s, id);
                else if (r == BLOB_DROP)
                        (void) unlinkat(s->staging_fd, e->d_name, 0);
        }
        (void) closedir(dir);
        return r < 0 ? r : 0;
}

uint64_t blob_new_id(struct blob_store *s) {
        return atomic_fetch_add(&s->next_id, 1);
}

/* --- writing --------------------------------------------------------------------------------- */

static int open_staged(struct blob_store *s, uint64_t id, int flags, struct blob_put **ret) {
        struct blob_put *p = mem_new(struct blob_put);
        char name[NAME_SIZE];
        int r;

        if (!p)
                return -ENOMEM;
        name_staged(id, name);
        r = fault_at(FAULT_OPEN);
        if (r >= 0) {
                p->fd = openat(s->root_fd, name, flags | O_RDWR | O_CLOEXEC, 0640);
                r = p->fd < 0 ? -errno : 0;
        }
        if (r < 0) {
                mem_free(p);
                return r;
        }
        p->store = s;
        p->id = id;
        *ret = p;
        return 0;
}

int blob_put_create(struct blob_store *s, uint64_t id, struct blob_put **ret) {
        int r = open_staged(s, id, O_CREAT | O_TRUNC, ret);

        if (r >= 0)
                (*ret)->is_new = true;
        return r;
}

int blob_put_begin(struct blob_store *s, struct blob_put **ret) {
        return blob_put_create(s, blob_new_id(s), ret);
}

int blob_put_reopen(struct blob_store *s, uint64_t id, struct blob_put **ret, uint64_t *ret_size) {
        struct blob_put *p;
        off_t size;
        int r = open_staged(s, id, 0, &p);

        if (r < 0)
                return r;
        p->is_new = true;
        size = lseek(p->fd, 0, SEEK_END);
        if (size < 0) {
                r = -errno;
                blob_put_close(p);
                return r;
        }
        *ret = p;
        *ret_size = (uint64_t) size;
        return 0;
}

uint64_t blob_put_id(const struct blob_put *p) {
        return p->id;
}

int blob_put_write(struct blob_put *p, const void *data, size_t n) {
        return fileio_write_all(p->fd, data, n);
}

int blob_put_cut(struct blob_put *p, uint64_t size) {
        if (ftruncate(p->fd, (off_t) size) < 0 || lseek(p->fd, (off_t) size, SEEK_SET) < 0)
                return -errno;
        return 0;
}

int blob_put_sync(struct blob_put *p) {
        int r;

        if (p->store->options.no_sync)
                return 0;
        r = fileio_fsync(p->fd);
        if (r >= 0 && p->is_new) {
                r = fileio_fsync(p->store->staging_fd);
                p->is_new = r < 0;
        }
        return r;
}

ssize_t blob_put_read(struct blob_put *p, void *data, size_t n, uint64_t offset) {
        ssize_t got = pread(p->fd, data, n, (off_t) offset);

        return got < 0 ? -errno : got;
}

struct blob_put *blob_put_close(struct blob_put *p) {
        if (p)
                fileio_close(p->fd);
        return mem_free(p);
}

struct blob_put *blob_put_drop(struct blob_put *p) {
        if (p)
                blob_drop(p->store, p->id);
        return blob_put_close(p);
}

void blob_drop(struct blob_store *s, uint64_t id) {
        char name[NAME_SIZE];

        name_staged(id, name);
        (void) unlinkat(s->root_fd, name, 0);
}

/* --- reading --------------------------------------------------------------------------------- */

void blob_reading_begin(struct blob_store *s, struct blob_reading *r) {
        (void) pthread_mutex_lock(&s->lock);
        r->store = s;
        r->epoch = s->epoch;
        r->next = NULL;
        r->prev = s->readings_end;
        *r->prev = r;
        s->readings_end = &r->next;
        (void) pthread_mutex_unlock(&s->lock);
}

void blob_reading_end(struct blob_reading *r) {
        struct blob_store *s = r->store;

        if (!s)
                return;
        r->store = NULL;
        (void) pthread_mutex_lock(&s->lock);
        *r->prev = r->next;
        if (r->next)
                r->next->prev = r->prev;
        else
                s->readings_end = r->prev;
        if (s->queues[TASK_DISCARD].head)
                (void) pthread_cond_signal(&s->work);
        (void) pthread_mutex_unlock(&s->lock);
}

/* From staging/ to data/ it may go between our two looks, but only once. */
int blob_open(struct blob_store *s, uint64_t id) {
        char names[3][NAME_SIZE];
        int fd = -1, r = fault_at(FAULT_OPEN);

        if (r < 0)
                return r;
        name_data(id, names[0]);
        name_staged(id, names[1]);
        name_data(id, names[2]);
        for (size_t i = 0; i < 3; i++) {
                fd = openat(s->root_fd, names[i], O_RDONLY | O_CLOEXEC);
                if (fd >= 0 || errno != ENOENT)
                        break;
        }
        return fd < 0 ? -errno : fd;
}
