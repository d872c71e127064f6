/* bench_limits: what plain SQLite gives on this disk for the commits of bench_tracking.py: the same
 * rows into the same tables, prepared once, no server around it. Nobody who keeps MLflow's tables
 * in SQLite is faster.
 *
 * usage: bench_limits DATABASE WHAT COMMITS PER_COMMIT    WHAT: metric, run, batch
 * DATABASE has MLflow's tables and belongs to nobody else. Prints rows' requests a second and CPU
 * microseconds each.
 *
 * usage: bench_limits DATABASE history RUN KEY
 * All points of a history from their index, no number written out, and as many bytes as their JSON
 * has through a connection on loopback. Prints milliseconds and CPU milliseconds. */
#include <arpa/inet.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static sqlite3 *db;
static uint64_t dice = 88172645463325252U;

static _Noreturn void die(const char *what) {
        fprintf(stderr, "bench_limits: %s: %s\n", what, db ? sqlite3_errmsg(db) : "");
        exit(1);
}

static double seconds(const struct timeval *a, const struct timeval *b) {
        return (double) (a->tv_sec + b->tv_sec) + (double) (a->tv_usec + b->tv_usec) / 1e6;
}

static double cpu(void) {
        struct rusage u;

        getrusage(RUSAGE_SELF, &u);
        return seconds(&u.ru_utime, &u.ru_stime);
}

static double now(void) {
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (double) t.tv_sec + (double) t.tv_nsec / 1e9;
}

static void exec(const char *sql) {
        if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
                die(sql);
}

static sqlite3_stmt *prepare(const char *sql) {
        sqlite3_stmt *s = NULL;

        if (sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &s, NULL) != SQLITE_OK)
                die(sql);
        return s;
}

static void run(sqlite3_stmt *s) {
        if (sqlite3_step(s) != SQLITE_DONE)
                die(sqlite3_sql(s));
        sqlite3_reset(s);
}

static void text(sqlite3_stmt *s, int param, const char *value) {
        sqlite3_bind_text(s, param, value, -1, SQLITE_TRANSIENT);
}

/* As a run's id of ours (entropy_id_near()), about a hundred made in a moment. */
static void make_id(char ret[33]) {
        static unsigned n_made;

        for (int i = 0; i < 4; i++) {
                dice ^= dice << 13, dice ^= dice >> 7, dice ^= dice << 17;
                snprintf(ret + 8L * i, 9, "%08x", (unsigned) dice);
        }
        for (unsigned i = 0, moment = n_made++ / 100; i < 3; i++)
                ret[i] = "0123456789abcdef"[moment >> (8 - 4 * i) & 0xF];
}

static sqlite3_stmt *run_insert, *tag_insert, *metric_insert, *latest_upsert;

static void prepare_all(void) {
        run_insert = prepare(
                "INSERT INTO runs (run_uuid, name, source_type, source_name, entry_point_name, "
                "user_id, "
                "status, start_time, source_version, lifecycle_stage, artifact_uri, experiment_id) "
                "VALUES (?, ?, 'UNKNOWN', '', '', '', 'RUNNING', ?, '', 'active', ?, 0)");
        tag_insert = prepare("INSERT INTO tags (key, value, run_uuid) VALUES (?, ?, ?)");
        metric_insert =
                prepare("INSERT INTO metrics (key, value, timestamp, run_uuid, step, is_nan) "
                        "VALUES (?, ?, ?, ?, ?, 0) ON CONFLICT DO NOTHING");
        latest_upsert = prepare(
                "INSERT INTO latest_metrics (key, value, timestamp, run_uuid, step, is_nan) "
                "VALUES (?, ?, ?, ?, ?, 0) ON CONFLICT (key, run_uuid) DO UPDATE SET value = "
                "excluded.value, "
                "timestamp = excluded.timestamp, step = excluded.step, is_nan = excluded.is_nan "
                "WHERE (excluded.step, excluded.timestamp, excluded.value) > (latest_metrics.step, "
                "latest_metrics.timestamp, latest_metrics.value)");
}

static void create_run(char ret_id[33], int64_t i) {
        char uri[64];

        make_id(ret_id);
        snprintf(uri, sizeof(uri), "mlflow-artifacts:/0/%s/artifacts", ret_id);
        text(run_insert, 1, ret_id);
        text(run_insert, 2, "sneaky-dolphin-123");
        sqlite3_bind_int64(run_insert, 3, i);
        text(run_insert, 4, uri);
        run(run_insert);
        for (int k = 0; k < 2; k++) {
                text(tag_insert, 1, k ? "mlflow.runName" : "mlflow.user");
                text(tag_insert, 2, k ? "sneaky-dolphin-123" : "bench");
                text(tag_insert, 3, ret_id);
                run(tag_insert);
        }
}

static void metric(sqlite3_stmt *s, const char *key, const char *run_id, double value, int64_t at,
                   int64_t step) {
        text(s, 1, key);
        sqlite3_bind_double(s, 2, value);
        sqlite3_bind_int64(s, 3, at);
        text(s, 4, run_id);
        sqlite3_bind_int64(s, 5, step);
        run(s);
}

