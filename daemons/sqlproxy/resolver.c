/* See resolver.h. */
#include "daemons/sqlproxy/resolver.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/gcp/sqladmin.h"
#include "lib/gcp/token.h"
#include "lib/net/dns_client.h"

#define ALIASES_MAX 10
#define TOKEN_FOR (30 * USEC_PER_SEC)

struct resolver {
        struct loop *loop;
        struct sqladmin *api;
        struct token *token;
        struct dns_client *dns;
        struct resolver_ask *asks;
};

struct resolver_ask {
        struct resolver *resolver;
        /* of a name */
        char domain[CONN_NAME_PART_MAX], now[CONN_NAME_PART_MAX], region[CONN_NAME_PART_MAX];
        unsigned n_aliases;
        struct errmsg txt_why;
        void (*named)(void *ctx, int r, const struct conn_name *cn, const struct errmsg *em);
        /* of hosts */
        struct identity *id;
        char **names; /* to be resolved, from i_name */
        size_t i_name;
        char **found;
        void (*resolved)(void *ctx, int r, struct errmsg *em);

        void *ctx;
        struct dns_client_ask *dns;
        struct token_wait *token_wait;
        struct sqladmin_call *call;
        struct resolver_ask *next, **prev;
};

int resolver_new(const struct resolver_options *o, struct resolver **ret) {
        struct resolver *r = mem_new(struct resolver);
        int x;

        if (!r)
                return -ENOMEM;
        r->loop = o->loop;
        r->api = o->api;
        r->token = o->token;
        x = dns_client_new(o->loop, getenv("ONEBOX_RESOLV_CONF"), NULL, &r->dns);
        if (x < 0) {
                mem_free(r);
                return x;
        }
        *ret = r;
        return 0;
}

struct resolver *resolver_free(struct resolver *r) {
        if (!r)
                return NULL;
        while (r->asks)
                resolver_cancel(r->asks);
        dns_client_free(r->dns);
        return mem_free(r);
}

static struct resolver_ask *new_ask(struct resolver *r, void *ctx) {
        struct resolver_ask *a = mem_new(struct resolver_ask);

        if (!a)
                return NULL;
        a->resolver = r;
        a->ctx = ctx;
        a->next = r->asks;
        a->prev = &r->asks;
        if (a->next)
                a->next->prev = &a->next;
        r->asks = a;
        return a;
}

void resolver_cancel(struct resolver_ask *a) {
        if (!a)
                return;
        *a->prev = a->next;
        if (a->next)
                a->next->prev = a->prev;
        dns_client_cancel(a->dns);
        if (a->token_wait)
                token_wait_cancel(a->token_wait);
        sqladmin_call_cancel(a->call);
        str_free_list(a->found);
        mem_free(a);
}

/* --- the instance behind a name -------------------------------------------------------------- */

static void named(struct resolver_ask *a, int r, const struct conn_name *cn,
                  const struct errmsg *em) {
        a->named(a->ctx, r, cn, em);
        resolver_cancel(a);
}

static void name_failed(struct resolver_ask *a, int r, const char *fmt, ...) _printf_(3, 4);
static void name_failed(struct resolver_ask *a, int r, const char *fmt, ...) {
        struct errmsg em = {};
        va_list ap;

        va_start(ap, fmt);
        errmsg_vset(&em, fmt, ap);
        va_end(ap);
        named(a, r, NULL, &em);
}

static int next_name(struct resolver_ask *a);

static void go_on(struct resolver_ask *a) {
        int r = next_name(a);

        if (r < 0)
                name_failed(a, r, "cannot resolve %s: %s", a->domain, errmsg_strerror(r));
}

