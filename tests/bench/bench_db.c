/* bench_db: small commits a second through the writer, against raw fdatasync; CPU a row in batches.
 *
 * Usage: bench_db [DIR]. Prints one line a measurement. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/errmsg.h"
#include "lib/base/fileio.h"
#include "lib/db/db.h"
#include "lib/db/db_writer.h"

enum { METRIC_INSERT, LATEST_UPSERT };

static const struct db_statement rows[] = {
        [METRIC_INSERT] = {"metric_insert", "INSERT INTO metrics(key, value, timestamp, run, step) "
                                            "VALUES (?, ?, ?, ?, ?)"},
        [LATEST_UPSERT] = {"latest_upsert",
                           "INSERT INTO latest(key, run, value, step) VALUES (?, ?, ?, ?) "
                           "ON CONFLICT(key, run) DO UPDATE SET value = excluded.value, "
                           "step = excluded.step WHERE excluded.step >= step"},
};
static const struct db_set set = {"bench", rows, ARRAY_SIZE(rows)};
static const struct db_set *const sets[] = {&set};

static const char schema[] =
        "CREATE TABLE metrics(key TEXT, value REAL, timestamp INTEGER, run TEXT, "
        "step INTEGER, PRIMARY KEY(key, timestamp, step, run, value));"
        "CREATE TABLE latest(key TEXT, run TEXT, value REAL, step INTEGER, "
        "PRIMARY KEY(key, run))";

struct metric {
        struct db_job job;
        struct client *client;
        int64_t step;
        size_t n_rows;
};

struct client {
        pthread_t thread;
        struct db_writer *w;
        usec_t until_at;
        size_t n;
        int64_t step;
        char run[40];
};

static _Noreturn void die(const char *what, int r, const char *why) {
        (void) fprintf(stderr, "bench_db: %s: %s %s\n", what, strerror(-r), why);
        exit(1);
}

static int metric_run(struct db *db, struct db_job *job) {
        struct metric *m = container_of(job, struct metric, job);

        for (size_t i = 0; i < m->n_rows; i++) {
                struct db_stmt *s = db_use(db, &set, METRIC_INSERT);
                int r;

                db_bind_all(s, "loss", 0.25, 1700000000000 + m->step, m->client->run, m->step + i);
                r = db_run(s);
                if (r == 0 && i + 1 == m->n_rows) {
                        s = db_use(db, &set, LATEST_UPSERT);
                        db_bind_all(s, "loss", m->client->run, 0.25, m->step + i);
                        r = db_run(s);
                }
                if (r != 0)
                        return r < 0 ? r : -EEXIST;
        }
        return 0;
}

static void *client_main(void *userdata) {
        struct client *c = userdata;

        while (clock_mono(clock_system()) < c->until_at) {
                struct metric m = {
                        .job.run = metric_run, .client = c, .step = c->step++, .n_rows = 1};
                int r = db_writer_call(c->w, &m.job);

                if (r < 0)
                        die("commit", r, "");
                c->n++;
        }
        return NULL;
}

static void bench_clients(struct db_writer *w, int n_clients, usec_t for_usec) {
        struct client *clients = calloc((size_t) n_clients, sizeof(*clients));
        usec_t until_at = clock_mono(clock_system()) + for_usec;
        struct db_writer_stats before, after;
        size_t n = 0;

        if (!clients)
                die("clients", -ENOMEM, "");
        db_writer_get_stats(w, &before);
        for (int i = 0; i < n_clients; i++) {
                clients[i] =
                        (struct client){.w = w, .until_at = until_at, .step = n_clients * 10000000};
                (void) snprintf(clients[i].run, sizeof(clients[i].run), "run-%d-%d", n_clients, i);
                if (pthread_create(&clients[i].thread, NULL, client_main, &clients[i]) != 0)
                        die("thread", -EAGAIN, "");
        }
        for (int i = 0; i < n_clients; i++) {
                (void) pthread_join(clients[i].thread, NULL);
                n += clients[i].n;
        }
        db_writer_get_stats(w, &after);
        printf("commits clients=%-3d per_s=%.0f jobs_per_batch=%.1f\n", n_clients,
               (double) n * USEC_PER_SEC / (double) for_usec,
               (double) n / (double) (after.n_batches - before.n_batches));
        free(clients);
}

static void bench_rows(struct db_writer *w) {
        struct client c = {.w = w, .run = "run-bulk"};
        struct timespec cpu0, cpu1;
        usec_t from_at = clock_mono(clock_system());
        size_t n = 0;

        (void) clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu0);
        for (int i = 0; i < 300; i++, n += 1000) {
                struct metric m = {
                        .job.run = metric_run, .client = &c, .step = i * 1000, .n_rows = 1000};
                int r = db_writer_call(w, &m.job);

                if (r < 0)
                        die("rows", r, "");
        }
        (void) clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu1);
        printf("rows    batch=1000  per_s=%.0f cpu_us_per_row=%.2f\n",
               (double) n * USEC_PER_SEC / (double) (clock_mono(clock_system()) - from_at),
               ((double) (cpu1.tv_sec - cpu0.tv_sec) * 1e6 +
                (double) (cpu1.tv_nsec - cpu0.tv_nsec) / 1e3) /
                       (double) n);
}

static void bench_fdatasync(const char *dir) {
        char path[512], data[4096] = {};
        usec_t from_at;
        int fd;

        (void) snprintf(path, sizeof(path), "%s/raw", dir);
        fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (fd < 0)
                die(path, -errno, "");
        from_at = clock_mono(clock_system());
        for (int i = 0; i < 200; i++)
                if (pwrite(fd, data, sizeof(data), i * (off_t) sizeof(data)) < 0 ||
                    fdatasync(fd) < 0)
                        die(path, -errno, "");
        printf("fdatasync of 4 KiB  per_s=%.0f\n",
               200.0 * USEC_PER_SEC / (double) (clock_mono(clock_system()) - from_at));
        (void) close(fd);
}

int main(int argc, char **argv) {
        char dir[] = "/tmp/onebox-bench-XXXXXX", uri[512];
        const char *where = argc > 1 ? argv[1] : mkdtemp(dir);
        struct db_config config = {.uri = uri, .flags = DB_CREATE, .sets = sets, .n_sets = 1};
        struct db_writer *w = NULL;
        struct errmsg em = {};
        struct db *db = NULL;
        int r;

        if (!where)
                die(dir, -errno, "");
        bench_fdatasync(where);
        (void) snprintf(uri, sizeof(uri), "sqlite:///%s/bench.db", where);
        r = db_open(uri, DB_CREATE, &em, &db);
        if (r >= 0)
                r = db_exec(db, schema);
        db_free(db);
        if (r >= 0)
                r = db_writer_new(&config, 0, &em, &w);
        if (r < 0)
                die(uri, r, em.text);
        bench_clients(w, 1, 2 * USEC_PER_SEC);
        bench_clients(w, 8, 2 * USEC_PER_SEC);
        bench_clients(w, 64, 3 * USEC_PER_SEC);
        bench_rows(w);
        db_writer_free(w);
        if (argc == 1)
                (void) fileio_rm_rf(where);
        return 0;
}
