/* See fetch.h. States: tokens and key are on their way, then the two calls; a fetch is over when
 * both have answered, the settings have failed, or FETCH_FOR has passed. */
#include "daemons/sqlproxy/fetch.h"

#include <errno.h>
#include <string.h>

#include "daemons/sqlproxy/fetch_key.h"
#include "daemons/sqlproxy/proxy_log.h"
#include "daemons/sqlproxy/resolver.h"
#include "daemons/sqlproxy/settings.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/base/timestamp.h"

#define FETCH_FOR (60 * USEC_PER_SEC)
#define KEY_LABEL "RSA PUBLIC KEY" /* what the API wants to read there */

struct fetcher {
        struct fetcher_options o;
        struct fetch_key *key;
        struct fetch *fetches;
};

struct fetch {
        struct fetcher *fetcher;
        struct instance *instance;
        struct token_wait *token_wait, *login_wait;
        struct resolver_ask *resolving;
        struct fetch_key_wait *key_wait;
        struct tls_key *key;
        char *token, *login;
        bool has_token, has_login;
        usec_t login_ends_at; /* 0 = never */
        bool was_repeated;    /* after a 401 */
        struct sqladmin_call *settings_call, *cert_call;
        struct identity *id;
        char *ca_pem, *engine;
        char *cert_pem;
        struct errmsg cert_why; /* the certificate failed; the settings are awaited */
        int cert_error;
        struct loop_source *limit;
        struct loop_source *over; /* a defer: end with `error` */
        int error;
        struct errmsg why;
        struct fetch *next, **prev;
};

int fetch_fetcher_new(const struct fetcher_options *o, struct fetcher **ret) {
        struct fetcher *f = mem_new(struct fetcher);
        int r;

        if (!f)
                return -ENOMEM;
        f->o = *o;
        r = fetch_key_new(o->loop, !o->is_key_lazy, &f->key);
        if (r < 0) {
                mem_free(f);
                return r;
        }
        *ret = f;
        return 0;
}

struct fetcher *fetch_fetcher_free(struct fetcher *f) {
        if (!f)
                return NULL;
        while (f->fetches)
                fetch_cancel(f->fetches);
        fetch_key_free(f->key);
        return mem_free(f);
}

static void wipe(char **text) {
        if (*text)
                mem_free_secret(*text, strlen(*text));
        *text = NULL;
}

void fetch_cancel(struct fetch *x) {
        if (!x)
                return;
        *x->prev = x->next;
        if (x->next)
                x->next->prev = x->prev;
        if (x->token_wait)
                token_wait_cancel(x->token_wait);
        if (x->login_wait)
                token_wait_cancel(x->login_wait);
        resolver_cancel(x->resolving);
        fetch_key_cancel(x->key_wait);
        sqladmin_call_cancel(x->settings_call);
        sqladmin_call_cancel(x->cert_call);
        tls_key_unref(x->key);
        wipe(&x->token);
        wipe(&x->login);
        identity_unref(x->id);
        mem_free(x->ca_pem);
        mem_free(x->engine);
        mem_free(x->cert_pem);
        loop_source_free(x->limit);
        loop_source_free(x->over);
        mem_free(x);
}

/* --- its end --------------------------------------------------------------------------------- */

static int on_over(struct loop_source *s, void *ctx) {
        struct fetch *x = ctx;
        struct instance *i = x->instance;
        struct identity *id = x->error < 0 ? NULL : TAKE_PTR(x->id);
        struct errmsg why = x->why;
        int r = x->error;

        if (id) {
                str_copy(i->settings.engine, sizeof i->settings.engine, x->engine);
                mem_free(i->settings.ca_pem);
                i->settings.ca_pem = TAKE_PTR(x->ca_pem);
        }
        i->fetch = NULL;
        fetch_cancel(x);
        instance_fetched(i, r, id, &why);
        return 0;
}

/* From inside any callback: the rest happens when that has returned. */
static void end(struct fetch *x, int r) {
        if (x->over)
                return;
        x->error = r;
        if (loop_defer(x->fetcher->o.loop, on_over, x, &x->over) < 0)
                x->why.text[0] = 0; /* the limit will end it */
}

static void end_why(struct fetch *x, int r, const struct errmsg *em) {
        if (x->over)
                return;
        x->why = *em;
        end(x, r);
}

static int on_limit(struct loop_source *s, usec_t now, void *ctx) {
        struct fetch *x = ctx;
        struct errmsg em = {};

        errmsg_set(&em, "refresh failed: context deadline exceeded");
        end_why(x, -ETIMEDOUT, &em);
        return 0;
}

/* What a call's failure means to who wants to know whether waiting helps. */
static int call_error(const struct sqladmin_answer *a) {
        if (a->status == 401 || a->status == 403)
                return -EACCES;
        if (a->status == 404)
                return -ENOENT;
        if (a->status == 429 || a->status == 408 || a->status >= 500)
                return -EAGAIN;
        return a->status >= 400 ? -EINVAL : a->r;
}

