#include "daemons/scheduler/sources_mount.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "daemons/scheduler/pipelines_find.h"
#include "lib/base/arena.h"
#include "lib/base/clock.h"
#include "lib/base/fileio.h"
#include "lib/base/fnv.h"
#include "lib/base/json.h"
#include "lib/base/mem.h"
#include "lib/base/mount_control.h"
#include "lib/base/str.h"
#include "lib/net/loop.h"

#define FREE_SECONDS 2

struct sources_mount {
        struct loop_task task; /* says that there is another reading */
        struct loop *loop;
        char *dir, *python, *env_file;
        unsigned scan_depth;
        struct sources_mount_times times;
        void (*changed)(void *ctx);
        void *ctx;
        pthread_t thread;
        pthread_mutex_t lock;
        pthread_cond_t wake;
        bool stopping, posted;         /* lock */
        struct sources_mount_set *set; /* lock: the last reading */
        struct errmsg em;              /* lock: why there is none, or none anew */
        int error;                     /* lock */
        usec_t asked_at;               /* lock: since when the file system is asked; 0: it is not */
        uint64_t seen;                 /* the thread's: what the last reading was of */
};

/* --- where it is --------------------------------------------------------------------------------
 */

/* The n-th field of a line of mountinfo, from 0. */
static bool field(const char *line, unsigned n, const char **ret, size_t *ret_len) {
        for (unsigned i = 0; str_word(&line, " ", ret, ret_len); i++)
                if (i == n)
                        return true;
        return false;
}

static bool is_below(const char *dir, const char *mount, size_t n) {
        return n == 1 || (strncmp(dir, mount, n) == 0 && (dir[n] == 0 || dir[n] == '/'));
}

/* "36 35 98:0 /root /mnt rw,noatime master:1 - ext3 /dev/root rw": fields before the "-" vary. */
static bool is_fuse(const char *line, size_t n) {
        const char *sep = memmem(line, n, " - ", 3);

        return sep && str_starts(sep + 3, "fuse");
}

bool sources_mount_is_silent(const char *mountinfo, const char *dir) {
        const char *line, *mount;
        size_t n, n_mount, best = 0;
        bool found = false;

        while (str_word(&mountinfo, "\n", &line, &n)) {
                if (!field(line, 4, &mount, &n_mount) || !is_below(dir, mount, n_mount) ||
                    n_mount < best)
                        continue;
                best = n_mount; /* the innermost one, and of two there the later */
                found = is_fuse(line, n);
        }
        return found;
}

/* --- what it was of -----------------------------------------------------------------------------
 */

static void mix(uint64_t *sum, const void *data, size_t n) {
        *sum = fnv_add(*sum, data, n);
}

/* Of the object behind a file of fuse-gcs; 0 elsewhere. */
static int64_t generation_of(const char *path) {
        _cleanup_close_ int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
        struct mount_control_text t = {};
        int64_t generation = 0;
        struct arena a;
        struct json *j;

        if (fd < 0 || ioctl(fd, MOUNT_CONTROL_OBJECT, &t) < 0)
                return 0;
        arena_init(&a, 0);
        if (json_parse_copy(&a, t.text, strlen(t.text), &j, NULL) >= 0)
                (void) json_want_i64(j, "generation", &generation, NULL);
        arena_done(&a);
        return generation;
}

static void mix_file(uint64_t *sum, const char *path, const struct stat *st) {
        const int64_t facts[] = {(int64_t) st->st_size, (int64_t) st->st_mtim.tv_sec,
                                 (int64_t) st->st_mtim.tv_nsec, (int64_t) st->st_mode,
                                 generation_of(path)};

        mix(sum, path, strlen(path) + 1);
        mix(sum, facts, sizeof(facts));
}

static int mix_dir(uint64_t *sum, const char *dir, unsigned depth) {
        _cleanup_(str_free_listp) char **names = NULL;
        int r = fileio_list(dir, NULL, &names);

        if (r < 0)
                return r;
        for (char **name = names; *name; name++) {
                _cleanup_free_ char *path = str_printf("%s/%s", dir, *name);
                struct stat st;

                if (!path)
                        return -ENOMEM;
                if (**name == '.' || stat(path, &st) < 0)
                        continue;
                if (S_ISREG(st.st_mode) &&
                    (str_eq(*name, "liminal.yml") || str_eq(*name, "liminal.yaml")))
                        mix_file(sum, path, &st);
                else if (S_ISDIR(st.st_mode) && depth > 0 && mix_dir(sum, path, depth - 1) < 0)
                        mix(sum, path, strlen(path) + 1); /* the reading says what is wrong */
        }
        return 0;
}

static int look(const struct sources_mount *m, uint64_t *ret) {
        uint64_t sum = FNV_EMPTY;
        struct stat st;
        int r;

        if (m->env_file && stat(m->env_file, &st) == 0)
                mix_file(&sum, m->env_file, &st);
        r = mix_dir(&sum, m->dir, m->scan_depth ? m->scan_depth : PIPELINES_FIND_DEPTH);
        if (r >= 0)
                *ret = sum ? sum : 1;
        return r;
}

/* --- the thread ---------------------------------------------------------------------------------
 */

struct sources_mount_set *sources_mount_set_unref(struct sources_mount_set *s) {
        if (!s || __atomic_sub_fetch(&s->n_refs, 1, __ATOMIC_ACQ_REL) > 0)
                return NULL;
        pipelines_done(&s->pipelines);
        mem_free(s);
        return NULL;
}

static void on_task(struct loop_task *t) {
        struct sources_mount *m = container_of(t, struct sources_mount, task);

        pthread_mutex_lock(&m->lock);
        m->posted = false;
        pthread_mutex_unlock(&m->lock);
        m->changed(m->ctx);
}

