#include "daemons/web/web_api.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemons/web/box.h"
#include "daemons/web/login_form.h"
#include "daemons/web/web_ready.h"
#include "lib/auth/auth_http.h"
#include "lib/base/arena.h"
#include "lib/base/clock.h"
#include "lib/base/json_write.h"
#include "lib/base/str.h"
#include "lib/base/timestamp.h"
#include "lib/net/http_gzip.h"
#include "lib/net/http_request.h"
#include "lib/net/http_target.h"

#define HTML "text/html; charset=utf-8"
/* Nothing inline, nothing from elsewhere, in nobody's frame. */
#define POLICY                                                                                  \
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; " \
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

struct http_forward_target web_api_scheduler, web_api_tracking;

static int harden(struct http_request *req) {
        static const char *const headers[][2] = {
                {"Content-Security-Policy", POLICY},
                {"Referrer-Policy", "same-origin"},
                {"Cross-Origin-Opener-Policy", "same-origin"},
                {"Cross-Origin-Resource-Policy", "same-origin"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(headers); i++) {
                int r = http_request_set_header(req, headers[i][0], headers[i][1]);

                if (r < 0)
                        return r;
        }
        return 0;
}

int web_api_before(struct http_request *req) {
        struct web_api *api = req->ctx;

        if (req->route->handle != http_forward_handle) {
                int r = harden(req);

                if (r < 0)
                        return r;
        }
        return auth_http_check(api->auth, req);
}

int web_api_identify(struct http_request *req, struct http_forward_headers *h) {
        const struct auth_identity *who = req->identity;
        const char *authorization = http_request_header(req, "Authorization"), *token;
        int r;

        /* Always said, also of nobody: without it the daemon behind would take our own uid. */
        r = http_forward_set_header(h, "X-Onebox-User", who ? who->name : "nobody");
        if (r >= 0)
                r = http_forward_set_header(h, "X-Onebox-Role",
                                            auth_role_print(who ? who->role : AUTH_NONE));
        if (!who)
                return r;
        token = authorization ? str_after(authorization, "Bearer ") : NULL;
        if (r >= 0 && who->how == AUTH_BY_TASK && token)
                r = http_forward_set_header(h, "X-Onebox-Task", token);
        return r;
}

/* --- files ----------------------------------------------------------------------------------- */

static bool has_etag(const struct http_request *req, const char *etag) {
        const char *known = http_request_header(req, "If-None-Match");

        return known && strstr(known, etag);
}

static int reply_asset(struct http_request *req, const char *name) {
        struct web_api *api = req->ctx;
        const struct asset *a;
        char etag[40];
        int r;

        r = asset_get(api->assets, name, &a);
        if (r == -ENOENT || r == -ENOTDIR)
                return http_request_reply_error(req, 404, "no such file");
        if (r < 0)
                return r;
        snprintf(etag, sizeof(etag), "\"%s\"", a->etag);
        http_request_set_header(req, "ETag", etag);
        http_request_set_header(req, "Cache-Control", "no-cache");
        http_request_set_header(req, "Vary", "Accept-Encoding");
        if (has_etag(req, a->etag))
                return http_request_reply_empty(req, 304);
        if (a->packed && http_gzip_accepted(http_request_header(req, "Accept-Encoding"))) {
                http_request_set_header(req, "Content-Encoding", "gzip");
                return http_request_reply(req, 200, a->type, a->packed, a->packed_size);
        }
        return http_request_reply(req, 200, a->type, a->data, a->size);
}

static int handle_asset(struct http_request *req) {
        return reply_asset(req, http_request_param(req, "path"));
}

static int handle_favicon(struct http_request *req) {
        return reply_asset(req, "icon.svg");
}

/* --- pages and login ------------------------------------------------------------------------- */

static int reply_login(struct http_request *req, const char *error, const char *next) {
        struct web_api *api = req->ctx;
        const struct asset *a;
        struct buf out = {};
        int r;

        r = asset_get(api->assets, "login.html", &a);
        if (r >= 0)
                r = login_form_page(&out, a->data, a->size, error, next);
        if (r < 0) {
                buf_done(&out);
                return r;
        }
        http_request_set_header(req, "Cache-Control", "no-store");
        return http_request_reply_buf(req, 200, HTML, &out);
}

/* "run?dag=x" of "/run?dag=x". */
static const char *page_of(struct http_request *req) {
        const char *page = req->path[0] == '/' && req->path[1] ? req->path + 1 : "./";
        const char *whole =
                str_empty(req->query) ? page : arena_printf(req->arena, "%s?%s", page, req->query);

        return whole && login_form_is_page(whole) ? whole : "./";
}

/* 200 in either case: a probe of "/" needs no login, and no redirect can loop. */
static int handle_page(struct http_request *req) {
        const struct auth_identity *who = req->identity;

        if (!who || who->role < AUTH_VIEWER)
                return reply_login(req, NULL, page_of(req));
        return reply_asset(req, "shell.html");
}

/* What a failed login says; never more than these, whatever the address asks for. */
static const struct {
        const char *name, *text;
} failures[] = {
        {"wrong", "This user and password do not go together."},
        {"wait", "Too many attempts. Wait a moment, then try again."},
};

static int handle_login_page(struct http_request *req) {
        const char *next = http_request_query(req, "next");
        const char *failed = http_request_query(req, "failed"), *text = NULL;

        for (size_t i = 0; i < ARRAY_SIZE(failures); i++)
                if (str_eq(failed, failures[i].name))
                        text = failures[i].text;
        return reply_login(req, text, next && login_form_is_page(next) ? next : "./");
}

static void audit(struct web_api *api, const struct auth_identity *who, const char *action,
                  const char *user, const char *result) {
        const struct auth_audit_entry entry = {
                .identity = who, .action = action, .object = user, .result = result};

        /* A full disk must not lock people out of the pages that show it. */
        if (api->audit)
                (void) auth_audit_write(api->audit, &entry);
}

static int set_session(struct http_request *req, const char *token, usec_t valid_for) {
        const char *cookie = arena_printf(
                req->arena, AUTH_CHECK_COOKIE "=%s; Path=/; HttpOnly; SameSite=Lax; Max-Age=%llu",
                token, (unsigned long long) (valid_for / USEC_PER_SEC));

        return cookie ? http_request_set_header(req, "Set-Cookie", cookie) : -ENOMEM;
}

static int open_session(struct http_request *req, const struct auth_identity *who,
                        const char *next) {
        struct web_api *api = req->ctx;
        const char *token;
        int r;

        r = auth_check_session(api->auth, who, api->session_for, req->arena, &token);
        if (r >= 0)
                r = set_session(req, token, api->session_for);
        if (r < 0)
                return r;
        audit(api, who, "log in", who->name, "ok");
        return http_request_reply_redirect(req, 303, next);
}

/* Back to the form by a GET, so that loading it again sends no password. */
static int refuse_login(struct http_request *req, const char *failed, const char *next) {
        char *encoded = arena_alloc(req->arena, 3 * strlen(next) + 1);
        const char *target;

        if (!encoded)
                return -ENOMEM;
        http_target_encode(encoded, next, strlen(next), "");
        target = arena_printf(req->arena, "login?failed=%s&next=%s", failed, encoded);
        return target ? http_request_reply_redirect(req, 303, target) : -ENOMEM;
}

static int handle_login(struct http_request *req) {
        struct web_api *api = req->ctx;
        struct auth_check_refusal refusal = {};
        struct auth_identity *who = arena_new(req->arena, struct auth_identity);
        struct login_form form;
        int r;

        if (!who)
                return -ENOMEM;
        r = login_form_parse(req->arena, req->body, req->body_size, &form);
        if (r == -EINVAL)
                return http_request_reply_error(req, 400, "the form could not be read");
        if (r < 0)
                return r;
        r = auth_check_login(api->auth, form.user, form.password, req->arena, who, &refusal);
        if (r < 0)
                return r;
        if (r == AUTH_CHECK_REFUSED) {
                audit(api, NULL, "log in", form.user, "refused");
                return refuse_login(req, refusal.status == 429 ? "wait" : "wrong", form.next);
        }
        return open_session(req, who, form.next);
}

/* Ends all sessions of the user: a token cannot be taken back alone. */
static int handle_logout(struct http_request *req) {
        struct web_api *api = req->ctx;
        const struct auth_identity *who = req->identity;
        int r;

        if (who && who->how == AUTH_BY_SESSION) {
                if (api->store) {
                        r = auth_store_user_end_sessions(api->store, who->name);
                        if (r < 0)
                                return r;
                }
                audit(api, who, "log out", who->name, "ok");
        }
        r = set_session(req, "", 0);
        return r < 0 ? r : http_request_reply_redirect(req, 303, "./");
}

static int handle_me(struct http_request *req) {
        const struct auth_identity *who = req->identity;
        struct buf out = {};
        struct json_write w;

        json_write_init(&w, &out, 0);
        json_write_object(&w);
        json_write_kv_str(&w, "name", who->name);
        json_write_kv_str(&w, "role", auth_role_print(who->role));
        json_write_kv_str(&w, "how", auth_identity_how_print(who->how));
        json_write_kv_str(&w, "version", PACKAGE_VERSION);
        json_write_end(&w);
        if (json_write_finish(&w) < 0) {
                buf_done(&out);
                return -ENOMEM;
        }
        http_request_set_header(req, "Cache-Control", "no-store");
        return http_request_reply_json(req, 200, &out);
}

static int handle_box(struct http_request *req) {
        struct web_api *api = req->ctx;
        char text[TIMESTAMP_SIZE];
        struct buf out = {};
        struct json_write w;
        struct box b;

        box_look(api->state_dir, clock_now(clock_system()), &b);
        json_write_init(&w, &out, 0);
        json_write_object(&w);
        json_write_kv_u64(&w, "disk_total", b.disk_total);
        json_write_kv_u64(&w, "disk_used", b.disk_used);
        json_write_kv_u64(&w, "memory_total", b.memory_total);
        json_write_kv_u64(&w, "memory_used", b.memory_used);
        json_write_kv_f64(&w, "load", b.load);
        json_write_kv_u64(&w, "cpus", b.cpus);
        if (b.booted_at)
                json_write_kv_str(&w, "booted_at",
                                  timestamp_print(b.booted_at, TIMESTAMP_SECONDS, text));
        json_write_end(&w);
        if (json_write_finish(&w) < 0) {
                buf_done(&out);
                return -ENOMEM;
        }
        http_request_set_header(req, "Cache-Control", "no-store");
        return http_request_reply_json(req, 200, &out);
}

/* --- health ---------------------------------------------------------------------------------- */

static int handle_health(struct http_request *req) {
        return http_request_reply_text(req, 200, "OK");
}

static int handle_ready(struct http_request *req) {
        struct web_api *api = req->ctx;
        const struct web_ready_upstream upstreams[] = {
                {"onebox-scheduler", api->scheduler_socket, "/api/v2/monitor/health"},
                {"onebox-tracking", api->tracking_socket, "/health"},
        };

        return web_ready_ask(req, api->client, upstreams, ARRAY_SIZE(upstreams));
}

static int handle_metrics(struct http_request *req) {
        struct web_api *api = req->ctx;
        struct buf out = {};
        int r = http_server_metrics(api->server, &out);

        if (r < 0) {
                buf_done(&out);
                return r;
        }
        return http_request_reply_buf(req, 200, "text/plain; version=0.0.4; charset=utf-8", &out);
}

const struct http_route web_api_routes[] = {
#define PAGE(path) {HTTP_GET, path, handle_page, AUTH_NONE, HTTP_INLINE, 0, NULL, NULL},
#define ROUTE(method, path, handler, role, flags) \
        {HTTP_##method, path, handler, role, flags, 0, NULL, NULL},
#define FORWARD(path, target, role)                          \
        {HTTP_ANY,      path,     http_forward_handle, role, \
         HTTP_KEEP_RAW, SIZE_MAX, &http_forward_body,  &web_api_##target},
#include "daemons/web/web_routes.def"
#undef PAGE
#undef ROUTE
#undef FORWARD
};
const size_t web_api_n_routes = ARRAY_SIZE(web_api_routes);
