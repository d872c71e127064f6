#include "daemons/tracking/signup_api.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemons/tracking/ask.h"
#include "daemons/tracking/job.h"
#include "daemons/tracking/tracking.h"
#include "lib/auth/auth_identity.h"
#include "lib/auth/auth_seal.h"
#include "lib/auth/auth_store.h"
#include "lib/base/clock.h"
#include "lib/base/entropy.h"
#include "lib/base/hex.h"
#include "lib/base/json_write.h"
#include "lib/base/str.h"
#include "lib/net/http_query.h"
#include "lib/net/http_request.h"

#define SECRET "MLFLOW_FLASK_SERVER_SECRET_KEY"
#define FORM_FOR (USEC_PER_SEC * 3600)
#define TOKEN_SIZE (20 + 1 + 2 * AUTH_SEAL_HMAC + 1) /* "until.signature" */
#define FORM_TYPE "application/x-www-form-urlencoded"

int signup_api_key(struct tracking *t) {
        const char *secret = getenv(SECRET);

        if (str_empty(secret))
                return entropy_fill(t->entropy, t->form_key, sizeof(t->form_key));
        return auth_seal_hmac(secret, strlen(secret), "signup", STRLEN("signup"), t->form_key);
}

/* --- the token ------------------------------------------------------------------------------- */

static int sign(struct http_request *req, uint64_t until_s, char ret[TOKEN_SIZE]) {
        const struct tracking *t = req->ctx;
        unsigned char mac[AUTH_SEAL_HMAC];
        const char *text;
        size_t n;
        int r;

        text = arena_printf(req->arena, "%" PRIu64 " %s", until_s, req->identity->name);
        r = text ? auth_seal_hmac(t->form_key, sizeof(t->form_key), text, strlen(text), mac)
                 : -ENOMEM;
        if (r < 0)
                return r;
        n = (size_t) snprintf(ret, TOKEN_SIZE, "%" PRIu64 ".", until_s);
        hex_encode(mac, sizeof(mac), ret + n);
        return 0;
}

/* What is wrong with a form's token, in MLflow's words; NULL: nothing. */
static int check_token(struct http_request *req, const char *token, const char **ret) {
        const struct tracking *t = req->ctx;
        char digits[21], good[TOKEN_SIZE];
        const char *dot = strchr(token, '.');
        uint64_t until_s;
        int r;

        *ret = "The CSRF token is invalid.";
        if (!*token)
                *ret = "The CSRF token is missing.";
        if (!dot || (size_t) (dot - token) >= sizeof(digits))
                return 0;
        memcpy(digits, token, (size_t) (dot - token));
        digits[dot - token] = '\0';
        if (str_to_u64(digits, &until_s) < 0)
                return 0;
        r = sign(req, until_s, good);
        if (r < 0 || strlen(token) != strlen(good) || !auth_seal_equal(token, good, strlen(good)))
                return r;
        *ret = clock_now(t->clock) < until_s * USEC_PER_SEC ? NULL : "The CSRF token has expired.";
        return 0;
}

/* --- pages ----------------------------------------------------------------------------------- */

/* Text in HTML, in an attribute too. */
static void add_html(struct buf *out, const char *text) {
        for (; *text; text++) {
                if (strchr("&<>\"'", *text))
                        (void) buf_printf(out, "&#%d;", *text);
                else
                        buf_add_char(out, *text);
        }
}

static int reply_page(struct http_request *req, int status, struct buf *page) {
        return http_request_reply_buf(req, status, "text/html; charset=utf-8", page);
}

/* Says it and goes elsewhere. Text in a script of a page is not HTML: what could end the string
 * or the script is written by its number. */
static int reply_alert(struct http_request *req, const char *text, const char *name,
                       const char *where) {
        struct buf out = {};

        (void) buf_printf(&out, "\n<script type = \"text/javascript\">\n      alert(\"%s", text);
        for (; *name; name++) {
                if ((unsigned char) *name < ' ' || strchr("\"'\\<>&", *name))
                        (void) buf_printf(&out, "\\x%02x", (unsigned char) *name);
                else
                        buf_add_char(&out, *name);
        }
        (void) buf_printf(&out, "\");\n      window.location.href = \"%s\";\n</script>\n", where);
        return reply_page(req, 200, &out);
}

static int reply_refused(struct http_request *req, const char *why) {
        struct buf out = {};

        (void) buf_printf(&out,
                          "<!doctype html>\n<html lang=en>\n<title>400 Bad Request</title>\n"
                          "<h1>Bad Request</h1>\n<p>%s</p>\n",
                          why);
        return reply_page(req, 400, &out);
}

/* True when the asker is an administrator; else *ret is what answering him gave. */
static bool may(struct http_request *req, int *ret) {
        const struct tracking *t = req->ctx;
        struct ask q;

        if (!t->users || !req->identity) {
                *ret = http_request_reply_error(req, 404, "not found");
                return false;
        }
        if (req->identity->role >= AUTH_ADMIN)
                return true;
        ask_open_query(&q, req);
        ask_check(&q, refusal_set(&q.refusal, REFUSAL_PERMISSION_DENIED, "Permission denied."));
        *ret = job_refuse(&q);
        return false;
}

