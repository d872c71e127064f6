/* logship_api.c: reading a log back, for the scheduler; and how the uploads go. */
#include "config.h"

#include <errno.h>

#include "daemons/logship/logship.h"
#include "lib/base/json_write.h"
#include "lib/base/timestamp.h"
#include "lib/net/http_server.h"

enum { READ_MAX = 8 << 20 };

#define ROUTE(method, path, handler, flags) static int handler(struct http_request *req);
#include "daemons/logship/logship_routes.def"
#undef ROUTE

const struct http_route logship_api_routes[] = {
#define ROUTE(method, path, handler, flags) HTTP_ROUTE(HTTP_##method, path, handler, 0, flags),
#include "daemons/logship/logship_routes.def"
#undef ROUTE
};
const size_t logship_api_n_routes = ARRAY_SIZE(logship_api_routes);

static int logship_api_health(struct http_request *req) {
        struct logship *l = req->ctx;
        _cleanup_buf_ struct buf b = {};
        char since[TIMESTAMP_SIZE];
        struct json_write w;
        int r;

        json_write_init(&w, &b, 0);
        json_write_object(&w);
        pthread_mutex_lock(&l->lock);
        json_write_kv_u64(&w, "queued", l->n_queued);
        json_write_kv_u64(&w, "shipped", l->n_shipped);
        json_write_kv_u64(&w, "bytes", l->n_bytes);
        json_write_kv_str(&w, "trouble", l->trouble.text[0] ? l->trouble.text : NULL);
        json_write_kv_str(&w, "trouble_since",
                          l->trouble.text[0]
                                  ? timestamp_print(l->trouble_since_at, TIMESTAMP_SECONDS, since)
                                  : NULL);
        pthread_mutex_unlock(&l->lock);
        json_write_end(&w);
        r = json_write_finish(&w);
        return r < 0 ? r : http_request_reply_json(req, 200, &b);
}

/* ?key=NAME&offset=N&limit=N: the bytes; fewer than the limit only at the end. */
static int logship_api_log(struct http_request *req) {
        struct logship *l = req->ctx;
        const char *key = http_request_query(req, "key");
        int64_t offset = 0, limit = READ_MAX;
        _cleanup_buf_ struct buf b = {};
        struct ship_store_one *store;
        struct errmsg em = {};
        int r;

        if (!key || (http_request_query_i64(req, "offset", &offset) < 0 && offset != 0) ||
            (http_request_query_i64(req, "limit", &limit) < 0 && limit != READ_MAX) || offset < 0 ||
            limit < 1 || limit > READ_MAX)
                return http_request_reply_error(req, 422, "key, offset and limit are wanted");
        r = ship_store_get(&l->stores, &store, &em);
        if (r >= 0) {
                r = ship_read(ship_store_of(store), key, (uint64_t) offset, (size_t) limit, &b,
                              &em);
                ship_store_put(&l->stores, store);
                if (r < 0 && r != -ENOENT)
                        ship_store_forget(&l->stores);
        }
        if (r == -ENOENT)
                return http_request_reply_error(req, 404, "%s/%s is not there any more",
                                                l->conf->remote_base_log_folder, key);
        if (r < 0)
                return http_request_reply_error(req, 503, "%s", em.text);
        return http_request_reply(req, 200, "text/plain; charset=utf-8", buf_cstr(&b), b.len);
}
