/* db_server_suite.h: what every server's database must do, run against a real one of Debian's.
 *
 * The including test defines SERVER_KIND ("postgres" or "mysql") and SERVER_DIALECT. Where the
 * server is not installed the tests say so and are skipped. */
#pragma once

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

#include "lib/base/arena.h"
#include "lib/base/str.h"
#include "lib/db/db.h"
#include "lib/db/db_migrate.h"
#include "lib/db/db_readers.h"
#include "lib/db/db_tls.h"
#include "lib/db/db_writer.h"
#include "tests/unit/db_test_dir.h"

static struct {
        pid_t pid;
        FILE *in, *out;
        char dir[128];
        int port;
        char uri[256];
} server;

/* Sends a word ("stop", "start", "kill") and waits until it is done. */
static _unused_ void server_do(const char *word) {
        char line[256];

        assert_true(fprintf(server.in, "%s\n", word) > 0);
        assert_int_equal(fflush(server.in), 0);
        assert_non_null(fgets(line, sizeof(line), server.out));
        assert_string_equal(line, "done\n");
}

static int server_setup(void **state) {
        const char *top = getenv("top_srcdir");
        int to[2], from[2], status;
        char path[512], line[512];

        (void) snprintf(path, sizeof(path), "%s/tests/fake/db_server.sh", top ? top : ".");
        assert_int_equal(pipe(to), 0);
        assert_int_equal(pipe(from), 0);
        server.pid = fork();
        assert_true(server.pid >= 0);
        if (server.pid == 0) {
                (void) dup2(to[0], 0);
                (void) dup2(from[1], 1);
                (void) close(to[1]);
                (void) close(from[0]);
                execl(path, path, SERVER_KIND, "--tls", NULL);
                _exit(127);
        }
        (void) close(to[0]);
        (void) close(from[1]);
        server.in = fdopen(to[1], "w");
        server.out = fdopen(from[0], "r");
        (void) signal(SIGPIPE, SIG_IGN);
        if (!fgets(line, sizeof(line), server.out)) {
                (void) waitpid(server.pid, &status, 0);
                if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
                        printf("1..0 # SKIP %s: its server is not installed here\n", SERVER_KIND);
                        exit(0);
                }
                return -1;
        }
        if (sscanf(line, "ready %127s %d", server.dir, &server.port) != 2)
                return -1;
        if (SERVER_DIALECT == DB_POSTGRES)
                (void) snprintf(server.uri, sizeof(server.uri),
                                "postgresql+psycopg2://onebox@/onebox?host=%s&port=%d", server.dir,
                                server.port);
        else
                (void) snprintf(server.uri, sizeof(server.uri),
                                "mysql+pymysql://onebox@localhost/onebox?unix_socket=%s/mysql.sock",
                                server.dir);
        return 0;
}

static int server_teardown(void **state) {
        int status;

        (void) fclose(server.in);
        (void) waitpid(server.pid, &status, 0);
        (void) fclose(server.out);
        return WIFEXITED(status) ? 0 : -1;
}

enum { T_INSERT, T_GET, T_COUNT, T_ALL, T_PUT, T_KEEP, T_REF };

static const struct db_statement suite_rows[] = {
        [T_INSERT] = {"insert", "INSERT INTO t(id, name, x, data) VALUES (?, ?, ?, ?)"},
        [T_GET] = {"get", "SELECT id, \"name\", x, data, yes, 'a?b' FROM t WHERE id = ?"},
        [T_COUNT] = {"count", "SELECT count(*) FROM t"},
        [T_ALL] = {"all", "SELECT id FROM t ORDER BY id LIMIT ? OFFSET ?"},
        [T_PUT] = {"put", "INSERT INTO t(id, name, x) VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE "
                          "SET name = excluded.name, x = excluded.x"},
        [T_KEEP] = {"keep", "INSERT INTO t(id, name) VALUES (?, ?) ON CONFLICT (id) DO NOTHING"},
        [T_REF] = {"ref", "INSERT INTO u(t_id) VALUES (?)"},
};
static const struct db_set suite_set = {"t", suite_rows, ARRAY_SIZE(suite_rows)};
static const struct db_set *const suite_sets[] = {&suite_set};

