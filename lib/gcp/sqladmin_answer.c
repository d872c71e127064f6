/* Reads what the Cloud SQL Admin API answers. Pure. */
#include "lib/gcp/sqladmin_answer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/json.h"
#include "lib/base/str.h"

#define DNS_NAMES_MAX 64

/* A string of an object; "" when it is absent or none. */
static const char *text_of(const struct json *obj, const char *key) {
        const char *s = "";

        (void) json_str(json_get(obj, key), &s);
        return s;
}

static bool has_word(const struct json *list, const char *word) {
        const struct json *item;
        const char *s;

        json_each (item, list) {
                if (json_str(item, &s) == 0 && str_eq(s, word))
                        return true;
        }
        return false;
}

static void read_addresses(const struct json *list, struct sqladmin_settings *s) {
        const struct json *item;

        json_each (item, list) {
                const char *type = text_of(item, "type");

                if (str_eq(type, "PRIMARY"))
                        s->public_address = text_of(item, "ipAddress");
                else if (str_eq(type, "PRIVATE"))
                        s->private_address = text_of(item, "ipAddress");
        }
}

static int read_dns_names(struct arena *a, const struct json *list, struct sqladmin_settings *s) {
        size_t n = json_is(list, JSON_ARRAY) ? MIN((size_t) list->len, (size_t) DNS_NAMES_MAX) : 0;
        struct sqladmin_dns_name *names = arena_zalloc_array(a, n + 1, sizeof *names);
        const struct json *item;

        if (!names)
                return -ENOMEM;
        json_each (item, list) {
                if (s->n_dns_names == n)
                        break;
                names[s->n_dns_names++] = (struct sqladmin_dns_name){
                        .name = text_of(item, "name"),
                        .connection_type = text_of(item, "connectionType"),
                        .scope = text_of(item, "dnsScope"),
                };
        }
        s->dns_names = names;
        return 0;
}

int sqladmin_answer_settings(struct arena *a, char *text, size_t len, struct sqladmin_settings *ret,
                             struct errmsg *em) {
        struct sqladmin_settings s = {.public_address = "", .private_address = ""};
        const struct json *ca;
        struct json *root;
        int r = json_parse(a, text, len, &root, em);

        if (r < 0)
                return r;
        if (!json_is(root, JSON_OBJECT))
                return errmsg_fail(em, -EINVAL, "the answer is no JSON object");
        s.region = text_of(root, "region");
        s.backend_type = text_of(root, "backendType");
        s.engine = text_of(root, "databaseVersion");
        s.ca_mode = text_of(root, "serverCaMode");
        s.dns_name = text_of(root, "dnsName");
        s.connection_name = text_of(root, "connectionName");
        ca = json_get(root, "serverCaCert");
        s.has_ca = json_is(ca, JSON_OBJECT);
        s.ca_pem = text_of(ca, "cert");
        (void) json_bool(json_get(root, "pscEnabled"), &s.psc_enabled);
        s.takes_client_protocol =
                has_word(json_get(root, "mdxProtocolSupport"), "CLIENT_PROTOCOL_TYPE");
        read_addresses(json_get(root, "ipAddresses"), &s);
        r = read_dns_names(a, json_get(root, "dnsNames"), &s);
        if (r >= 0)
                *ret = s;
        return r;
}

int sqladmin_answer_cert(struct arena *a, char *text, size_t len, const char **ret_pem,
                         struct errmsg *em) {
        struct json *root;
        const char *pem;
        int r = json_parse(a, text, len, &root, em);

        if (r < 0)
                return r;
        pem = text_of(json_get(root, "ephemeralCert"), "cert");
        if (!*pem)
                return errmsg_fail(em, -EINVAL, "the answer holds no certificate");
        *ret_pem = pem;
        return 0;
}

/* --- errors ---------------------------------------------------------------------------------- */

struct writer {
        char *at;
        size_t left;
};

static void add(struct writer *w, const char *s) {
        int n = snprintf(w->at, w->left, "%s", s);
        size_t len = n < 0 ? 0 : MIN((size_t) n, w->left ? w->left - 1 : 0);

        w->at += len;
        w->left -= len;
}

static void read_reasons(const struct json *list, char *ret, size_t size) {
        struct writer w = {ret, size};
        const struct json *item;

        json_each (item, list) {
                if (w.at != ret)
                        add(&w, ",");
                add(&w, text_of(item, "reason"));
        }
}

void sqladmin_answer_error(int status, const char *text, size_t len, struct errmsg *em,
                           char *ret_reason, size_t reason_size) {
        const struct json *error, *list;
        const char *message;
        struct arena a;
        struct json *root = NULL;

        if (ret_reason)
                ret_reason[0] = 0;
        arena_init(&a, 0);
        (void) json_parse_copy(&a, text, len, &root, NULL);
        error = json_get(root, "error");
        list = json_get(error, "errors");
        message = text_of(error, "message");
        if (!*message && !json_first(list))
                errmsg_set(em, "googleapi: got HTTP response code %d with body: %.*s", status,
                           (int) MIN(len, (size_t) 300), text);
        else if (!json_first(list))
                errmsg_set(em, "googleapi: Error %d: %s", status, message);
        else
                errmsg_set(em, "googleapi: Error %d: %s, %s", status, message,
                           text_of(json_first(list), "reason"));
        if (ret_reason)
                read_reasons(list, ret_reason, reason_size);
        arena_done(&a);
}