/* Under the lock. */
static void tell(struct sources_mount *m) {
        if (m->posted || m->stopping)
                return;
        m->posted = true;
        loop_post_task(m->loop, &m->task);
}

static void take(struct sources_mount *m, struct sources_mount_set *set, int error,
                 const struct errmsg *em) {
        pthread_mutex_lock(&m->lock);
        m->asked_at = 0;
        if (set) {
                sources_mount_set_unref(m->set);
                m->set = set;
        }
        if (set || error != m->error)
                tell(m);
        m->error = error;
        m->em = *em;
        pthread_mutex_unlock(&m->lock);
}

static struct sources_mount_set *read_set(const struct sources_mount *m, int *ret_error,
                                          struct errmsg *em) {
        const struct pipelines_options o = {
                .python = m->python,
                .env_file = m->env_file && access(m->env_file, R_OK) == 0 ? m->env_file : NULL,
                .scan_depth = m->scan_depth};
        struct sources_mount_set *set = mem_new(struct sources_mount_set);

        *ret_error = set ? pipelines_load(m->dir, &o, &set->pipelines, em) : -ENOMEM;
        if (*ret_error < 0)
                return mem_free(set);
        set->n_refs = 1;
        return set;
}

static void turn(struct sources_mount *m) {
        struct sources_mount_set *set = NULL;
        struct errmsg em = {};
        uint64_t sum = 0;
        int r;

        pthread_mutex_lock(&m->lock);
        m->asked_at = clock_mono(clock_system());
        pthread_mutex_unlock(&m->lock);
        r = look(m, &sum);
        if (r < 0)
                errmsg_errno(&em, r, "%s cannot be read: is the bucket mounted?", m->dir);
        else if (sum != m->seen)
                set = read_set(m, &r, &em);
        if (r < 0)
                m->seen = 0;
        else
                m->seen = sum;
        take(m, set, r, &em);
}

static void *run(void *ctx) {
        struct sources_mount *m = ctx;
        struct timespec until;
        usec_t until_at;

        pthread_mutex_lock(&m->lock);
        while (!m->stopping) {
                pthread_mutex_unlock(&m->lock);
                turn(m);
                until_at = clock_mono(clock_system()) + m->times.every_for;
                until.tv_sec = (time_t) (until_at / USEC_PER_SEC);
                until.tv_nsec = (long) (until_at % USEC_PER_SEC) * 1000;
                pthread_mutex_lock(&m->lock);
                while (!m->stopping &&
                       pthread_cond_timedwait(&m->wake, &m->lock, &until) != ETIMEDOUT)
                        ;
        }
        pthread_mutex_unlock(&m->lock);
        return NULL;
}

/* --- life ---------------------------------------------------------------------------------------
 */

int sources_mount_get(struct sources_mount *m, struct sources_mount_set **ret, struct errmsg *em) {
        usec_t now = clock_mono(clock_system());
        int r = 0;

        pthread_mutex_lock(&m->lock);
        if (m->asked_at && now - m->asked_at > m->times.silence_for)
                r = errmsg_fail(em, -ETIMEDOUT,
                                "%s has not answered for %llu s: is the bucket away? Its pipelines "
                                "stay as they were",
                                m->dir, (unsigned long long) ((now - m->asked_at) / USEC_PER_SEC));
        else if (m->error < 0)
                r = errmsg_fail(em, m->error, "%s", m->em.text);
        else if (!m->set)
                r = errmsg_fail(em, -EAGAIN, "%s is being read", m->dir);
        if (r >= 0) {
                __atomic_add_fetch(&m->set->n_refs, 1, __ATOMIC_RELAXED);
                *ret = m->set;
        }
        pthread_mutex_unlock(&m->lock);
        return r;
}

static void free_all(struct sources_mount *m) {
        sources_mount_set_unref(m->set);
        pthread_mutex_destroy(&m->lock);
        pthread_cond_destroy(&m->wake);
        mem_free(m->dir);
        mem_free(m->python);
        mem_free(m->env_file);
        mem_free(m);
}

int sources_mount_new(struct loop *loop, const char *dir, const struct pipelines_options *o,
                      struct sources_mount_times times, void (*changed)(void *ctx), void *ctx,
                      struct sources_mount **ret) {
        struct sources_mount *m = mem_new(struct sources_mount);
        pthread_condattr_t monotonic;
        int r;

        if (!m)
                return -ENOMEM;
        m->task.run = on_task;
        m->loop = loop;
        m->times = times;
        m->times.every_for = MIN(MAX(times.every_for, USEC_PER_SEC), USEC_PER_HOUR);
        m->changed = changed;
        m->ctx = ctx;
        m->scan_depth = o->scan_depth;
        m->dir = mem_strdup(dir);
        m->python = mem_strdup(o->python);
        m->env_file = mem_strdup(o->env_file);
        pthread_mutex_init(&m->lock, NULL);
        pthread_condattr_init(&monotonic);
        pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
        pthread_cond_init(&m->wake, &monotonic);
        pthread_condattr_destroy(&monotonic);
        r = m->dir && m->python && (!o->env_file || m->env_file)
                    ? -pthread_create(&m->thread, NULL, run, m)
                    : -ENOMEM;
        if (r < 0) {
                free_all(m);
                return r;
        }
        *ret = m;
        return 0;
}

struct sources_mount *sources_mount_free(struct sources_mount *m) {
        struct timespec until;

        if (!m)
                return NULL;
        pthread_mutex_lock(&m->lock);
        m->stopping = true;
        pthread_cond_signal(&m->wake);
        pthread_mutex_unlock(&m->lock);
        loop_post_flush(m->loop);
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += FREE_SECONDS;
        if (pthread_timedjoin_np(m->thread, NULL, &until) == 0)
                free_all(m);
        return NULL;
}