static void make_tables(struct db *db) {
        bool postgres = db_get_dialect(db) == DB_POSTGRES;
        char sql[1024];

        (void) snprintf(
                sql, sizeof(sql),
                "DROP TABLE IF EXISTS u; DROP TABLE IF EXISTS t; CREATE TABLE t(id BIGINT NOT NULL "
                "PRIMARY KEY, name VARCHAR(64) UNIQUE, x %s, data %s, yes BOOLEAN DEFAULT TRUE); "
                "CREATE TABLE u(id %s, t_id BIGINT NOT NULL REFERENCES t(id)%s)",
                postgres ? "DOUBLE PRECISION" : "DOUBLE", postgres ? "BYTEA" : "BLOB",
                postgres ? "SERIAL PRIMARY KEY" : "INTEGER AUTO_INCREMENT PRIMARY KEY",
                postgres ? "" : ", FOREIGN KEY (t_id) REFERENCES t(id)");
        if (db_exec(db, sql) != 0)
                fail_msg("%s", db_errmsg(db));
}

static struct db *open_with_tables(void) {
        struct errmsg em = {};
        struct db *db = NULL;

        assert_ok(em, db_open(server.uri, DB_CREATE | DB_FOREIGN_KEYS, &em, &db));
        make_tables(db);
        assert_ok(em, db_prepare_set(db, &suite_set, &em));
        return db;
}

static int insert(struct db *db, int64_t id, const char *name, double x) {
        DB_USE struct db_stmt *s = db_use(db, &suite_set, T_INSERT);

        db_bind_all(s, id, name, x);
        return db_run(s);
}

static int64_t count(struct db *db) {
        DB_USE struct db_stmt *s = db_use(db, &suite_set, T_COUNT);
        int r = db_step(s);

        return r == DB_ROW ? db_col_i64(s, 0) : r;
}

static void test_values_round_trip(void **state) {
        _cleanup_(db_freep) struct db *db = open_with_tables();
        DB_USE struct db_stmt *s = NULL;
        size_t n = 0;

        assert_int_equal(db_get_dialect(db), SERVER_DIALECT);
        s = db_use(db, &suite_set, T_INSERT);
        db_bind_i64(s, 1, INT64_MIN);
        db_bind_text_n(s, 2, "übc😀 'x'def", strlen("übc😀 'x'"));
        db_bind_f64(s, 3, 0.1 + 0.2);
        db_bind_blob(s, 4, "\0\1\2\xff\\", 5);
        assert_int_equal(db_run(s), DB_DONE);
        assert_int_equal(db_changes(db), 1);

        s = db_use(db, &suite_set, T_GET);
        db_bind_all(s, INT64_MIN);
        assert_int_equal(db_step(s), DB_ROW);
        assert_int_equal(db_col_count(s), 6);
        assert_string_equal(db_col_name(s, 1), "name");
        assert_int_equal(db_col_i64(s, 0), INT64_MIN);
        assert_string_equal(db_col_text(s, 1), "übc😀 'x'");
        assert_true(db_col_f64(s, 2) == 0.1 + 0.2);
        assert_memory_equal(db_col_blob(s, 3, &n), "\0\1\2\xff\\", 5);
        assert_int_equal(n, 5);
        assert_int_equal(db_col_i64(s, 4), 1);
        assert_string_equal(db_col_text(s, 5), "a?b");
        assert_int_equal(db_step(s), DB_DONE);
}

static void test_nulls_and_limits(void **state) {
        static const double doubles[] = {1.7976931348623157e308, 5e-324, -0.0, 1e22};
        _cleanup_(db_freep) struct db *db = open_with_tables();
        DB_USE struct db_stmt *s = NULL;

        assert_int_equal(insert(db, 1, NULL, NAN), DB_DONE);
        assert_int_equal(insert(db, 2, "", 0), DB_DONE);
        s = db_use(db, &suite_set, T_GET);
        db_bind_all(s, 1);
        assert_int_equal(db_step(s), DB_ROW);
        assert_true(db_col_is_null(s, 1) && db_col_is_null(s, 2) && db_col_is_null(s, 3));
        assert_null(db_col_text(s, 1));
        db_reset(s);
        db_bind_all(s, 2);
        assert_int_equal(db_step(s), DB_ROW);
        assert_false(db_col_is_null(s, 1));
        assert_string_equal(db_col_text(s, 1), "");
        for (size_t i = 0; i < ARRAY_SIZE(doubles); i++) {
                assert_int_equal(insert(db, 10 + (int64_t) i, NULL, doubles[i]), DB_DONE);
                s = db_use(db, &suite_set, T_GET);
                db_bind_all(s, 10 + (int64_t) i);
                assert_int_equal(db_step(s), DB_ROW);
                assert_true(db_col_f64(s, 2) == doubles[i]);
        }
        s = NULL;
}