/* --- both answers ---------------------------------------------------------------------------- */

static int make_tls(struct fetch *x, struct errmsg *em) {
        const struct conn_name *cn = &x->instance->cn;
        _cleanup_free_ char *common_name = str_printf("%s:%s", cn->project, cn->name);
        struct tls_mutual_options o = {
                .ca_pem = x->ca_pem,
                .cert_pem = x->cert_pem,
                .key = x->key,
                .name = x->id->verify_name,
                .common_name = common_name,
        };
        int r = common_name ? tls_key_cert_end(x->cert_pem, &x->id->expires_at, em) : -ENOMEM;

        if (r >= 0 && x->login_ends_at > 0)
                x->id->expires_at = MIN(x->id->expires_at, x->login_ends_at);
        return r < 0 ? r : tls_mutual_new(&o, &x->id->tls, em);
}

static void go_on(struct fetch *x) {
        char name[CONN_NAME_TEXT_MAX];
        struct errmsg em = {};
        int r;

        if (x->over || !x->id || x->resolving)
                return;
        if (x->cert_error < 0)
                return end_why(x, x->cert_error, &x->cert_why);
        if (!x->cert_pem)
                return;
        r = make_tls(x, &em);
        if (r < 0) {
                errmsg_prefix(&em,
                              "fetch ephemeral cert failed: refresh error: (connection name = "
                              "\"%s\")",
                              conn_name_print(&x->instance->cn, name));
                return end_why(x, -EINVAL, &em);
        }
        end(x, 0);
}

static void on_hosts(void *ctx, int r, struct errmsg *em) {
        struct fetch *x = ctx;

        x->resolving = NULL;
        if (r < 0)
                return end_why(x, r, em);
        go_on(x);
}

/* The token was refused although it looked good: a new one, once. */
static bool repeat(struct fetch *x, int status);

static void on_settings(void *ctx, const struct sqladmin_answer *a) {
        struct fetch *x = ctx;
        char name[CONN_NAME_TEXT_MAX];
        struct identity *id;
        struct errmsg em = {};
        int r;

        x->settings_call = NULL;
        if (a->r < 0) {
                if (repeat(x, a->status))
                        return;
                errmsg_set(&em,
                           "failed to get instance: refresh error: failed to get instance metadata "
                           "(connection name = \"%s\"): %s",
                           conn_name_print(&x->instance->cn, name), a->why);
                return end_why(x, call_error(a), &em);
        }
        id = identity_new();
        r = id ? settings_apply(a->settings, &x->instance->cn, x->instance->is_iam, id, &em)
               : -ENOMEM;
        if (r >= 0) {
                x->ca_pem = mem_strdup(a->settings->ca_pem);
                x->engine = mem_strdup(a->settings->engine);
                r = x->ca_pem && x->engine ? 0 : -ENOMEM;
        }
        if (r < 0) {
                identity_unref(id);
                errmsg_prefix(&em, "failed to get instance");
                return end_why(x, r, &em);
        }
        x->id = id;
        if (!x->fetcher->o.keeps_names) {
                r = resolver_hosts(x->fetcher->o.resolver, id, &x->instance->cn, on_hosts, x,
                                   &x->resolving);
                if (r < 0)
                        proxy_log_debug("[%s] cannot resolve its names", x->instance->name);
        }
        go_on(x);
}

static void on_cert(void *ctx, const struct sqladmin_answer *a) {
        struct fetch *x = ctx;
        char name[CONN_NAME_TEXT_MAX];

        x->cert_call = NULL;
        if (a->r < 0) {
                if (repeat(x, a->status))
                        return;
                errmsg_set(&x->cert_why,
                           "fetch ephemeral cert failed: refresh error: create ephemeral cert "
                           "failed (connection name = \"%s\"): %s",
                           conn_name_print(&x->instance->cn, name), a->why);
                x->cert_error = call_error(a);
        } else {
                x->cert_pem = mem_strdup(a->cert_pem);
                if (!x->cert_pem)
                        x->cert_error = -ENOMEM;
        }
        go_on(x);
}

/* --- calls ----------------------------------------------------------------------------------- */

static int ask_cert(struct fetch *x) {
        _cleanup_buf_ struct buf pem = {};
        const struct conn_name *cn = &x->instance->cn;
        int r = tls_key_public_pem(x->key, KEY_LABEL, &pem);

        if (r < 0)
                return r;
        return sqladmin_make_cert(x->fetcher->o.api, x->token, cn->project, cn->name, pem.data,
                                  x->instance->is_iam ? x->login : NULL, on_cert, x, &x->cert_call);
}

