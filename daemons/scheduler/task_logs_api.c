/* task_logs_api.c: the log of a try: in pages (REST v2), as text, and live. */
#include "daemons/scheduler/task_logs_api.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemons/scheduler/log_follow.h"
#include "daemons/scheduler/log_lines.h"
#include "daemons/scheduler/remote_logs.h"
#include "daemons/scheduler/rest.h"
#include "daemons/scheduler/scheduler_api.h"
#include "daemons/scheduler/spool.h"
#include "lib/base/fileio.h"
#include "lib/base/str.h"

enum { PAGE_SIZE_MAX = 1 << 20, TEXT_SIZE_MAX = 64 << 20 };

int task_logs_api_find(struct db *db, const char *dag_id, const char *run_id, const char *task_id,
                       int64_t map_index, int64_t number, struct task_logs_api_try *ret) {
        DB_USE struct db_stmt *s = NULL;
        int r;

        r = db_prepare_dynamic(db,
                               "SELECT y.try_id, y.try_number, y.result IS NOT NULL, y.map_index "
                               "FROM tries y "
                               "JOIN dag_runs r ON r.id = y.dag_run WHERE r.dag_id = ? "
                               "AND r.run_id = ? AND y.task_id = ? "
                               "AND y.map_index = ? AND (? = 0 OR y.try_number = ?) "
                               "ORDER BY y.try_number DESC, y.try_id DESC LIMIT 1",
                               &s);
        if (r < 0)
                return r;
        db_bind_all(s, dag_id, run_id, task_id, map_index, number, number);
        r = db_step(s);
        if (r != DB_ROW)
                return r < 0 ? r : 1;
        str_copy(ret->try_id, sizeof(ret->try_id), db_col_text(s, 0));
        ret->number = db_col_i64(s, 1);
        ret->ended = db_col_i64(s, 2);
        ret->map_index = db_col_i64(s, 3);
        return 0;
}

/* From `at` at most a page, cut at the last whole line unless the try has ended. */
static int read_page(int fd, uint64_t at, bool ended, struct arena *a, char **ret,
                     size_t *ret_len) {
        char *data = arena_alloc(a, PAGE_SIZE_MAX);
        size_t n = 0;
        char *end;

        if (!data)
                return -ENOMEM;
        while (n < PAGE_SIZE_MAX) {
                ssize_t k = pread(fd, data + n, PAGE_SIZE_MAX - n, (off_t) (at + n));

                if (k < 0)
                        return -errno;
                if (k == 0)
                        break;
                n += (size_t) k;
        }
        end = n > 0 ? memrchr(data, '\n', n) : NULL;
        if (!ended || n == PAGE_SIZE_MAX)
                n = end ? (size_t) (end + 1 - data) : 0;
        *ret = data;
        *ret_len = n;
        return 0;
}

static void write_lines(struct json_write *w, const char *data, size_t len) {
        const char *end = data + len;

        for (const char *p = data; p < end;) {
                const char *nl = memchr(p, '\n', (size_t) (end - p));
                struct log_line line;

                log_lines_parse(p, (size_t) ((nl ? nl : end) - p), &line);
                log_lines_write(w, &line);
                p = nl ? nl + 1 : end;
        }
}

/* A page and where the next one begins; none follows an empty one of an ended try. */
static int reply_lines(struct http_request *req, const char *data, size_t len, uint64_t at,
                       bool ended) {
        _cleanup_buf_ struct buf b = {};
        const char *end = len == PAGE_SIZE_MAX ? memrchr(data, '\n', len) : NULL;
        struct json_write w;
        int r;

        if (end)
                len = (size_t) (end + 1 - data);
        json_write_init(&w, &b, 0);
        json_write_object(&w);
        json_write_kv_array(&w, "content");
        write_lines(&w, data, len);
        json_write_end(&w);
        json_write_key(&w, "continuation_token");
        if (!ended || len > 0) {
                char token[24];

                snprintf(token, sizeof(token), "%llu", (unsigned long long) (at + len));
                json_write_str(&w, token);
        } else {
                json_write_null(&w);
        }
        json_write_end(&w);
        r = json_write_finish(&w);
        return r < 0 ? r : http_request_reply_json(req, 200, &b);
}

static int reply_page(struct http_request *req, int fd, uint64_t at, bool ended) {
        char *data = NULL;
        size_t len = 0;
        int r = fd >= 0 ? read_page(fd, at, ended, req->arena, &data, &len) : 0;

        return r < 0 ? r : reply_lines(req, data, len, at, ended);
}

static int reply_text(struct http_request *req, int fd) {
        struct stat st;

        if (fd < 0)
                return http_request_reply_text(req, 200, "");
        if (fstat(fd, &st) < 0)
                return -errno;
        return http_request_reply_file(
                req, &(struct http_request_file){.fd = fcntl(fd, F_DUPFD_CLOEXEC, 3),
                                                 .size = (uint64_t) st.st_size,
                                                 .type = "text/plain; charset=utf-8",
                                                 .cache = "no-store"});
}