static void test_conflict_leaves_the_transaction(void **state) {
        _cleanup_(db_freep) struct db *db = open_with_tables();

        assert_int_equal(db_begin(db, true), 0);
        assert_int_equal(insert(db, 1, "a", 1), DB_DONE);
        assert_int_equal(insert(db, 1, "b", 2), DB_CONFLICT);
        assert_int_equal(insert(db, 2, "a", 2), DB_CONFLICT);
        assert_int_equal(insert(db, 3, "c", 3), DB_DONE);
        assert_int_equal(count(db), 2);
        assert_int_equal(db_commit(db), 0);
        assert_int_equal(count(db), 2);
        assert_int_equal(insert(db, 3, "d", 3), DB_CONFLICT); /* outside of one too */
        assert_int_equal(count(db), 2);
}

static void test_upserts(void **state) {
        _cleanup_(db_freep) struct db *db = open_with_tables();
        DB_USE struct db_stmt *s = NULL;

        for (int i = 0; i < 2; i++) {
                s = db_use(db, &suite_set, T_PUT);
                db_bind_all(s, 1, i ? "two" : "one", 1.5 + i);
                assert_int_equal(db_run(s), DB_DONE);
                s = db_use(db, &suite_set, T_KEEP);
                db_bind_all(s, 1, "other");
                assert_int_equal(db_run(s), DB_DONE);
        }
        s = db_use(db, &suite_set, T_GET);
        db_bind_all(s, 1);
        assert_int_equal(db_step(s), DB_ROW);
        assert_string_equal(db_col_text(s, 1), "two");
        assert_true(db_col_f64(s, 2) == 2.5);
}

static void test_bad_statements(void **state) {
        static const struct db_statement bad[] = {{"bad", "SELECT nothing FROM nowhere"}};
        static const struct db_set bad_set = {"bad", bad, 1};
        _cleanup_(db_freep) struct db *db = open_with_tables();
        DB_USE struct db_stmt *s = NULL;
        struct errmsg em = {};

        assert_int_equal(db_prepare_set(db, &bad_set, &em), -EINVAL);
        assert_non_null(strstr(em.text, "bad.bad"));
        assert_int_equal(db_prepare_dynamic(db, "SELECT 1; SELECT 2", &s), -EINVAL);
        assert_int_equal(db_prepare_dynamic(db, "SELECT 'x", &s), -EINVAL);
        s = db_use(db, &suite_set, T_REF);
        db_bind_all(s, 77); /* of no t */
        assert_int_equal(db_run(s), -EINVAL);
        assert_int_equal(db_exec(db, "NONSENSE"), -EINVAL);
        s = db_use(db, &suite_set, T_GET);
        db_bind_i64(s, 2, 1);
        assert_int_equal(db_step(s), -EINVAL);
}

static void test_savepoints_and_failures(void **state) {
        _cleanup_(db_freep) struct db *db = open_with_tables();
        DB_USE struct db_stmt *s = NULL;

        assert_int_equal(db_begin(db, true), 0);
        assert_int_equal(db_savepoint(db), 0);
        assert_int_equal(insert(db, 1, "a", 1), DB_DONE);
        assert_int_equal(db_release(db), 0);
        assert_int_equal(db_savepoint(db), 0);
        assert_int_equal(insert(db, 2, "b", 1), DB_DONE);
        assert_int_equal(db_savepoint(db), 0);
        assert_int_equal(insert(db, 3, "c", 1), DB_DONE);
        assert_int_equal(db_undo(db), 0);
        assert_int_equal(db_exec(db, "SELECT nothing"), -EINVAL); /* the engine gives up … */
        assert_int_equal(db_undo(db), 0);                         /* … but not what was before */
        assert_int_equal(db_savepoint(db), 0);
        assert_int_equal(db_undo(db), 0);
        assert_true(db_in_transaction(db));
        assert_int_equal(insert(db, 4, "d", 1), DB_DONE);
        assert_int_equal(db_commit(db), 0);
        assert_false(db_in_transaction(db));
        assert_int_equal(count(db), 2);

        assert_int_equal(db_begin(db, true), 0);
        assert_int_equal(insert(db, 5, "e", 1), DB_DONE);
        db_rollback(db);
        assert_int_equal(count(db), 2);
        assert_int_equal(db_begin(db, true), 0);
        assert_int_equal(db_commit(db), 0); /* an empty one */
        assert_int_equal(db_begin(db, false), 0);
        db_rollback(db);
        s = db_use(db, &suite_set, T_REF);
        db_bind_all(s, 4);
        assert_int_equal(db_run(s), DB_DONE);
        assert_int_equal(db_last_id(db), 1);
}

