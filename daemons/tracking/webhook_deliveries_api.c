#include "daemons/tracking/webhook_deliveries_api.h"

#include <errno.h>

#include "daemons/tracking/job.h"
#include "daemons/tracking/webhook_deliveries_sql.h"
#include "daemons/tracking/webhooks_sql.h"
#include "lib/net/http_request.h"

struct in {
        const char *webhook_id;
};

static const char *state_of(const struct webhook_told *d) {
        if (d->due_at_ms != 0)
                return "WAITING";
        return d->status > 0 && d->status < 400 ? "TOLD" : "GIVEN_UP";
}

static void write_one(struct json_write *w, const struct webhook_told *d) {
        json_write_object(w);
        json_write_kv_str(w, "delivery_id", d->id);
        json_write_kv_str(w, "entity", d->entity);
        json_write_kv_str(w, "action", d->action);
        json_write_kv_str(w, "state", state_of(d));
        json_write_kv_bool(w, "is_test", d->is_test);
        json_write_kv_i64(w, "attempts", d->attempts);
        json_write_kv_i64(w, "queued_timestamp", d->queued_at_ms);
        if (d->told_at_ms)
                json_write_kv_i64(w, "told_timestamp", d->told_at_ms);
        if (d->due_at_ms && d->attempts > 0)
                json_write_kv_i64(w, "next_timestamp", d->due_at_ms);
        if (d->status)
                json_write_kv_i64(w, "response_status", d->status);
        if (d->error)
                json_write_kv_str(w, "error_message", d->error);
        json_write_kv_str(w, "message", d->message);
        json_write_end(w);
}

static int run_list(struct job *j, struct db *db) {
        const struct in *in = j->in;
        DB_USE struct db_stmt *s = NULL;
        struct webhook webhook;
        struct webhook_told d;
        int r = webhooks_sql_need(db, &j->refusal, in->webhook_id, &webhook);

        if (r != 0)
                return r;
        s = webhook_deliveries_sql_list(db, in->webhook_id);
        json_write_kv_array(&j->json, "deliveries");
        while ((r = db_step(s)) == DB_ROW) {
                r = webhook_deliveries_sql_read(s, j->arena, &d);
                if (r < 0)
                        return r;
                write_one(&j->json, &d);
        }
        json_write_end(&j->json);
        return r;
}

int webhook_deliveries_api_list(struct http_request *req) {
        struct in in = {.webhook_id = http_request_param(req, "webhook_id")};
        struct ask q;

        ask_open(&q, req);
        return job_read(&q, run_list, &in);
}