static void on_alias(void *ctx, int r, char *const *texts, const struct errmsg *why) {
        struct resolver_ask *a = ctx;

        a->dns = NULL;
        if (r < 0 && r != -ENOENT)
                return name_failed(a, -EAGAIN,
                                   "no DNS record found for \"%s\", lookup of \"%s\". "
                                   "Lookup TXT error: %s Lookup CNAME error: %s",
                                   a->domain, a->now, a->txt_why.text, why->text);
        if (!texts)
                return name_failed(a, -EAGAIN,
                                   "no DNS record found for \"%s\", lookup of \"%s\". "
                                   "Lookup TXT error: %s Lookup CNAME record not found",
                                   a->domain, a->now, a->txt_why.text);
        if (str_copy(a->now, sizeof a->now, texts[0]) < 0 || !conn_name_is_domain(texts[0]))
                return name_failed(a, -EAGAIN,
                                   "invalid format for CNAME record for \"%s\", lookup of \"%s\"",
                                   a->domain, texts[0]);
        if (++a->n_aliases >= ALIASES_MAX)
                return name_failed(a, -EINVAL,
                                   "config error: cname lookup limit exceeded (max 10) for \"%s\" "
                                   "(connection name = \"%s\")",
                                   a->domain, a->domain);
        go_on(a);
}

static int compare_texts(const void *a, const void *b) {
        return strcmp(*(char *const *) a, *(char *const *) b);
}

/* The first record, sorted, that is a connection name. */
static bool find_name(char *const *texts, const char *domain, struct conn_name *ret,
                      struct errmsg *why) {
        size_t n = str_count(texts);
        _cleanup_free_ char **sorted = n > 0 ? mem_memdup(texts, n * sizeof *texts) : NULL;

        errmsg_set(why, "no valid TXT records found for \"%s\"", domain);
        if (!sorted)
                return false;
        qsort(sorted, n, sizeof *sorted, compare_texts);
        for (size_t i = 0; i < n; i++) {
                if (conn_name_parse(sorted[i], ret, NULL) >= 0)
                        return str_copy(ret->domain, sizeof ret->domain, domain) >= 0;
                errmsg_set(why, "unable to parse TXT for \"%s\" -> \"%s\"", domain, sorted[i]);
        }
        return false;
}

static void on_txt(void *ctx, int r, char *const *texts, const struct errmsg *why) {
        struct resolver_ask *a = ctx;
        struct conn_name cn;

        a->dns = NULL;
        if (r < 0)
                errmsg_set(&a->txt_why, "unable to resolve TXT record for \"%s\": %s", a->now,
                           why->text);
        else if (find_name(texts, a->now, &cn, &a->txt_why))
                return named(a, 0, &cn, NULL);
        r = dns_client_ask(a->resolver->dns, a->now, DNS_CNAME, on_alias, a, &a->dns);
        if (r < 0)
                name_failed(a, r, "cannot resolve %s: %s", a->now, errmsg_strerror(r));
}

static void on_api(void *ctx, const struct sqladmin_answer *answer) {
        struct resolver_ask *a = ctx;
        struct conn_name cn;
        struct errmsg em = {};

        a->call = NULL;
        if (answer->r < 0)
                return name_failed(
                        a, answer->status == 403 || answer->status == 404 ? -EINVAL : -EAGAIN,
                        "cannot resolve \"%s\": %s", a->now, answer->why);
        if (conn_name_parse(answer->settings->connection_name, &cn, &em) < 0)
                return name_failed(a, -EINVAL, "%s", em.text);
        if (str_copy(cn.domain, sizeof cn.domain, a->domain) < 0)
                cn.domain[0] = 0;
        named(a, 0, &cn, NULL);
}

static void on_token(void *ctx, int r, const struct token_value *v, const struct errmsg *why) {
        struct resolver_ask *a = ctx;
        _cleanup_free_ char *dotted = NULL;

        a->token_wait = NULL;
        if (r < 0)
                return name_failed(a, r, "cannot resolve \"%s\": %s", a->now, why->text);
        dotted = str_printf("%s%s", a->now, str_ends(a->now, ".") ? "" : ".");
        r = dotted ? sqladmin_resolve(a->resolver->api, v->text, a->region, dotted, on_api, a,
                                      &a->call)
                   : -ENOMEM;
        if (r < 0)
                name_failed(a, r, "cannot resolve \"%s\": %s", a->now, errmsg_strerror(r));
}

/* Google's own names are the API's to know, all others DNS's. */
static int next_name(struct resolver_ask *a) {
        struct resolver *r = a->resolver;

        if (conn_name_is_goog(a->now, a->region))
                return token_get_start(r->token, r->loop, TOKEN_FOR, on_token, a, &a->token_wait);
        return dns_client_ask(r->dns, a->now, DNS_TXT, on_txt, a, &a->dns);
}

