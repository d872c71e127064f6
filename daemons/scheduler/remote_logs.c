#include "daemons/scheduler/remote_logs.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daemons/scheduler/scheduler.h"
#include "daemons/scheduler/spool.h"
#include "daemons/scheduler/tries_sql.h"
#include "lib/base/arena.h"
#include "lib/base/fileio.h"
#include "lib/base/json.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/db/db_readers.h"
#include "lib/net/http_call.h"
#include "lib/net/http_target.h"

int remote_logs_name(const char *dag_id, const char *run_id, const char *task_id, int64_t map_index,
                     int64_t try_number, char ret[REMOTE_LOGS_NAME_MAX]) {
        char mapped[48] = "";
        int n;

        if (map_index >= 0)
                snprintf(mapped, sizeof(mapped), "map_index=%lld/", (long long) map_index);
        n = snprintf(ret, REMOTE_LOGS_NAME_MAX, "dag_id=%s/run_id=%s/task_id=%s/%sattempt=%lld.log",
                     dag_id, run_id, task_id, mapped, (long long) try_number);
        return n < 0 || n >= REMOTE_LOGS_NAME_MAX ? -E2BIG : 0;
}

bool remote_logs_is_safe(const struct scheduler *s, const char *try_id) {
        _cleanup_free_ char *mark = NULL;

        if (!s->conf->logging.remote_logging)
                return true;
        mark = str_printf("%s/%s/shipped", s->tasks_dir, try_id);
        return mark && access(mark, F_OK) == 0;
}

/* --- queueing -----------------------------------------------------------------------------------
 */

static int find_name(struct scheduler *s, const char *try_id, char ret[REMOTE_LOGS_NAME_MAX]) {
        struct tries_sql_whose whose;
        struct arena a;
        struct db *db;
        int r;

        arena_init(&a, 0);
        r = db_readers_get(s->readers, &db);
        if (r >= 0)
                r = tries_sql_whose(db, try_id, &a, &whose);
        if (r == 0)
                r = remote_logs_name(whose.dag_id, whose.run_id, whose.task_id, whose.map_index,
                                     whose.try_number, ret);
        arena_done(&a);
        return r > 0 ? -ENOENT : r;
}

static int queue(struct scheduler *s, const char *try_id) {
        _cleanup_free_ char *path = paths_state(s->paths, "logship/queue/%s", try_id);
        char name[REMOTE_LOGS_NAME_MAX];
        int r = path ? find_name(s, try_id, name) : -ENOMEM;

        if (r >= 0)
                r = fileio_mkdir_parents(path, 02770);
        return r < 0 ? r : fileio_write_atomic(path, name, strlen(name), 0660);
}

void remote_logs_queue(struct scheduler *s, const char *try_id) {
        int r = s->conf->logging.remote_logging ? queue(s, try_id) : 0;

        if (r < 0)
                log_errno(r,
                          "the log of try %s is not queued for upload (it will be at the next "
                          "start)",
                          try_id);
}

static int each_try(void *ctx, const char *try_id) {
        struct scheduler *s = ctx;

        if (spool_is_acked(s->tasks_dir, try_id) && !remote_logs_is_safe(s, try_id))
                remote_logs_queue(s, try_id);
        return 0;
}

void remote_logs_requeue(struct scheduler *s) {
        int r = s->conf->logging.remote_logging ? spool_each(s->tasks_dir, each_try, s) : 0;

        if (r < 0 && r != -ENOENT)
                log_errno(r, "logs that wait for their upload cannot be looked for");
}

/* --- reading back -------------------------------------------------------------------------------
 */

/* The words of an error answer. */
static void take_detail(const struct buf *body, struct errmsg *em) {
        const char *detail;
        struct arena a;
        struct json *j;

        arena_init(&a, 0);
        if (json_parse_copy(&a, buf_cstr(body), body->len, &j, NULL) >= 0 &&
            json_str(json_get(j, "detail"), &detail) == 0)
                errmsg_set(em, "%s", detail);
        else
                errmsg_set(em, "onebox-logship gave no reason");
        arena_done(&a);
}

int remote_logs_read(struct scheduler *s, const char *name, uint64_t at, size_t limit,
                     struct buf *ret, struct errmsg *em) {
        _cleanup_free_ char *address = str_printf("unix:%s/logship.sock", s->paths->runtime_dir);
        _cleanup_buf_ struct buf target = {};
        struct http_call_answer a = {};
        struct errmsg why = {};
        int r;

        if (!s->conf->logging.remote_logging)
                return errmsg_fail(em, -ENOENT,
                                   "it was removed here, and logs are not uploaded "
                                   "([logging] remote_logging)");
        buf_add_lit(&target, "/v1/log?key=");
        if (buf_reserve(&target, 3 * strlen(name)) == 0)
                target.len += http_target_encode(target.data + target.len, name, strlen(name), "/");
        buf_printf(&target, "&offset=%llu&limit=%zu", (unsigned long long) at, limit);
        if (!address || buf_error(&target))
                return -ENOMEM;
        r = http_call(&(struct http_call){.address = address, .target = buf_cstr(&target)}, &a,
                      &why);
        if (r < 0) {
                errmsg_set(em, "onebox-logship, which reads it from %s, is not there: %s",
                           s->conf->logging.remote_base_log_folder, why.text);
                r = r == -ENOMEM ? r : -EAGAIN;
        } else if (a.status != 200) {
                take_detail(&a.body, em);
                r = a.status == 404 ? -ENOENT : -EAGAIN;
        } else {
                r = buf_add(ret, buf_cstr(&a.body), a.body.len);
        }
        http_call_answer_done(&a);
        return r;
}
