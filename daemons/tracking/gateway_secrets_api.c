#include "daemons/tracking/gateway_secrets_api.h"

#include <errno.h>
#include <string.h>

#include "daemons/tracking/access.h"
#include "daemons/tracking/field_check.h"
#include "daemons/tracking/gateway_secrets_sql.h"
#include "daemons/tracking/job.h"
#include "daemons/tracking/python_text.h"
#include "daemons/tracking/webhook_url.h"
#include "lib/auth/auth_envelope.h"
#include "lib/base/entropy.h"
#include "lib/base/str.h"
#include "lib/base/utf8.h"
#include "lib/net/http_request.h"

enum {
        SECRET_NAME_MAX = 255,
        PROVIDER_MAX = 64,
        MASKED_MAX = 500,
        VALUE_MAX = 32768,
        SHOWN_FIRST = 3,
        SHOWN_LAST = 4,
        SHOWN_FROM = 8, /* shorter values are not shown at all */
};

struct in {
        const char *id, *name, *provider, *by;
        char *value;             /* JSON, to be sealed; NULL: as it is */
        const char *masked;      /* JSON */
        const char *auth_config; /* JSON; NULL: none */
        bool has_auth_config;
};

/* --- reading --- */

/* An object of strings; NULL when absent. Its values are never repeated to anybody. */
static const struct json *read_map(struct ask *q, const char *key) {
        const struct json *map = q->body ? json_get(q->body, key) : NULL, *item;
        bool is_good = json_is(map, JSON_OBJECT);

        if (q->result != 0 || !map || json_is(map, JSON_NULL))
                return NULL;
        json_each (item, map) {
                is_good = is_good && json_is(item, JSON_STRING);
        }
        if (!is_good)
                ask_check(q, refusal_invalid(&q->refusal,
                                             "Invalid value for parameter '%s' supplied: it maps "
                                             "names to strings.",
                                             key));
        return q->result == 0 ? map : NULL;
}

/* Keys that would say where the gateway sends requests; "api_base" has a place that is checked. */
static void check_keys(struct ask *q, const char *what, const struct json *map, bool base_allowed,
                       const char *why) {
        static const char *const reserved[] = {"api_base", "base_url", "custom_llm_provider",
                                               "fallbacks", "model_list"};
        _cleanup_buf_ struct buf found = {};

        for (size_t i = base_allowed ? 1 : 0; i < ARRAY_SIZE(reserved); i++)
                if (json_get(map, reserved[i]))
                        buf_printf(&found, "%s'%s'", found.len > 0 ? ", " : "", reserved[i]);
        if (buf_error(&found) < 0)
                ask_check(q, -ENOMEM);
        else if (q->result == 0 && found.len > 0)
                ask_check(q, refusal_invalid(&q->refusal, "%s must not contain %s: %s", what,
                                             buf_cstr(&found), why));
}

/* The rest of a map in JSON as Python prints it; the value at `key` is `value`, NULL leaves it out.
 */
static char *print_map(struct ask *q, const struct json *map, const char *key, const char *value) {
        _cleanup_buf_ struct buf out = {};
        const struct json *item;
        struct json_write w;
        char *text = NULL;

        json_write_init(&w, &out, JSON_WRITE_ASCII | JSON_WRITE_SPACED);
        json_write_object(&w);
        json_each (item, map) {
                if (!key || !str_eq(item->key, key))
                        json_write_kv_str(&w, item->key, item->str);
                else if (value)
                        json_write_kv_str(&w, key, value);
        }
        json_write_end(&w);
        if (json_write_finish(&w) == 0)
                text = arena_strdup(q->arena, buf_cstr(&out));
        if (out.data)
                explicit_bzero(out.data, out.len);
        if (!text)
                ask_check(q, -ENOMEM);
        return text;
}

