#include "daemons/bucketd/bucketd_api.h"

#include <errno.h>

#include "daemons/bucketd/bucketd.h"
#include "daemons/bucketd/chaos.h"
#include "daemons/bucketd/gcs_error.h"
#include "lib/base/json_write.h"
#include "lib/db/db_writer.h"
#include "lib/net/http_request.h"
#include "lib/net/http_server.h"
#include "lib/net/loop.h"

int bucketd_api_health(struct http_request *req) {
        const struct bucketd *d = req->ctx;
        struct buf out = {};
        struct json_write w;

        json_write_init(&w, &out, 0);
        json_write_object(&w);
        json_write_kv_str(&w, "status", d->draining ? "stopping" : "ok");
        json_write_kv_u64(&w, "uptime_s",
                          (loop_now(d->loop, CLOCK_BOOTTIME) - d->started_at) / USEC_PER_SEC);
        json_write_end(&w);
        (void) json_write_finish(&w);
        return http_request_reply_json(req, d->draining ? 503 : 200, &out);
}

int bucketd_api_metrics(struct http_request *req) {
        const struct bucketd *d = req->ctx;
        struct db_writer_stats w;
        struct buf out = {};

        (void) http_server_metrics(d->http, &out);
        db_writer_get_stats(d->writer, &w);
        buf_printf(&out,
                   "# TYPE onebox_bucketd_commits counter\nonebox_bucketd_commits %llu\n"
                   "# TYPE onebox_bucketd_changes counter\nonebox_bucketd_changes %llu\n",
                   (unsigned long long) w.n_batches, (unsigned long long) w.n_jobs);
        return http_request_reply_buf(req, 200, "text/plain; version=0.0.4", &out);
}

static int no_faults(struct http_request *req) {
        return http_request_reply_error(req, 404,
                                        "This server takes no faults: start it with --faults.");
}

int bucketd_api_faults_get(struct http_request *req) {
        const struct bucketd *d = req->ctx;
        struct buf out = {};

        if (!d->chaos)
                return no_faults(req);
        (void) chaos_print(d->chaos, &out);
        return http_request_reply_json(req, 200, &out);
}

int bucketd_api_faults_set(struct http_request *req) {
        const struct bucketd *d = req->ctx;
        struct errmsg em = {};
        struct json *rules;
        int r;

        if (!d->chaos)
                return no_faults(req);
        r = json_parse(req->arena, req->body, req->body_size, &rules, &em);
        if (r == 0)
                r = chaos_set(d->chaos, rules, &em);
        if (r == -EINVAL)
                return http_request_reply_error(req, 400, "%s", em.text);
        return r < 0 ? r : bucketd_api_faults_get(req);
}

int bucketd_api_faults_delete(struct http_request *req) {
        static const struct json none = {.type = JSON_ARRAY, .key = "rules", .key_len = 5};
        struct json rules = {.type = JSON_OBJECT, .child = (struct json *) &none, .len = 1};
        const struct bucketd *d = req->ctx;

        if (!d->chaos)
                return no_faults(req);
        (void) chaos_set(d->chaos, &rules, NULL);
        return bucketd_api_faults_get(req);
}

int bucketd_api_absent(struct http_request *req) {
        const char *why = req->route->data;
        struct refused no;

        if (why)
                gcs_error_set(&no, GCS_ERROR_NOT_IMPLEMENTED, "%s %.500s: %s.", req->method_name,
                              req->path, why);
        else
                gcs_error_set(&no, GCS_ERROR_NO_OBJECT,
                              "%s %.500s is no call that this server knows: it answers those in "
                              "onebox-bucketd(8). A name in a path needs its slashes as %%2F.",
                              req->method_name, req->path);
        return gcs_error_reply(req, &no);
}