/* Each call starts when what it needs is there. */
static void ask(struct fetch *x) {
        const struct conn_name *cn = &x->instance->cn;
        struct errmsg em = {};
        int r = 0;

        if (x->over || !x->has_token)
                return;
        /* Both at once, when the key is there; earlier when the engine is all that is missing. */
        if (!x->id && !x->settings_call && (x->key || x->instance->is_engine_wanted))
                r = sqladmin_get_settings(x->fetcher->o.api, x->token, cn->project, cn->name,
                                          on_settings, x, &x->settings_call);
        if (r >= 0 && x->key && (x->has_login || !x->instance->is_iam) && !x->cert_call &&
            !x->cert_pem && x->cert_error == 0)
                r = ask_cert(x);
        if (r < 0) {
                errmsg_errno(&em, r, "cannot ask the Admin API");
                end_why(x, r, &em);
        }
}

static void on_token(void *ctx, int r, const struct token_value *v, const struct errmsg *why) {
        struct fetch *x = ctx;
        struct errmsg em = {};

        x->token_wait = NULL;
        if (r < 0) {
                errmsg_set(&em, "failed to get a token for the Admin API: %s", why->text);
                return end_why(x, r == -EINVAL || r == -EACCES ? -EACCES : -EAGAIN, &em);
        }
        wipe(&x->token);
        x->token = mem_strdup(v->text);
        x->has_token = true;
        if (v->text && !x->token)
                return end(x, -ENOMEM);
        ask(x);
}

static void on_login(void *ctx, int r, const struct token_value *v, const struct errmsg *why) {
        struct fetch *x = ctx;
        char name[CONN_NAME_TEXT_MAX];
        struct errmsg em = {};

        x->login_wait = NULL;
        if (r < 0) {
                errmsg_set(&em,
                           "fetch ephemeral cert failed: refresh error: failed to retrieve Oauth2 "
                           "token (connection name = \"%s\"): %s",
                           conn_name_print(&x->instance->cn, name), why->text);
                return end_why(x, r, &em);
        }
        wipe(&x->login);
        x->login = mem_strdup(v->text);
        x->login_ends_at = v->expires_at;
        x->has_login = true;
        if (v->text && !x->login)
                return end(x, -ENOMEM);
        ask(x);
}

static void on_key(void *ctx, int r, struct tls_key *key) {
        struct fetch *x = ctx;
        struct errmsg em = {};

        x->key_wait = NULL;
        if (r < 0) {
                errmsg_errno(&em, r, "cannot make a key");
                return end_why(x, r, &em);
        }
        x->key = tls_key_ref(key);
        ask(x);
}

static bool repeat(struct fetch *x, int status) {
        if (status != 401 || x->was_repeated || !x->token ||
            !token_invalidate(x->fetcher->o.token, x->token))
                return false;
        x->was_repeated = true;
        x->has_token = false;
        sqladmin_call_cancel(x->settings_call);
        sqladmin_call_cancel(x->cert_call);
        x->settings_call = x->cert_call = NULL;
        return token_get_start(x->fetcher->o.token, x->fetcher->o.loop, FETCH_FOR, on_token, x,
                               &x->token_wait) >= 0;
}

/* --- beginning ------------------------------------------------------------------------------- */

static int get_tokens(struct fetch *x) {
        struct fetcher *f = x->fetcher;
        int r = token_get_start(f->o.token, f->o.loop, FETCH_FOR, on_token, x, &x->token_wait);

        if (r >= 0 && x->instance->is_iam)
                r = token_get_start(f->o.login_token ?: f->o.token, f->o.loop, FETCH_FOR, on_login,
                                    x, &x->login_wait);
        if (r >= 0)
                r = fetch_key_get(f->key, on_key, x, &x->key_wait);
        return r;
}

static void on_name(void *ctx, int r, const struct conn_name *cn, const struct errmsg *em) {
        struct fetch *x = ctx;
        struct errmsg why = {};

        x->resolving = NULL;
        if (r < 0)
                return end_why(x, r, em);
        x->instance->cn = *cn;
        x->instance->is_resolved = true;
        r = get_tokens(x);
        if (r < 0) {
                errmsg_errno(&why, r, "cannot begin a refresh");
                end_why(x, r, &why);
        }
}

int fetch_start(struct fetcher *f, struct instance *i, struct fetch **ret) {
        struct fetch *x = mem_new(struct fetch);
        int r;

        if (!x)
                return -ENOMEM;
        x->fetcher = f;
        x->instance = i;
        x->next = f->fetches;
        x->prev = &f->fetches;
        if (x->next)
                x->next->prev = &x->next;
        f->fetches = x;
        r = loop_timer_in(f->o.loop, FETCH_FOR, USEC_PER_SEC, on_limit, x, &x->limit);
        if (r >= 0 && i->is_resolved)
                r = get_tokens(x);
        else if (r >= 0)
                r = resolver_name(f->o.resolver, i->name, on_name, x, &x->resolving);
        if (r < 0) {
                fetch_cancel(x);
                return r;
        }
        proxy_log_debug("[%s] Connection info refresh operation started", i->name);
        *ret = x;
        return 0;
}