static void test_snapshots(void **state) {
        _cleanup_(db_freep) struct db *db = open_with_tables(), *reader = NULL;
        struct errmsg em = {};

        assert_ok(em, db_open(server.uri, DB_READ_ONLY, &em, &reader));
        assert_ok(em, db_prepare_set(reader, &suite_set, &em));
        assert_int_equal(insert(db, 1, "a", 1), DB_DONE);
        assert_int_equal(db_begin(reader, false), 0);
        assert_int_equal(count(reader), 1);
        assert_int_equal(insert(db, 2, "b", 1), DB_DONE);
        assert_int_equal(count(reader), 1);
        db_rollback(reader);
        assert_int_equal(count(reader), 2);
        assert_int_equal(insert(reader, 3, "c", 1), -EROFS);
        assert_int_equal(db_begin(reader, false), 0);
        assert_int_equal(insert(reader, 3, "c", 1), -EROFS);
        db_rollback(reader);
}

static void test_rows_of_two_at_once(void **state) {
        _cleanup_(db_freep) struct db *db = open_with_tables();
        DB_USE struct db_stmt *all = NULL;
        int64_t n = 0;

        for (int i = 0; i < 50; i++)
                assert_int_equal(insert(db, i, NULL, i), DB_DONE);
        assert_int_equal(db_begin(db, false), 0);
        all = db_use(db, &suite_set, T_ALL);
        db_bind_all(all, 20, 10);
        while (db_step(all) == DB_ROW) {
                DB_USE struct db_stmt *one = db_use(db, &suite_set, T_GET);

                assert_int_equal(db_col_i64(all, 0), 10 + n++);
                db_bind_all(one, db_col_i64(all, 0));
                assert_int_equal(db_step(one), DB_ROW);
                assert_true(db_col_f64(one, 2) == (double) db_col_i64(all, 0));
        }
        assert_int_equal(n, 20);
        db_rollback(db);
}

/* More texts than are kept, inside one transaction and again. */
static void test_many_texts(void **state) {
        _cleanup_(db_freep) struct db *db = open_with_tables();
        char sql[64];

        assert_int_equal(db_begin(db, false), 0);
        for (int i = 0; i < 300; i++) {
                DB_USE struct db_stmt *s = NULL;

                (void) snprintf(sql, sizeof(sql), "SELECT %d + 1", i % 150);
                assert_int_equal(db_prepare_dynamic(db, sql, &s), 0);
                assert_int_equal(db_step(s), DB_ROW);
                assert_int_equal(db_col_i64(s, 0), i % 150 + 1);
        }
        db_rollback(db);
}

static const char *slow_text(void) {
        return SERVER_DIALECT == DB_POSTGRES ? "SELECT count(pg_sleep(20))"
                                             : "SELECT count(*) FROM seq_1_to_100000000 a, "
                                               "seq_1_to_100000000 b";
}

static void test_budget(void **state) {
        _cleanup_(db_freep) struct db *db = open_with_tables();
        DB_USE struct db_stmt *s = NULL;

        assert_int_equal(db_prepare_dynamic(db, slow_text(), &s), 0);
        assert_int_equal(db_begin(db, false), 0);
        db_set_budget(db, 50 * USEC_PER_MSEC);
        assert_int_equal(db_step(s), -ETIME);
        assert_non_null(strstr(db_errmsg(db), "")); /* there are words */
        db_set_budget(db, 0);
        db_rollback(db);
        assert_int_equal(count(db), 0);
}

static void *interrupt_soon(void *userdata) {
        (void) usleep(100000); /* until it runs; if it does not yet, the budget ends the test */
        db_interrupt(userdata);
        return NULL;
}

static void test_interrupt(void **state) {
        _cleanup_(db_freep) struct db *db = open_with_tables();
        DB_USE struct db_stmt *s = NULL;
        pthread_t thread;

        assert_int_equal(db_prepare_dynamic(db, slow_text(), &s), 0);
        db_set_budget(db, 15 * USEC_PER_SEC);
        assert_int_equal(pthread_create(&thread, NULL, interrupt_soon, db), 0);
        assert_int_equal(db_step(s), -ECANCELED);
        assert_int_equal(pthread_join(thread, NULL), 0);
        assert_int_equal(count(db), 0);
}