int signup_api_form(struct http_request *req) {
        const struct tracking *t = req->ctx;
        char token[TOKEN_SIZE];
        struct buf out = {};
        int r;

        if (!may(req, &r))
                return r;
        r = sign(req, (clock_now(t->clock) + FORM_FOR) / USEC_PER_SEC, token);
        if (r < 0)
                return r;
        buf_add_lit(&out, "<!doctype html>\n<html lang=en>\n<meta charset=utf-8>\n"
                          "<meta name=viewport content=\"width=device-width\">\n"
                          "<title>Sign up</title>\n<style>\n"
                          "form { max-width: 400px; margin: 2em auto; font-family: sans-serif; }\n"
                          "input { width: 100%; padding: 10px; margin: 4px 0 16px; "
                          "box-sizing: border-box; }\n</style>\n<form action=\"");
        add_html(&out, t->static_prefix);
        (void) buf_printf(&out,
                          "/api/2.0/mlflow/users/create-ui\" method=\"post\">\n"
                          "  <input type=\"hidden\" name=\"csrf_token\" value=\"%s\"/>\n",
                          token);
        buf_add_lit(&out, "  <label for=\"username\">Username:</label>\n"
                          "  <input type=\"text\" id=\"username\" name=\"username\" required "
                          "autocomplete=\"off\">\n"
                          "  <label for=\"password\">Password:</label>\n"
                          "  <input type=\"password\" id=\"password\" name=\"password\" required "
                          "autocomplete=\"new-password\">\n"
                          "  <input type=\"submit\" value=\"Sign up\">\n</form>\n");
        (void) http_request_set_header(req, "Cache-Control", "no-store");
        return reply_page(req, 200, &out);
}

/* --- the new user ---------------------------------------------------------------------------- */

static const char *find(const struct http_query_pair *pairs, size_t n, const char *key) {
        for (size_t i = 0; i < n; i++)
                if (str_eq(pairs[i].key, key))
                        return pairs[i].value;
        return "";
}

/* For the audit log: whom the form names. */
static int tell_asked(struct http_request *req, const char *name) {
        _cleanup_buf_ struct buf out = {};
        struct json_write w;
        struct json *asked;
        struct errmsg em;
        int r;

        json_write_init(&w, &out, 0);
        json_write_object(&w);
        json_write_kv_str(&w, "username", name);
        json_write_end(&w);
        json_write_finish(&w);
        r = buf_error(&out);
        if (r >= 0)
                r = json_parse_copy(req->arena, buf_cstr(&out), out.len, &asked, &em);
        if (r >= 0)
                req->asked = asked;
        return r;
}

static int create(struct http_request *req, const char *name, const char *password) {
        const struct tracking *t = req->ctx;
        const char *signup = arena_printf(req->arena, "%s/signup", t->static_prefix);
        const char *home = arena_printf(req->arena, "%s/", t->static_prefix);
        struct errmsg em = {};
        struct ask q;
        int r;

        if (!signup || !home)
                return -ENOMEM;
        r = auth_store_user_insert(t->users, name, password, AUTH_USER, &em);
        if (r == AUTH_STORE_EXISTS)
                return reply_alert(req, "Username has already been taken: ", name, signup);
        if (r == -EINVAL)
                return reply_alert(req, "", em.text, signup);
        if (r == 0)
                return reply_alert(req, "Successfully signed up user: ", name, home);
        ask_open_query(&q, req);
        ask_check(&q, r); /* a full disk is called so */
        return job_refuse(&q);
}

int signup_api_create(struct http_request *req) {
        struct http_query_pair *pairs = NULL;
        const char *why, *name, *password;
        bool form = str_eq(http_request_content_type(req), FORM_TYPE);
        size_t n = 0;
        int r;

        if (!may(req, &r))
                return r;
        if (form && req->body_size > 0) {
                const char *text = arena_strndup(req->arena, req->body, req->body_size);

                r = text ? http_query_parse(text, req->arena, &pairs, &n) : -ENOMEM;
                if (r == -EINVAL || r == -E2BIG)
                        return reply_refused(req, "The form cannot be read.");
                if (r < 0)
                        return r;
        }
        r = check_token(req, find(pairs, n, "csrf_token"), &why);
        if (r < 0)
                return r;
        if (why)
                return reply_refused(req, why);
        name = find(pairs, n, "username");
        password = find(pairs, n, "password");
        if (!*name || !*password)
                return http_request_reply(req, 400, "text/html; charset=utf-8",
                                          "Username and password cannot be empty.",
                                          STRLEN("Username and password cannot be empty."));
        r = tell_asked(req, name);
        return r < 0 ? r : create(req, name, password);
}
