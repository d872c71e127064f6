#include "daemons/bucketd/chaos.h"

#include <errno.h>
#include <string.h>

#include "lib/base/entropy.h"
#include "lib/base/json_write.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/net/http_request.h"

#define RULES_MAX 64

static const struct {
        const char *name;
        size_t offset;
} fields[] = {
#define CHAOS(name, help) {#name, offsetof(struct chaos_plan, name)},
#include "daemons/bucketd/chaos.def"
#undef CHAOS
};

struct rule {
        char *op, *method, *contains; /* NULL: any */
        struct chaos_plan plan;
        int64_t n_matched, n_struck;
};

struct chaos {
        struct entropy_fake chance;
        struct rule rules[RULES_MAX];
        size_t n;
};

static int64_t *field_of(struct chaos_plan *p, size_t i) {
        return (int64_t *) (void *) ((char *) p + fields[i].offset);
}

static void rule_done(struct rule *r) {
        mem_free(r->op);
        mem_free(r->method);
        mem_free(r->contains);
        *r = (struct rule){};
}

static void clear(struct chaos *c) {
        for (size_t i = 0; i < c->n; i++)
                rule_done(&c->rules[i]);
        c->n = 0;
}

int chaos_new(struct chaos **ret) {
        struct chaos *c = mem_new(struct chaos);

        if (!c)
                return -ENOMEM;
        entropy_fake_init(&c->chance, 1);
        *ret = c;
        return 0;
}

struct chaos *chaos_free(struct chaos *c) {
        if (c)
                clear(c);
        return mem_free(c);
}

/* --- rules ----------------------------------------------------------------------------------- */

static int take_text(const struct json *rule, const char *key, char **ret) {
        const char *text = NULL;

        if (json_str(json_get(rule, key), &text) != 0)
                return 0;
        *ret = mem_strdup(text);
        return *ret ? 0 : -ENOMEM;
}

static int take_number(struct rule *r, const struct json *item, struct errmsg *em) {
        if (str_eq(item->key, "op") || str_eq(item->key, "method") || str_eq(item->key, "contains"))
                return item->type == JSON_STRING
                               ? 0
                               : errmsg_fail(em, -EINVAL, "\"%s\" must be a string", item->key);
        for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
                if (!str_eq(item->key, fields[i].name))
                        continue;
                if (json_i64(item, field_of(&r->plan, i)) != 0 || *field_of(&r->plan, i) < 0)
                        return errmsg_fail(em, -EINVAL, "\"%s\" must be a number, not negative",
                                           item->key);
                return 0;
        }
        return errmsg_fail(em, -EINVAL, "a rule has no \"%s\"", item->key);
}

static int take_rule(struct rule *r, const struct json *j, struct errmsg *em) {
        const struct json *item;
        int x;

        if (!json_is(j, JSON_OBJECT))
                return errmsg_fail(em, -EINVAL, "a rule must be an object");
        json_each (item, j) {
                x = take_number(r, item, em);
                if (x < 0)
                        return x;
        }
        x = take_text(j, "op", &r->op);
        if (x == 0)
                x = take_text(j, "method", &r->method);
        return x < 0 ? x : take_text(j, "contains", &r->contains);
}

int chaos_set(struct chaos *c, const struct json *rules, struct errmsg *em) {
        const struct json *all = json_get(rules, "rules"), *item;
        int64_t seed = 1;
        int r = 0;

        (void) json_i64(json_get(rules, "seed"), &seed);
        entropy_fake_init(&c->chance, (uint64_t) seed);
        if (!json_is(all, JSON_ARRAY) || all->len > RULES_MAX)
                return errmsg_fail(em, -EINVAL, "\"rules\" must be an array of at most %d",
                                   RULES_MAX);
        clear(c);
        json_each (item, all) {
                r = take_rule(&c->rules[c->n++], item, em);
                if (r < 0)
                        break;
        }
        if (r < 0)
                clear(c);
        return r;
}