static void test_server_comes_back(void **state) {
        _cleanup_(db_freep) struct db *db = open_with_tables();

        assert_int_equal(insert(db, 1, "a", 1), DB_DONE);
        server_do("stop");
        server_do("start");
        assert_int_equal(count(db), 1); /* a read comes through as if nothing was */
        server_do("stop");
        server_do("start");
        assert_int_equal(db_begin(db, true), 0);
        assert_int_equal(insert(db, 2, "b", 1), DB_DONE); /* a transaction's beginning too */
        server_do("kill");
        assert_int_equal(insert(db, 3, "c", 1), -ENOTCONN);
        assert_false(db_in_transaction(db));
        assert_int_equal(insert(db, 4, "d", 1), -ENOTCONN);
        assert_true(*db_errmsg(db));
        server_do("start");
        (void) sleep(1); /* it is asked once a second */
        assert_int_equal(count(db), 1);
        assert_int_equal(db_begin(db, true), 0);
        assert_int_equal(insert(db, 2, "b", 1), DB_DONE);
        server_do("stop");
        assert_int_equal(db_commit(db), -ENOTCONN);
        assert_false(db_in_transaction(db));
        server_do("start");
        (void) sleep(1);
        assert_int_equal(count(db), 1);
}

static void test_not_there(void **state) {
        struct errmsg em = {};
        struct db *db = NULL;
        char uri[256];

        (void) snprintf(uri, sizeof(uri), "%s://u:geheim@127.0.0.1:1/d",
                        SERVER_DIALECT == DB_POSTGRES ? "postgresql" : "mysql");
        assert_int_equal(db_open(uri, 0, &em, &db), -ENOTCONN);
        assert_non_null(strstr(em.text, "cannot be reached"));
        assert_null(strstr(em.text, "geheim"));
        (void) snprintf(uri, sizeof(uri), "%s://u:geheim@192.0.2.1/d%s",
                        SERVER_DIALECT == DB_POSTGRES ? "postgresql" : "mysql",
                        SERVER_DIALECT == DB_POSTGRES ? "?sslmode=require" : "?ssl_disabled=true");
        assert_int_equal(db_open(uri, 0, &em, &db), -EACCES);
        assert_non_null(strstr(em.text, "192.0.2.1"));
        assert_null(strstr(em.text, "geheim"));
        assert_null(db);
}

static void check_encrypted(struct db *db) {
        DB_USE struct db_stmt *s = NULL;

        assert_int_equal(
                db_prepare_dynamic(
                        db,
                        SERVER_DIALECT == DB_POSTGRES
                                ? "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
                                : "SELECT length(VARIABLE_VALUE) > 0 FROM "
                                  "information_schema.SESSION_STATUS WHERE VARIABLE_NAME = "
                                  "'SSL_CIPHER'",
                        &s),
                0);
        assert_int_equal(db_step(s), DB_ROW);
        assert_int_equal(db_col_i64(s, 0), 1);
        assert_null(strstr(db_get_uri(db), "ss%2F"));
}

/* By TCP, encrypted, with a password; the certificate is checked where the URI asks for it. */
static void test_tls(void **state) {
        static const struct {
                const char *host, *postgres, *mysql;
                bool strange_ca, opens;
        } rows[] = {
                {"127.0.0.1", "sslmode=verify-full&sslrootcert=", "ssl_ca=", false, true},
                {"localhost", "sslmode=verify-full&sslrootcert=", "ssl_ca=", false, true},
                {"127.0.0.1", "sslmode=verify-ca&sslrootcert=", "ssl_verify_identity=false&ssl_ca=",
                 false, true},
                {"127.0.0.1", "sslmode=verify-full&sslrootcert=", "ssl_ca=", true, false},
                {"127.0.0.1", "sslmode=verify-ca&sslrootcert=", "ssl_verify_identity=false&ssl_ca=",
                 true, false},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                bool postgres = SERVER_DIALECT == DB_POSTGRES;
                struct errmsg em = {};
                struct db *db = NULL;
                char uri[512];
                int r;

                (void) snprintf(uri, sizeof(uri),
                                "%s://secret:p%%40ss%%2Fw%%3Ard@%s:%d/onebox?%s%s%s",
                                postgres ? "postgres" : "mysql", rows[i].host, server.port,
                                postgres ? rows[i].postgres : rows[i].mysql,
                                rows[i].strange_ca ? DB_TLS_BUNDLE : server.dir,
                                rows[i].strange_ca ? "" : "/ca.pem");
                r = db_open(uri, 0, &em, &db);
                if (rows[i].opens != (r == 0))
                        fail_msg("%s: %d %s", uri, r, em.text);
                if (db)
                        check_encrypted(db);
                db_free(db);
        }
}