int resolver_name(struct resolver *r, const char *domain,
                  void (*done)(void *ctx, int r, const struct conn_name *cn,
                               const struct errmsg *em),
                  void *ctx, struct resolver_ask **ret) {
        struct resolver_ask *a = new_ask(r, ctx);
        int x;

        if (!a)
                return -ENOMEM;
        a->named = done;
        x = str_copy(a->domain, sizeof a->domain, domain);
        if (x >= 0)
                x = str_copy(a->now, sizeof a->now, domain);
        if (x >= 0)
                x = next_name(a);
        if (x < 0) {
                resolver_cancel(a);
                return x;
        }
        *ret = a;
        return 0;
}

/* --- where names lead ------------------------------------------------------------------------ */

static bool is_address(const char *s) {
        uint8_t bytes[16];

        return inet_pton(AF_INET, s, bytes) == 1 || inet_pton(AF_INET6, s, bytes) == 1;
}

static int next_host(struct resolver_ask *a);

static void hosts_over(struct resolver_ask *a, int r, struct errmsg *em) {
        if (r >= 0 && a->names) {
                str_free_list(a->id->psc_hosts);
                a->id->psc_hosts = TAKE_PTR(a->found);
        }
        a->resolved(a->ctx, r, em);
        resolver_cancel(a);
}

static int keep_found(struct resolver_ask *a, const char *name, char *const *texts) {
        int r = 0;

        /* A name that leads nowhere stays one: dialing it says so. */
        if (!texts || !*texts)
                return str_list_add(&a->found, name);
        for (; *texts && r >= 0; texts++)
                r = str_list_add(&a->found, *texts);
        return r;
}

static void on_host(void *ctx, int r, char *const *texts, const struct errmsg *why) {
        struct resolver_ask *a = ctx;
        struct errmsg em = {};

        a->dns = NULL;
        r = keep_found(a, a->names[a->i_name++], texts);
        if (r >= 0)
                r = next_host(a);
        if (r < 0) {
                errmsg_errno(&em, r, "cannot resolve the instance's names");
                hosts_over(a, r, &em);
        } else if (!a->dns) {
                hosts_over(a, 0, &em);
        }
}

/* Asks for the next name; when there is none, a->dns stays NULL. */
static int next_host(struct resolver_ask *a) {
        int r = 0;

        for (; a->names && a->names[a->i_name] && r >= 0; a->i_name++) {
                if (!is_address(a->names[a->i_name]))
                        return dns_client_host(a->resolver->dns, a->names[a->i_name], on_host, a,
                                               &a->dns);
                r = str_list_add(&a->found, a->names[a->i_name]);
        }
        return r;
}

static void on_domain(void *ctx, int r, char *const *texts, const struct errmsg *why) {
        struct resolver_ask *a = ctx;
        struct errmsg em = {};

        a->dns = NULL;
        for (r = 0; texts && *texts && r >= 0; texts++)
                r = str_list_add(&a->id->domain_hosts, *texts);
        a->names = a->id->psc_hosts;
        if (r >= 0)
                r = next_host(a);
        if (r < 0)
                errmsg_errno(&em, r, "cannot resolve the instance's names");
        if (r < 0 || !a->dns)
                hosts_over(a, r, &em);
}

static bool has_names(char *const *hosts) {
        for (; hosts && *hosts; hosts++)
                if (!is_address(*hosts))
                        return true;
        return false;
}

int resolver_hosts(struct resolver *r, struct identity *id, const struct conn_name *cn,
                   void (*done)(void *ctx, int r, struct errmsg *em), void *ctx,
                   struct resolver_ask **ret) {
        struct resolver_ask *a;
        int x;

        if (!*cn->domain && !has_names(id->psc_hosts))
                return 0;
        a = new_ask(r, ctx);
        if (!a)
                return -ENOMEM;
        a->id = id;
        a->resolved = done;
        if (*cn->domain) {
                x = dns_client_host(r->dns, cn->domain, on_domain, a, &a->dns);
        } else {
                a->names = id->psc_hosts;
                x = next_host(a);
        }
        if (x < 0) {
                resolver_cancel(a);
                return x;
        }
        *ret = a;
        return 0;
}