int chaos_print(const struct chaos *c, struct buf *out) {
        struct json_write w;

        json_write_init(&w, out, 0);
        json_write_object(&w);
        json_write_kv_array(&w, "rules");
        for (size_t i = 0; i < c->n; i++) {
                struct rule r = c->rules[i];

                json_write_object(&w);
                if (r.op)
                        json_write_kv_str(&w, "op", r.op);
                if (r.method)
                        json_write_kv_str(&w, "method", r.method);
                if (r.contains)
                        json_write_kv_str(&w, "contains", r.contains);
                for (size_t k = 0; k < ARRAY_SIZE(fields); k++)
                        if (*field_of(&r.plan, k) != 0)
                                json_write_kv_i64(&w, fields[k].name, *field_of(&r.plan, k));
                json_write_kv_i64(&w, "matched", r.n_matched);
                json_write_kv_i64(&w, "struck", r.n_struck);
                json_write_end(&w);
        }
        json_write_end(&w);
        json_write_end(&w);
        return json_write_finish(&w);
}

/* --- matching -------------------------------------------------------------------------------- */

static const char *upload_op(const struct http_request *req) {
        const char *range = http_request_header(req, "Content-Range");

        if (http_request_query(req, "upload_id"))
                return range && str_starts(range, "bytes */") ? "ask" : "chunk";
        return str_eq(http_request_query(req, "uploadType"), "resumable") ? "start" : "insert";
}

const char *chaos_op(const struct http_request *req) {
        static const struct {
                const char *end, *op; /* of the route's path */
        } ends[] = {
                {"/compose", "compose"},
                {"/rewriteTo/b/{to_bucket}/o/{to_object}", "rewrite"},
                {"/copyTo/b/{to_bucket}/o/{to_object}", "copy"},
                {"/moveTo/o/{to_object}", "move"},
        };
        const char *path = req->route->path;

        if (str_starts(path, "/upload/"))
                return upload_op(req);
        for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
                if (str_ends(path, ends[i].end))
                        return ends[i].op;
        if (str_ends(path, "/b/{bucket}/o") || str_eq(path, "/{bucket}"))
                return req->method == HTTP_GET ? "list" : "other";
        if (!str_ends(path, "{object...}"))
                return "other";
        switch (req->method) {
        case HTTP_GET:
                return str_starts(path, "/storage/") &&
                                       !str_eq(http_request_query(req, "alt"), "media")
                               ? "stat"
                               : "read";
        case HTTP_HEAD:
                return "stat";
        case HTTP_DELETE:
                return "delete";
        case HTTP_PATCH:
                return "patch";
        default:
                return str_starts(path, "/storage/") ? "patch" : "insert";
        }
}

/* "change" is every operation that is no reading. */
static bool is_op(const char *wanted, const struct http_request *req) {
        const char *op = chaos_op(req);

        if (!str_eq(wanted, "change"))
                return str_eq(wanted, op);
        return !str_eq(op, "read") && !str_eq(op, "stat") && !str_eq(op, "list") &&
               !str_eq(op, "ask") && !str_eq(op, "other");
}

static bool matches(const struct rule *r, const struct http_request *req) {
        return (!r->op || is_op(r->op, req)) &&
               (!r->method || str_eq(r->method, req->method_name)) &&
               (!r->contains || strstr(req->target, r->contains));
}

static bool strikes(struct chaos *c, struct rule *r) {
        uint64_t chance = 0;

        if (r->n_matched++ < r->plan.skip || (r->plan.count > 0 && r->n_struck >= r->plan.count))
                return false;
        if (r->plan.percent > 0 && (entropy_below(&c->chance.entropy, 100, &chance) < 0 ||
                                    chance >= (uint64_t) r->plan.percent))
                return false;
        r->n_struck++;
        return true;
}

bool chaos_match(struct chaos *c, const struct http_request *req, struct chaos_plan *ret) {
        bool any = false;

        if (str_starts(req->path, "/_onebox/") || !req->route)
                return false;
        for (size_t i = 0; i < c->n; i++) {
                struct rule *r = &c->rules[i];

                if (!matches(r, req) || !strikes(c, r))
                        continue;
                any = true;
                for (size_t k = 0; k < ARRAY_SIZE(fields); k++)
                        if (*field_of(&r->plan, k) != 0)
                                *field_of(ret, k) = *field_of(&r->plan, k);
        }
        return any;
}