static void read_auth_config(struct ask *q, struct in *in) {
        const struct json *map = read_map(q, "auth_config"), *base = json_get(map, "api_base");
        const char *url = NULL;

        if (!map || map->len == 0)
                return;
        in->has_auth_config = true;
        check_keys(q, "auth_config", map, true,
                   "these LiteLLM options choose where the gateway sends requests. Set the "
                   "upstream with 'api_base', which is validated.");
        if (base && q->result == 0) {
                url = python_text_strip(q->arena, base->str);
                ask_check(q, !url   ? -ENOMEM
                             : *url ? webhook_url_check_api_base(&q->refusal, url)
                                    : 0);
                url = str_empty(url) ? NULL : url;
        }
        if (q->result == 0 && (map->len > 1 || !base || url))
                in->auth_config = print_map(q, map, "api_base", url);
}

static void add_masked(struct json_write *w, const struct json *item, struct arena *a) {
        size_t first = 0, n = utf8_count(item->str, item->len), last;
        uint32_t cp;
        char *text;

        if (n < SHOWN_FROM) {
                json_write_kv_str(w, item->key, "***");
                return;
        }
        for (int i = 0; i < SHOWN_FIRST; i++)
                first += (size_t) utf8_decode(item->str + first, item->len - first, &cp);
        last = first;
        for (size_t i = SHOWN_FIRST; i < n - SHOWN_LAST; i++)
                last += (size_t) utf8_decode(item->str + last, item->len - last, &cp);
        text = arena_printf(a, "%.*s...%s", (int) first, item->str, item->str + last);
        json_write_kv_str(w, item->key, text ? text : "***");
}

static void read_value(struct ask *q, struct in *in) {
        const struct json *map = read_map(q, "secret_value"), *item;
        _cleanup_buf_ struct buf out = {};
        struct json_write w;

        if (!map)
                return;
        check_keys(q, "secret_value", map, false,
                   "these keys choose where the gateway sends requests. Set the upstream with "
                   "'api_base' in auth_config, where it is validated.");
        in->value = print_map(q, map, NULL, NULL);
        json_write_init(&w, &out, JSON_WRITE_ASCII | JSON_WRITE_SPACED);
        json_write_object(&w);
        json_each (item, map) {
                add_masked(&w, item, q->arena);
        }
        json_write_end(&w);
        if (json_write_finish(&w) == 0)
                in->masked = arena_strdup(q->arena, buf_cstr(&out));
        if (!in->masked)
                ask_check(q, -ENOMEM);
        else if (q->result == 0 && (strlen(in->value) > VALUE_MAX || out.len > MASKED_MAX))
                ask_check(q, refusal_invalid(&q->refusal,
                                             "Invalid value for parameter 'secret_value' supplied: "
                                             "it is longer than %d bytes, or has too many names.",
                                             VALUE_MAX));
}

/* Off the loop: the key is made by the first one who needs it. */
static void make_ready(struct ask *q, const struct in *in) {
        const struct tracking *t = q->req->ctx;

        if (q->result != 0 || !in->value)
                return;
        if (t->envelope)
                ask_check(q, auth_envelope_ready(t->envelope));
        else
                ask_check(q, refusal_set(&q->refusal, REFUSAL_BAD_REQUEST,
                                         "Secrets are not kept here without a passphrase of your "
                                         "own: set MLFLOW_CRYPTO_KEK_PASSPHRASE for the server, or "
                                         "give its unit the systemd credential kek_passphrase, and "
                                         "start it again."));
}

static void check_lengths(struct ask *q, const struct in *in) {
        if (q->result == 0 && in->name)
                ask_check(q, field_check_length(&q->refusal, "secret_name", SECRET_NAME_MAX,
                                                in->name));
        if (q->result == 0 && in->provider)
                ask_check(q,
                          field_check_length(&q->refusal, "provider", PROVIDER_MAX, in->provider));
        if (q->result == 0 && in->by)
                ask_check(q,
                          field_check_length(&q->refusal, "created_by", SECRET_NAME_MAX, in->by));
}

/* --- writing --- */

