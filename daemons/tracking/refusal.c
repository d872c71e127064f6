#include "daemons/tracking/refusal.h"

#include <errno.h>

#include "lib/base/json_write.h"
#include "lib/db/db.h"

static const struct {
        const char *code;
        int status;
        const char *sqlstate, *error_class;
} rows[] = {
#define REFUSAL(name, code, status, sqlstate, error_class) {code, status, sqlstate, error_class},
#include "daemons/tracking/refusal.def"
#undef REFUSAL
};

static int set(struct refusal *r, enum refusal_code code, const char *fmt, va_list ap)
        _printf_(3, 0);

static int set(struct refusal *r, enum refusal_code code, const char *fmt, va_list ap) {
        char *text = arena_vprintf(r->arena, fmt, ap);

        if (!text)
                return -ENOMEM;
        r->code = code;
        r->text = text;
        return REFUSED;
}

int refusal_set(struct refusal *r, enum refusal_code code, const char *fmt, ...) {
        va_list ap;
        int x;

        va_start(ap, fmt);
        x = set(r, code, fmt, ap);
        va_end(ap);
        return x;
}

int refusal_invalid(struct refusal *r, const char *fmt, ...) {
        va_list ap;
        int x;

        va_start(ap, fmt);
        x = set(r, REFUSAL_INVALID_PARAMETER_VALUE, fmt, ap);
        va_end(ap);
        return x;
}

int refusal_row(struct refusal *r, int found, const char *fmt, ...) {
        va_list ap;
        int x;

        assert(found < 0 || found == DB_ROW || found == DB_DONE);
        if (found != DB_DONE)
                return found < 0 ? found : 0;
        va_start(ap, fmt);
        x = set(r, REFUSAL_RESOURCE_DOES_NOT_EXIST, fmt, ap);
        va_end(ap);
        return x;
}

int refusal_status(enum refusal_code code) {
        assert((size_t) code < ARRAY_SIZE(rows));
        return rows[code].status;
}

int refusal_write(enum refusal_code code, const char *text, struct buf *out) {
        struct json_write w;

        assert((size_t) code < ARRAY_SIZE(rows));
        json_write_init(&w, out, JSON_WRITE_SPACED | JSON_WRITE_ASCII);
        json_write_object(&w);
        json_write_kv_str(&w, "error_code", rows[code].code);
        json_write_kv_str(&w, "message", text);
        if (rows[code].sqlstate)
                json_write_kv_str(&w, "sqlstate", rows[code].sqlstate);
        if (rows[code].error_class)
                json_write_kv_str(&w, "error_class", rows[code].error_class);
        json_write_end(&w);
        return json_write_finish(&w);
}

enum refusal_code refusal_code_of_status(int status) {
        switch (status) {
        case 404:
                return REFUSAL_ENDPOINT_NOT_FOUND;
        case 401:
                return REFUSAL_UNAUTHENTICATED;
        case 403:
                return REFUSAL_PERMISSION_DENIED;
        case 429:
                return REFUSAL_REQUEST_LIMIT_EXCEEDED;
        case 501:
                return REFUSAL_NOT_IMPLEMENTED;
        case 503:
                return REFUSAL_TEMPORARILY_UNAVAILABLE;
        default:
                return status >= 500 ? REFUSAL_INTERNAL_ERROR : REFUSAL_BAD_REQUEST;
        }
}
