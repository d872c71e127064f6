/* remote_logs_api.c: the connection of [logging] remote_log_conn_id, for onebox-logship alone. */
#include <errno.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

#include "daemons/scheduler/rest.h"
#include "daemons/scheduler/scheduler_api.h"
#include "daemons/scheduler/secrets.h"
#include "lib/base/str.h"

/* By who is at the other end of the socket; where there is no such user (onebox up), our own uid.
 */
static bool is_logship(const struct http_request *req) {
        const struct passwd *pw = getpwnam("onebox-logship");
        uid_t uid = req->peer->uid;

        return req->peer->kind == HTTP_PEER_UNIX &&
               (uid == 0 || (pw ? uid == pw->pw_uid : uid == geteuid()));
}

int remote_logs_api_connection(struct http_request *req) {
        struct scheduler *s = scheduler_api_of(req);
        const char *id = s->conf->logging.remote_log_conn_id;
        _cleanup_buf_ struct buf b = {};
        struct errmsg em = {};
        struct connection c;
        struct json_write w;
        struct db *db;
        int r;

        if (!is_logship(req))
                return http_request_reply_error(req, 403, "this is for onebox-logship alone");
        if (!s->conf->logging.remote_logging || str_empty(id))
                return http_request_reply_error(req, 404, "no connection is named");
        db = scheduler_api_reader(req);
        if (!db)
                return rest_replied;
        r = secrets_find_connection(s, db, id, req->arena, &c, &em);
        if (r == 1)
                return http_request_reply_error(req, 404, "there is no connection \"%s\"", id);
        if (r < 0)
                return http_request_reply_error(req, 409, "%s", em.text);
        json_write_init(&w, &b, 0);
        json_write_object(&w);
        json_write_kv_str(&w, "conn_id", id);
        connection_write(&w, &c, false, req->arena);
        json_write_end(&w);
        r = json_write_finish(&w);
        return r < 0 ? r : http_request_reply_json(req, 200, &b);
}