/* What stands in place of a log that is neither here nor to be had: as lines of ours. */
static int reply_missing(struct http_request *req, const struct errmsg *em) {
        char *line = arena_printf(req->arena, "%s s the log of this try is not here: %s",
                                  "1970-01-01T00:00:00.000000Z", em->text);
        const char *accept = http_request_header(req, "Accept");
        _cleanup_buf_ struct buf b = {};
        struct json_write w;
        int r;

        if (!line)
                return -ENOMEM;
        if (accept && str_starts(accept, "text/plain"))
                return http_request_reply_text(req, 200, line);
        json_write_init(&w, &b, 0);
        json_write_object(&w);
        json_write_kv_array(&w, "content");
        write_lines(&w, line, strlen(line));
        json_write_end(&w);
        json_write_kv_null(&w, "continuation_token");
        json_write_end(&w);
        r = json_write_finish(&w);
        return r < 0 ? r : http_request_reply_json(req, 200, &b);
}

/* All of it, piece by piece, up to the limit of an answer in memory. */
static int read_whole(struct scheduler *s, const char *name, struct buf *b, struct errmsg *em) {
        size_t before;
        int r;

        do {
                before = b->len;
                r = remote_logs_read(s, name, before, PAGE_SIZE_MAX, b, em);
        } while (r >= 0 && b->len - before == PAGE_SIZE_MAX && b->len < TEXT_SIZE_MAX);
        return r;
}

/* From the bucket: the try has ended and its log is not here any more. */
static int reply_remote(struct http_request *req, const struct task_logs_api_try *t, uint64_t at) {
        const char *accept = http_request_header(req, "Accept");
        struct scheduler *s = scheduler_api_of(req);
        char name[REMOTE_LOGS_NAME_MAX];
        _cleanup_buf_ struct buf b = {};
        struct errmsg em = {};
        bool as_text = accept && str_starts(accept, "text/plain");
        int r = remote_logs_name(http_request_param(req, "dag_id"),
                                 http_request_param(req, "run_id"),
                                 http_request_param(req, "task_id"), t->map_index, t->number, name);

        if (r >= 0)
                r = as_text ? read_whole(s, name, &b, &em)
                            : remote_logs_read(s, name, at, PAGE_SIZE_MAX, &b, &em);
        if (r == -ENOENT || r == -EAGAIN)
                return reply_missing(req, &em);
        if (r < 0)
                return r;
        if (as_text)
                return http_request_reply(req, 200, "text/plain; charset=utf-8", buf_cstr(&b),
                                          b.len);
        return reply_lines(req, buf_cstr(&b), b.len, at, true);
}

/* The try and the instance that are meant; false: has replied. */
static bool read_numbers(struct http_request *req, int64_t *ret_number, int64_t *ret_map) {
        if (!rest_map_index(req, ret_map))
                return false;
        if (str_to_i64(http_request_param(req, "try_number"), ret_number) == 0 && *ret_number >= 0)
                return true;
        http_request_reply_error(req, 422, "the try must be a number");
        return false;
}

int task_logs_api_get(struct http_request *req) {
        const char *token = http_request_query(req, "token");
        const char *accept = http_request_header(req, "Accept");
        struct db *db = scheduler_api_reader(req);
        int64_t number = 0, map_index = -1;
        _cleanup_close_ int fd = -1;
        struct task_logs_api_try t;
        uint64_t at = 0;
        int r;

        if (!db || !read_numbers(req, &number, &map_index))
                return rest_replied;
        if (!str_empty(token) && str_to_u64(token, &at) < 0)
                return http_request_reply_error(req, 400, "\"token\" is not one of ours");
        r = task_logs_api_find(db, http_request_param(req, "dag_id"),
                               http_request_param(req, "run_id"),
                               http_request_param(req, "task_id"), map_index, number, &t);
        if (r < 0)
                return r;
        if (r > 0)
                return http_request_reply_error(req, 404, "task \"%s\" has no try %lld",
                                                http_request_param(req, "task_id"),
                                                (long long) number);
        fd = spool_open_log(scheduler_api_of(req)->tasks_dir, t.try_id);
        if (fd < 0 && fd != -ENOENT)
                return fd;
        if (fd < 0 && t.ended && scheduler_api_of(req)->conf->logging.remote_logging)
                return reply_remote(req, &t, at);
        if (accept && str_starts(accept, "text/plain"))
                return reply_text(req, fd);
        return reply_page(req, fd, at, t.ended);
}

/* GET /api/onebox/v1/logs?dag_id=&run_id=&task_id=&try_number=: live, by server-sent events. */
int task_logs_api_follow(struct http_request *req) {
        static const char *const names[] = {"dag_id", "run_id", "task_id"};
        struct scheduler *s = scheduler_api_of(req);
        const char *values[ARRAY_SIZE(names)];
        struct task_logs_api_try t;
        int64_t number = 0, map_index = -1;
        struct db *db;
        int r;

        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                values[i] = http_request_query(req, names[i]);
                if (str_empty(values[i]))
                        return http_request_reply_error(req, 422, "\"%s\" is missing", names[i]);
        }
        r = http_request_query_i64(req, "try_number", &number);
        if ((r < 0 && r != -ENOENT) || number < 0)
                return http_request_reply_error(req, 422, "\"try_number\" must be a number");
        if (!rest_map_index(req, &map_index))
                return rest_replied;
        db = scheduler_api_reader(req);
        if (!db)
                return rest_replied;
        r = task_logs_api_find(db, values[0], values[1], values[2], map_index, number, &t);
        if (r < 0)
                return r;
        if (r > 0)
                return http_request_reply_error(req, 404, "task \"%s\" has no such try", values[2]);
        return log_follow_reply(s, req, t.try_id);
}