/* A batch of n points of ten keys, or one point of each of n runs. */
static void commit_of(const char *what, char (*ids)[33], int64_t i, int n) {
        char key[16], id[33];

        exec("BEGIN IMMEDIATE");
        for (int k = 0; k < n; k++) {
                if (strcmp(what, "run") == 0) {
                        create_run(id, i * n + k);
                } else if (strcmp(what, "batch") == 0) {
                        snprintf(key, sizeof(key), "m%d",
                                 k / (n / 10)); /* in the order of the index, as we do */
                        metric(metric_insert, key, ids[0], 1.0 / (k + 1), i, i * n + k);
                        if (k % (n / 10) == 0)
                                metric(latest_upsert, key, ids[0], 1.0 / (k + 1), i, i * n + n);
                } else {
                        metric(metric_insert, "loss", ids[k], 1.0 / (double) (i + 1), i, i);
                        metric(latest_upsert, "loss", ids[k], 1.0 / (double) (i + 1), i, i);
                }
        }
        exec("COMMIT");
}

/* --- a history ----------------------------------------------------------------------------------
 */

enum { POINT_BYTES = 126 }; /* "{\n "key": "loss", …}" of a point of 100,000 */

static void *read_all(void *arg) {
        int listener = *(int *) arg, fd = accept(listener, NULL, NULL);
        static char room[1 << 16];

        if (fd < 0)
                die("accept");
        while (read(fd, room, sizeof(room)) > 0)
                ;
        close(fd);
        return NULL;
}

static int connected(pthread_t *ret_reader, int *listener) {
        struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
        socklen_t size = sizeof(at);
        int fd = socket(AF_INET, SOCK_STREAM, 0);

        *listener = socket(AF_INET, SOCK_STREAM, 0);
        if (fd < 0 || *listener < 0 || bind(*listener, (struct sockaddr *) &at, size) < 0 ||
            listen(*listener, 1) < 0 ||
            getsockname(*listener, (struct sockaddr *) &at, &size) < 0 ||
            pthread_create(ret_reader, NULL, read_all, listener) != 0 ||
            connect(fd, (struct sockaddr *) &at, size) < 0)
                die("no connection on loopback");
        return fd;
}

static void send_all(int fd, const char *data, size_t n) {
        while (n > 0) {
                ssize_t sent = write(fd, data, n);

                if (sent < 0)
                        die("write");
                data += sent;
                n -= (size_t) sent;
        }
}

/* Each point's numbers stand as bytes where its JSON would. */
static size_t read_points(const char *run, const char *key, char **data) {
        sqlite3_stmt *s = prepare("SELECT value, timestamp, step, is_nan FROM metrics INDEXED BY "
                                  "index_metrics_run_uuid_key_step WHERE run_uuid = ? AND key = ? "
                                  "ORDER BY step");
        size_t n = 0, max = 0;

        text(s, 1, run);
        text(s, 2, key);
        while (sqlite3_step(s) == SQLITE_ROW) {
                double value = sqlite3_column_double(s, 0);
                int64_t numbers[] = {sqlite3_column_int64(s, 1), sqlite3_column_int64(s, 2),
                                     sqlite3_column_int64(s, 3)};

                if (n == max &&
                    !(*data = realloc(*data, (max = max ? 2 * max : 1024) * POINT_BYTES)))
                        die("no memory");
                memset(*data + n * POINT_BYTES, ' ', POINT_BYTES);
                memcpy(*data + n * POINT_BYTES, &value, sizeof(value));
                memcpy(*data + n * POINT_BYTES + sizeof(value), numbers, sizeof(numbers));
                n++;
        }
        sqlite3_finalize(s);
        return n * POINT_BYTES;
}

static void history(const char *run, const char *key) {
        pthread_t reader;
        int listener, fd = connected(&reader, &listener);
        double before = now(), cpu_before = cpu();
        char *data = NULL;
        size_t n = read_points(run, key, &data);

        send_all(fd, data, n);
        close(fd);
        pthread_join(reader, NULL);
        printf("%.3f %.3f\n", (now() - before) * 1e3, (cpu() - cpu_before) * 1e3);
        if (n == 0)
                die("no such history");
        free(data);
        close(listener);
}

int main(int argc, char **argv) {
        static char ids[256][33];
        double cpu_before, before, took;
        int n_commits, n;

        if (argc == 5 && strcmp(argv[2], "history") == 0) {
                if (sqlite3_open(argv[1], &db) != SQLITE_OK)
                        die(argv[1]);
                exec("PRAGMA cache_size=-4096");
                history(argv[3], argv[4]);
                sqlite3_close(db);
                return 0;
        }
        if (argc != 5 || (n_commits = atoi(argv[3])) < 1 || (n = atoi(argv[4])) < 1 ||
            (strcmp(argv[2], "batch") != 0 ? n > 256 : n < 10))
                die("usage: bench_limits DATABASE metric|run|batch COMMITS PER_COMMIT");
        if (sqlite3_open(argv[1], &db) != SQLITE_OK)
                die(argv[1]);
        exec("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA "
             "cache_size=-4096;"
             "PRAGMA temp_store=MEMORY; PRAGMA wal_autocheckpoint=8000");
        prepare_all();
        exec("BEGIN IMMEDIATE");
        for (int k = 0; k < 256; k++)
                create_run(ids[k], k);
        exec("COMMIT");
        before = now();
        cpu_before = cpu();
        for (int i = 0; i < n_commits; i++)
                commit_of(argv[2], ids, i, n);
        took = now() - before;
        printf("%.1f %.3f\n", (double) n_commits * n / took,
               (cpu() - cpu_before) * 1e6 / n_commits / n);
        sqlite3_finalize(run_insert);
        sqlite3_finalize(tag_insert);
        sqlite3_finalize(metric_insert);
        sqlite3_finalize(latest_upsert);
        sqlite3_close(db);
        return 0;
}
