#include "daemons/tracking/gateway_providers_api.h"

#include <ctype.h>
#include <errno.h>

#include "daemons/tracking/job.h"
#include "lib/base/str.h"

static const char *const names[] = {
#define GATEWAY_PROVIDER(name) name,
#define GATEWAY_MODE(...)
#define GATEWAY_FIELD(...)
#include "daemons/tracking/gateway_providers_api.def"
#undef GATEWAY_PROVIDER
#undef GATEWAY_MODE
#undef GATEWAY_FIELD
};

enum kind { MODE, SECRET, CONFIG };

/* A mode and, behind it, its fields. */
struct row {
        enum kind kind;
        const char *provider; /* of a mode */
        const char *name, *title, *description;
        bool is_required;
        const char *standard; /* NULL: there is none */
};

static const struct row rows[] = {
#define GATEWAY_PROVIDER(name)
#define GATEWAY_MODE(provider, mode, title, description) \
        {MODE, provider, mode, title, description, false, NULL},
#define GATEWAY_FIELD(kind, name, description, is_required, standard) \
        {kind, NULL, name, NULL, description, is_required, standard},
#include "daemons/tracking/gateway_providers_api.def"
#undef GATEWAY_PROVIDER
#undef GATEWAY_MODE
#undef GATEWAY_FIELD
};

int gateway_providers_api_list(struct http_request *req) {
        struct buf out = {};
        struct json_write w;
        struct ask q;

        ask_open(&q, req);
        json_write_init(&w, &out, 0);
        json_write_object(&w);
        json_write_kv_array(&w, "providers");
        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                json_write_str(&w, names[i]);
        json_write_end(&w);
        json_write_end(&w);
        json_write_finish(&w);
        buf_add_lit(&out, "\n");
        return job_reply_json(&q, &out);
}

/* --- what one wants --- */

static void write_fields(struct json_write *w, const struct row *from, const struct row *to,
                         enum kind kind, const char *key) {
        json_write_kv_array(w, key);
        for (const struct row *f = from; f < to; f++) {
                if (f->kind != kind)
                        continue;
                json_write_object(w);
                if (f->standard)
                        json_write_kv_str(w, "default", f->standard);
                json_write_kv_str(w, "description", f->description);
                json_write_kv_str(w, "name", f->name);
                json_write_kv_bool(w, "required", f->is_required);
                json_write_kv_str(w, "type", "string");
                json_write_end(w);
        }
        json_write_end(w);
}

/* The mode's fields end at `to`. */
static void write_mode(struct json_write *w, const struct row *mode, const struct row *to) {
        json_write_object(w);
        write_fields(w, mode + 1, to, CONFIG, "config_fields");
        json_write_kv_str(w, "description", mode->description);
        json_write_kv_str(w, "display_name", mode->title);
        json_write_kv_str(w, "mode", mode->name);
        write_fields(w, mode + 1, to, SECRET, "secret_fields");
        json_write_end(w);
}

/* All modes among the rows that are the provider's; the first is what it begins with. */
static void write_modes(struct json_write *w, const struct row *all, size_t n,
                        const char *provider) {
        const struct row *end = all + n, *first = NULL;

        json_write_kv_array(w, "auth_modes");
        for (const struct row *m = all, *next; m < end; m = next) {
                for (next = m + 1; next < end && next->kind != MODE; next++)
                        ;
                if (!str_eq(m->provider, provider))
                        continue;
                first = first ?: m;
                write_mode(w, m, next);
        }
        json_write_end(w);
        assert(first);
        json_write_kv_str(w, "default_mode", first->name);
}

static bool has_rows(const char *provider) {
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                if (rows[i].kind == MODE && str_eq(rows[i].provider, provider))
                        return true;
        return false;
}

/* As Python's lower(), and its title(): large after all that is no letter. NULL: no memory. */
static char *in_case(struct arena *a, const char *name, bool is_title) {
        char *s = arena_strdup(a, name);
        bool begins = true;

        for (char *at = s; at && *at; at++) {
                unsigned char c = (unsigned char) *at;

                *at = (char) (is_title && begins ? toupper(c) : tolower(c));
                begins = !isalpha(c);
        }
        return s;
}

/* An API key, and perhaps where it is. */
static int write_plain(struct json_write *w, struct arena *a, const char *provider) {
        const char *title = in_case(a, provider, true);
        const char *use = title ? arena_printf(a, "Use %s API Key", title) : NULL;
        const char *key = title ? arena_printf(a, "%s API Key", title) : NULL;
        const char *base = title ? arena_printf(a, "%s API Base URL", title) : NULL;
        const struct row plain[] = {
                {MODE, provider, "api_key", "API Key", use, false, NULL},
                {SECRET, NULL, "api_key", NULL, key, true, NULL},
                {CONFIG, NULL, "api_base", NULL, base, false, NULL},
        };

        if (!use || !key || !base)
                return -ENOMEM;
        write_modes(w, plain, ARRAY_SIZE(plain), provider);
        return 0;
}

/* By the name that the rows have. */
static const char *known_as(const char *provider) {
        static const struct {
                const char *given, *name;
        } aliases[] = {
                {"amazon-bedrock", "bedrock"},
                {"bedrock_converse", "bedrock"},
                {"databricks-model-serving", "databricks"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(aliases); i++)
                if (str_eq(aliases[i].given, provider))
                        return aliases[i].name;
        return provider;
}

int gateway_providers_api_config(struct http_request *req) {
        struct buf out = {};
        struct json_write w;
        const char *provider;
        struct ask q;

        ask_open(&q, req);
        provider = ask_given(&q, "provider");
        if (q.result == 0 && !provider)
                ask_check(&q, refusal_invalid(&q.refusal, "Provider parameter is required"));
        if (q.result == 0 && !(provider = in_case(q.arena, provider, false)))
                ask_check(&q, -ENOMEM);
        if (q.result != 0)
                return job_refuse(&q);
        provider = known_as(provider);
        json_write_init(&w, &out, 0);
        json_write_object(&w);
        if (has_rows(provider))
                write_modes(&w, rows, ARRAY_SIZE(rows), provider);
        else
                ask_check(&q, write_plain(&w, q.arena, provider));
        if (q.result != 0) {
                buf_done(&out);
                return job_refuse(&q);
        }
        /* Nobody is asked from here: there is no key in the surroundings that would be used. */
        json_write_kv_bool(&w, "env_credentials_available", false);
        json_write_end(&w);
        json_write_finish(&w);
        buf_add_lit(&out, "\n");
        return job_reply_json(&q, &out);
}