/* A text of JSON as an object; what we cannot read is `other`. An empty one is left out. */
static int write_map(struct job *j, const char *key, const char *text, const char *other) {
        struct json *root = NULL;
        int r = json_parse_copy(j->arena, text, strlen(text), &root, NULL);

        if (r == -ENOMEM)
                return r;
        if (r == 0 && json_is(root, JSON_OBJECT)) {
                if (root->len > 0)
                        json_write_kv_node(&j->json, key, root);
        } else if (other) {
                json_write_kv_object(&j->json, key);
                json_write_kv_str(&j->json, "value", other);
                json_write_end(&j->json);
        }
        return 0;
}

static int write_secret(struct job *j, const struct gateway_secret *x) {
        struct json_write *w = &j->json;
        int r;

        json_write_kv_str(w, "secret_id", x->id);
        json_write_kv_str(w, "secret_name", x->name);
        r = write_map(j, "masked_values", x->masked, "***");
        json_write_kv_i64(w, "created_at", x->created_at_ms);
        json_write_kv_i64(w, "last_updated_at", x->updated_at_ms);
        if (x->provider)
                json_write_kv_str(w, "provider", x->provider);
        if (x->created_by)
                json_write_kv_str(w, "created_by", x->created_by);
        if (x->updated_by)
                json_write_kv_str(w, "last_updated_by", x->updated_by);
        return r == 0 && x->auth_config ? write_map(j, "auth_config", x->auth_config, NULL) : r;
}

static int write_answer(struct job *j, const struct gateway_secret *x) {
        int r;

        json_write_kv_object(&j->json, "secret");
        r = write_secret(j, x);
        json_write_end(&j->json);
        return r;
}

/* Seals the value and hands it to put(). */
static int put_sealed(struct job *j, struct db *db, const struct gateway_secret *x,
                      int (*put)(struct db *db, const struct gateway_secret *x,
                                 const struct gateway_secrets_sql_value *value)) {
        struct in *in = j->in;
        struct auth_envelope *e = j->tracking->envelope;
        _cleanup_buf_ struct buf sealed = {}, key = {};
        int r = auth_envelope_close(e, j->tracking->entropy, x->id, x->name, in->value, &sealed,
                                    &key);

        if (r < 0)
                return r;
        return put(db, x,
                   &(struct gateway_secrets_sql_value){.sealed = &sealed,
                                                       .key = &key,
                                                       .key_version = auth_envelope_version(e)});
}

static int run_create(struct job *j, struct db *db) {
        const struct in *in = j->in;
        char id[2 + ENTROPY_ID_SIZE] = "s-";
        struct gateway_secret x = {
                .name = in->name,
                .masked = in->masked,
                .provider = in->provider,
                .auth_config = in->auth_config,
                .created_by = in->by,
                .updated_by = in->by,
                .created_at_ms = tracking_now_ms(j->tracking),
        };
        int r = entropy_id(j->tracking->entropy, id + 2);

        if (r < 0)
                return r;
        x.updated_at_ms = x.created_at_ms;
        x.id = arena_strdup(j->arena, id);
        r = x.id ? put_sealed(j, db, &x, gateway_secrets_sql_insert) : -ENOMEM;
        if (r == DB_CONFLICT)
                return refusal_set(&j->refusal, REFUSAL_RESOURCE_ALREADY_EXISTS,
                                   "Secret with name '%s' already exists", in->name);
        j->made_type = ACCESS_GATEWAY_SECRET;
        j->made_id = x.id;
        return r < 0 ? r : write_answer(j, &x);
}

int gateway_secrets_api_create(struct http_request *req) {
        struct in in = {};
        struct ask q;

        ask_open(&q, req);
        in.name = ask_str(&q, "secret_name", ASK_NEED);
        read_value(&q, &in);
        if (q.result == 0 && !in.value)
                ask_check(&q, refusal_invalid(&q.refusal, "Missing value for required parameter "
                                                          "'secret_value'."));
        in.provider = ask_given(&q, "provider");
        in.by = ask_given(&q, "created_by");
        read_auth_config(&q, &in);
        check_lengths(&q, &in);
        make_ready(&q, &in);
        return job_write(&q, run_create, &in);
}