struct job {
        struct db_job job;
        int64_t id;
        const char *name;
};

static int job_run(struct db *db, struct db_job *job) {
        struct job *j = (struct job *) job;
        int r = insert(db, j->id, j->name, 0);

        return r == DB_CONFLICT ? -EEXIST : r;
}

static void *writes(void *userdata) {
        struct db_writer *w = userdata;
        static _Atomic int64_t next = 100;

        for (int i = 0; i < 50; i++) {
                struct job j = {.job = {.run = job_run}, .id = next++};

                assert_int_equal(db_writer_call(w, &j.job), 0);
                if (i % 10 == 0)
                        assert_int_equal(db_writer_call(w, &j.job), -EEXIST);
        }
        return NULL;
}

static void test_writer_and_readers(void **state) {
        const struct db_config config = {.uri = server.uri, .sets = suite_sets, .n_sets = 1};
        struct db_writer_stats stats;
        struct db_readers *readers = NULL;
        struct db_writer *w = NULL;
        struct errmsg em = {};
        pthread_t threads[8];
        struct db *db;

        db_free(open_with_tables());
        assert_ok(em, db_writer_new(&config, 0, &em, &w));
        assert_ok(em, db_readers_new(&config, &em, &readers));
        for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
                assert_int_equal(pthread_create(&threads[i], NULL, writes, w), 0);
        for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
                assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(db_readers_get(readers, &db), 0);
        assert_int_equal(count(db), 400);
        db_writer_get_stats(w, &stats);
        assert_true(stats.n_batches < stats.n_jobs); /* some shared a commit */

        /* away and back: nothing is stuck, nothing is acknowledged that is not there */
        server_do("kill");
        {
                struct job j = {.job = {.run = job_run}, .id = 1};

                assert_int_equal(db_writer_call(w, &j.job), -ENOTCONN);
                assert_int_equal(count(db), -ENOTCONN);
                server_do("start");
                (void) sleep(1);
                assert_int_equal(db_writer_call(w, &j.job), 0);
                assert_true(count(db) >= 1);
        }
        db_readers_free(readers);
        db_writer_free(w);
}

static void test_migrations(void **state) {
        static const struct db_migration rows[] = {
                {1, "CREATE TABLE m1(id BIGINT NOT NULL PRIMARY KEY)"},
                {2, "INSERT INTO m1 VALUES (1); INSERT INTO m1 VALUES (2)"},
        };
        _cleanup_(db_freep) struct db *db = open_with_tables();
        struct errmsg em = {};
        int version = -1;

        for (int i = 0; i < 2; i++)
                assert_ok(em, db_migrate(db, rows, ARRAY_SIZE(rows), 5, &em));
        assert_int_equal(db_migrate_get_version(db, &version), 0);
        assert_int_equal(version, 2);
        assert_ok(em, db_check(db, true, &em));
        assert_int_equal(db_backup(db, "/nowhere/x", &em), -EOPNOTSUPP);
}

#define SERVER_SUITE                                                                              \
        cmocka_unit_test(test_values_round_trip), cmocka_unit_test(test_nulls_and_limits),        \
                cmocka_unit_test(test_conflict_leaves_the_transaction),                           \
                cmocka_unit_test(test_upserts), cmocka_unit_test(test_bad_statements),            \
                cmocka_unit_test(test_savepoints_and_failures), cmocka_unit_test(test_snapshots), \
                cmocka_unit_test(test_rows_of_two_at_once), cmocka_unit_test(test_many_texts),    \
                cmocka_unit_test(test_budget), cmocka_unit_test(test_interrupt),                  \
                cmocka_unit_test(test_not_there), cmocka_unit_test(test_tls),                     \
                cmocka_unit_test(test_migrations), cmocka_unit_test(test_server_comes_back),      \
                cmocka_unit_test(test_writer_and_readers)
