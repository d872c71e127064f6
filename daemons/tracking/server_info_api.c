#include "daemons/tracking/server_info_api.h"

#include <errno.h>

#include "daemons/tracking/refusal.h"
#include "daemons/tracking/tracking.h"
#include "lib/base/json_write.h"
#include "lib/base/str.h"
#include "lib/db/db_writer.h"
#include "lib/net/http_request.h"
#include "lib/net/http_server.h"

/* The peer has this twice, and the older one, which calls it HTML, is found behind two slashes. */
int server_info_api_health(struct http_request *req) {
        const char *type = str_starts(req->target, "//") ? "text/html; charset=utf-8"
                                                         : "text/plain; charset=utf-8";

        return http_request_reply_static(req, 200, type, "OK", 2);
}

int server_info_api_version(struct http_request *req) {
        return http_request_reply_static(req, 200, "text/html; charset=utf-8", TRACKING_VERSION,
                                         STRLEN(TRACKING_VERSION));
}

/* The client asks this before it uploads, without a login: nothing secret may stand here. */
int server_info_api_info(struct http_request *req) {
        const struct tracking *t = req->ctx;
        struct buf out = {};
        struct json_write w;

        json_write_init(&w, &out, 0);
        json_write_object(&w);
        json_write_kv_str(&w, "store_type", "SqlStore");
        json_write_kv_bool(&w, "workspaces_enabled", false);
        json_write_kv_bool(&w, "trace_archival_enabled", false);
        json_write_kv_bool(&w, "multipart_uploads_enabled", t->proxy_multipart);
        json_write_kv_bool(&w, "multipart_downloads_enabled", t->proxy_multipart);
        json_write_kv_bool(&w, "artifact_serving_enabled", t->store);
        json_write_kv_i64(&w, "skill_content_max_size", 26214400);
        json_write_kv_i64(&w, "skill_content_max_files", 10000);
        /* These say that the questions are understood; whether a store can sign is each one's
         * answer. */
        json_write_kv_bool(&w, "presigned_upload_run_id_supported", true);
        json_write_kv_bool(&w, "presigned_upload_model_id_supported", true);
        json_write_kv_bool(&w, "model_artifact_presigned_downloads_supported", true);
        json_write_kv_object(&w, "features_enabled");
        json_write_kv_bool(&w, "gateway", t->ai_gateway);
        json_write_kv_bool(&w, "scheduled_issue_detection", false);
        json_write_end(&w);
        json_write_kv_str(&w, "tracking_auth", t->tracking_auth);
        json_write_kv_bool(&w, "artifacts_presigned_only", false);
        json_write_end(&w);
        json_write_finish(&w);
        return http_request_reply_json(req, 200, &out);
}

int server_info_api_metrics(struct http_request *req) {
        const struct tracking *t = req->ctx;
        struct db_writer_stats stats;
        struct buf out = {};
        int r = http_server_metrics(t->http, &out);

        db_writer_get_stats(t->writer, &stats);
        buf_printf(&out,
                   "# TYPE onebox_tracking_writes_total counter\n"
                   "onebox_tracking_writes_total %llu\n"
                   "# TYPE onebox_tracking_commits_total counter\n"
                   "onebox_tracking_commits_total %llu\n"
                   "# TYPE onebox_tracking_writes_refused_total counter\n"
                   "onebox_tracking_writes_refused_total %llu\n"
                   "# TYPE onebox_tracking_write_queue gauge\n"
                   "onebox_tracking_write_queue %zu\n",
                   (unsigned long long) stats.n_jobs, (unsigned long long) stats.n_batches,
                   (unsigned long long) stats.n_refused, stats.n_queued);
        if (r < 0) {
                buf_done(&out);
                return r;
        }
        return http_request_reply_buf(req, 200, "text/plain; version=0.0.4", &out);
}

int server_info_api_root(struct http_request *req) {
        static const char page[] =
                "<!doctype html>\n<html lang=en>\n<meta charset=utf-8>\n"
                "<title>onebox tracking</title>\n<h1>onebox tracking</h1>\n"
                "<p>This is the tracking server's API, for <code>MLFLOW_TRACKING_URI</code>. The "
                "pages are at onebox-web, by default <a href=\"http://localhost:8080/\">"
                "localhost:8080</a>.</p>\n";

        return http_request_reply_static(req, 200, "text/html; charset=utf-8", page,
                                         sizeof(page) - 1);
}

const char *server_info_api_error(struct http_request *req, int status, const char *message,
                                  struct buf *out) {
        if (status == 404) {
                buf_add_lit(out, "<!doctype html>\n<html lang=en>\n<title>404 Not Found</title>\n"
                                 "<h1>Not Found</h1>\n<p>The requested URL was not found on the "
                                 "server. If you entered the URL manually please check your "
                                 "spelling and try again.</p>\n");
                return "text/html; charset=utf-8";
        }
        if (status == 405) {
                buf_add_lit(out, "<!doctype html>\n<html lang=en>\n<title>405 Method Not "
                                 "Allowed</title>\n<h1>Method Not Allowed</h1>\n<p>The method is "
                                 "not allowed for the requested URL.</p>\n");
                return "text/html; charset=utf-8";
        }
        if (status == 403 &&
            (str_starts(message, "Invalid Host") || str_starts(message, "Cross-origin"))) {
                buf_add_str(out, message);
                return "text/plain";
        }
        refusal_write(refusal_code_of_status(status), message, out);
        return "application/json";
}