static int run_get(struct job *j, struct db *db) {
        const struct in *in = j->in;
        struct gateway_secret x;
        int r = gateway_secrets_sql_need(db, &j->refusal, in->id, &x);

        return r != 0 ? r : write_answer(j, &x);
}

int gateway_secrets_api_get(struct http_request *req) {
        struct in in = {};
        struct ask q;

        ask_open(&q, req);
        in.id = ask_str(&q, "secret_id", ASK_NEED);
        return job_read(&q, run_get, &in);
}

static int run_list(struct job *j, struct db *db) {
        DB_USE struct db_stmt *s = gateway_secrets_sql_list(db);
        const struct in *in = j->in;
        struct gateway_secret x;
        int r;

        json_write_kv_items(&j->json, "secrets");
        while ((r = db_step(s)) == DB_ROW) {
                r = gateway_secrets_sql_read(s, j->arena, &x);
                if (r < 0)
                        return r;
                if ((in->provider && !str_eq(in->provider, x.provider)) ||
                    access_level_on(j->refusal.access, ACCESS_GATEWAY_SECRET, x.id) < ACCESS_READ)
                        continue;
                json_write_object(&j->json);
                r = write_secret(j, &x);
                json_write_end(&j->json);
                if (r < 0)
                        return r;
        }
        json_write_end(&j->json);
        return r;
}

int gateway_secrets_api_list(struct http_request *req) {
        struct in in = {};
        struct ask q;

        ask_open(&q, req);
        in.provider = ask_given(&q, "provider");
        return job_read(&q, run_list, &in);
}

static int run_update(struct job *j, struct db *db) {
        const struct in *in = j->in;
        struct gateway_secret x;
        int r = gateway_secrets_sql_need(db, &j->refusal, in->id, &x);

        if (r == 0 && in->value) {
                x.masked = in->masked;
                r = put_sealed(j, db, &x, gateway_secrets_sql_set_value);
        }
        if (r != 0)
                return r;
        x.auth_config = in->has_auth_config ? in->auth_config : x.auth_config;
        x.updated_by = in->by;
        x.updated_at_ms = tracking_now_ms(j->tracking);
        r = gateway_secrets_sql_update(db, &x);
        return r < 0 ? r : write_answer(j, &x);
}

int gateway_secrets_api_update(struct http_request *req) {
        struct in in = {};
        struct ask q;

        ask_open(&q, req);
        in.id = ask_str(&q, "secret_id", ASK_NEED);
        in.by = ask_given(&q, "updated_by");
        read_auth_config(&q, &in);
        read_value(&q, &in);
        if (in.value && str_eq(in.value, "{}"))
                in.value = NULL; /* nothing to change */
        check_lengths(&q, &in);
        make_ready(&q, &in);
        return job_write(&q, run_update, &in);
}

static int run_delete(struct job *j, struct db *db) {
        const struct in *in = j->in;
        struct gateway_secret x;
        int r = gateway_secrets_sql_need(db, &j->refusal, in->id, &x);

        j->gone_type = ACCESS_GATEWAY_SECRET;
        j->gone_id = in->id;
        return r != 0 ? r : gateway_secrets_sql_delete(db, in->id);
}

int gateway_secrets_api_delete(struct http_request *req) {
        struct in in = {};
        struct ask q;

        ask_open(&q, req);
        in.id = ask_str(&q, "secret_id", ASK_NEED);
        return job_write(&q, run_delete, &in);
}

int gateway_secrets_api_config(struct http_request *req) {
        static const char yes[] =
                "{\"secrets_available\":true,\"using_default_passphrase\":false}\n";
        static const char no[] =
                "{\"secrets_available\":false,\"using_default_passphrase\":false}\n";
        const struct tracking *t = req->ctx;

        return http_request_reply_static(req, 200, "application/json", t->envelope ? yes : no,
                                         t->envelope ? sizeof(yes) - 1 : sizeof(no) - 1);
}
