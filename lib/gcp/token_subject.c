/* token_subject.c: read anew for each exchange: these tokens are short-lived and rotate. */
#include "lib/gcp/token_subject.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/fileio.h"
#include "lib/base/json.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/gcp/token_command.h"

#define SUBJECT_MAX ((size_t) 1 << 20)
#define URL_FOR (30 * USEC_PER_SEC)
#define ALLOW "GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES"

extern char **environ;

/* The token in what was read: all of it, or a field of a JSON object. */
static int take(const struct token_credentials_subject *s, const char *text, size_t size,
                struct buf *ret, struct errmsg *em) {
        struct arena arena;
        struct json *root;
        const char *token;
        int r;

        if (!s->is_json) {
                while (size > 0 && strchr(" \t\r\n", text[size - 1]))
                        size--;
                return size > 0 ? buf_add(ret, text, size)
                                : errmsg_fail(em, -EINVAL, "the subject token is empty");
        }
        arena_init(&arena, 0);
        r = json_parse_copy(&arena, text, size, &root, NULL);
        if (r == 0 && json_str(json_get(root, s->field), &token) == 0 && *token)
                r = buf_add_str(ret, token);
        else if (r != -ENOMEM)
                r = errmsg_fail(em, -EINVAL, "the subject token's JSON has no \"%s\"", s->field);
        arena_done(&arena);
        return r;
}

static int from_file(const struct token_credentials_subject *s, struct buf *ret,
                     struct errmsg *em) {
        char *text;
        size_t size;
        int r = fileio_read(s->file, SUBJECT_MAX, &text, &size);

        if (r < 0) /* It may be written a little later: worth another attempt. */
                return errmsg_errno(em, r == -ENOENT ? -EAGAIN : r,
                                    "%s: cannot read the subject token as uid %u", s->file,
                                    (unsigned) geteuid());
        r = take(s, text, size, ret, em);
        mem_free_secret(text, size);
        if (r < 0)
                errmsg_prefix(em, "%s", s->file);
        return r;
}

static int add_headers(const struct json *headers, char ***ret) {
        const struct json *h;
        const char *value;

        json_each (h, headers) {
                _cleanup_free_ char *line = NULL;

                (void) json_str(h, &value); /* checked when it was parsed */
                line = str_printf("%s: %s", h->key, value);
                if (!line || str_list_add(ret, line) < 0)
                        return -ENOMEM;
        }
        return 0;
}

static int from_url(const struct token_credentials_subject *s, const struct token_source_ask *ask,
                    struct buf *ret, struct errmsg *em) {
        _cleanup_(str_free_listp) char **headers = NULL;
        _cleanup_fetch_answer_ struct http_fetch_answer a = {};
        struct http_fetch_call call = {
                .url = s->url, .max_body = SUBJECT_MAX, .total_for = URL_FOR};
        int r = add_headers(s->headers, &headers);

        if (r < 0)
                return r;
        call.headers = (const char *const *) headers;
        r = http_fetch(ask->http, &call, &a, em);
        if (r >= 0 && (r = token_source_status_error(a.status)) < 0)
                errmsg_set(em, "%.*s answers %d", (int) strcspn(s->url, "?"), s->url, a.status);
        if (r >= 0)
                r = take(s, buf_cstr(&a.body), a.body.len, ret, em);
        if (a.body.data)
                explicit_bzero(a.body.data, a.body.len);
        if (r < 0)
                errmsg_prefix(em, "the subject token's server");
        return r;
}

/* --- programs ------------------------------------------------------------------------------------
 */

static int take_command(const struct json *root, usec_t now_at, struct buf *ret,
                        struct errmsg *em) {
        const char *type = "", *code = "", *message = "", *token;
        int64_t until_s = 0;
        bool success;
        int r = json_need_bool(root, "success", &success, em);

        if (r < 0)
                return r;
        if (!success) {
                (void) json_want_str(root, "code", &code, NULL);
                (void) json_want_str(root, "message", &message, NULL);
                return errmsg_fail(em, -EACCES, "it says %.40s: %.200s", code, message);
        }
        r = json_need_str(root, "token_type", &type, em);
        if (r >= 0)
                r = json_want_i64(root, "expiration_time", &until_s, em);
        if (r < 0)
                return r;
        if (until_s > 0 && (usec_t) until_s * USEC_PER_SEC <= now_at)
                return errmsg_fail(em, -EAGAIN, "its token has ended already");
        r = json_need_str(root, str_ends(type, ":saml2") ? "saml_response" : "id_token", &token,
                          em);
        return r < 0 ? r : buf_add_str(ret, token);
}

int token_subject_parse_command(const char *text, size_t size, usec_t now_at, struct buf *ret,
                                struct errmsg *em) {
        struct arena arena;
        struct json *root;
        int64_t version;
        int r;

        arena_init(&arena, 0);
        r = json_parse_copy(&arena, text, size, &root, NULL);
        if (r == -EINVAL || (r == 0 && !json_is(root, JSON_OBJECT)))
                r = errmsg_fail(em, -EINVAL, "it prints no JSON object");
        if (r >= 0)
                r = json_need_i64(root, "version", &version, em);
        if (r >= 0 && version != 1)
                r = errmsg_fail(em, -EINVAL, "it prints version %lld, not 1", (long long) version);
        if (r >= 0)
                r = take_command(root, now_at, ret, em);
        arena_done(&arena);
        return r;
}

/* The parent's environment and what the program is told. */
static int make_env(const struct token_credentials *c, char ***ret) {
        const char *output = c->subject.output_file;
        _cleanup_(str_free_listp) char **env = NULL;
        char *own[4] = {
                str_printf("GOOGLE_EXTERNAL_ACCOUNT_AUDIENCE=%s", c->audience),
                str_printf("GOOGLE_EXTERNAL_ACCOUNT_TOKEN_TYPE=%s", c->subject_type),
                str_printf("GOOGLE_EXTERNAL_ACCOUNT_INTERACTIVE=0"),
                str_printf("GOOGLE_EXTERNAL_ACCOUNT_OUTPUT_FILE=%s", output ?: ""),
        };
        int r = 0;

        for (char **e = environ; *e && r >= 0; e++)
                r = str_list_add(&env, *e);
        for (size_t i = 0; i < ARRAY_SIZE(own); i++) {
                if (r >= 0 && (i < 3 || output))
                        r = own[i] ? str_list_add(&env, own[i]) : -ENOMEM;
                mem_free(own[i]);
        }
        if (r >= 0)
                *ret = TAKE_PTR(env);
        return r;
}

/* A still valid answer of an earlier run is in the output file. */
static int from_output_file(const struct token_credentials_subject *s, usec_t now_at,
                            struct buf *ret) {
        char *text;
        size_t size;
        int r = s->output_file ? fileio_read(s->output_file, SUBJECT_MAX, &text, &size) : -ENOENT;

        if (r < 0)
                return r;
        r = token_subject_parse_command(text, size, now_at, ret, NULL);
        mem_free_secret(text, size);
        return r;
}

static int from_command(const struct token_credentials *c, const struct token_source_ask *ask,
                        struct buf *ret, struct errmsg *em) {
        const struct token_credentials_subject *s = &c->subject;
        _cleanup_(str_free_listp) char **argv = NULL, **env = NULL;
        struct token_command command = {.total_for = (usec_t) s->timeout_ms * USEC_PER_MSEC,
                                        .http = ask->http};
        const char *allowed = getenv(ALLOW);
        struct buf out = {};
        int r;

        if (!str_eq(allowed, "1"))
                return errmsg_fail(em, -EPERM,
                                   "the credentials want to run a program: set " ALLOW
                                   "=1 if you trust them");
        if (from_output_file(s, clock_now(ask->clock), ret) >= 0)
                return 0;
        r = token_command_split(s->command, &argv);
        if (r < 0)
                return errmsg_errno(em, r, "the credentials' command");
        r = make_env(c, &env);
        if (r < 0)
                return r;
        command.argv = (const char *const *) argv;
        command.envp = (const char *const *) env;
        r = token_command_run(&command, &out, em);
        if (r >= 0) {
                r = token_subject_parse_command(buf_cstr(&out), out.len, clock_now(ask->clock), ret,
                                                em);
                if (r < 0)
                        errmsg_prefix(em, "%s", argv[0]);
        }
        if (out.data)
                explicit_bzero(out.data, out.len);
        buf_done(&out);
        return r;
}

int token_subject_get(const struct token_credentials *c, const struct token_source_ask *ask,
                      struct buf *ret, struct errmsg *em) {
        if (c->subject.file)
                return from_file(&c->subject, ret, em);
        if (c->subject.url)
                return from_url(&c->subject, ask, ret, em);
        return from_command(c, ask, ret, em);
}
