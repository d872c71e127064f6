#include "daemons/tracking/otlp_proto.h"

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/base64.h"
#include "lib/base/hex.h"
#include "lib/base/json_write.h"
#include "lib/base/utf8.h"

/* --- what the messages are made of --------------------------------------------------------------
 */

enum type { MESSAGE, TEXT, ID, BYTES, FIXED64, VARINT, BOOLEAN, DOUBLE };

struct message;

struct field {
        uint32_t number;
        const char *name;
        enum type type;
        bool repeated;
        const struct message *message;
};

enum { FIELDS_MAX = 12 };

struct message {
        struct field fields[FIELDS_MAX]; /* a name of NULL ends them */
};

static const struct message any_value;

static const struct message key_value = {{
        {1, "key", TEXT, false, NULL},
        {2, "value", MESSAGE, false, &any_value},
}};
static const struct message array_value = {{{1, "values", MESSAGE, true, &any_value}}};
static const struct message pairs_value = {{{1, "values", MESSAGE, true, &key_value}}};
static const struct message any_value = {{
        {1, "stringValue", TEXT, false, NULL},
        {2, "boolValue", BOOLEAN, false, NULL},
        {3, "intValue", VARINT, false, NULL},
        {4, "doubleValue", DOUBLE, false, NULL},
        {5, "arrayValue", MESSAGE, false, &array_value},
        {6, "kvlistValue", MESSAGE, false, &pairs_value},
        {7, "bytesValue", BYTES, false, NULL},
}};
static const struct message status = {{
        {2, "message", TEXT, false, NULL},
        {3, "code", VARINT, false, NULL},
}};
static const struct message event = {{
        {1, "timeUnixNano", FIXED64, false, NULL},
        {2, "name", TEXT, false, NULL},
        {3, "attributes", MESSAGE, true, &key_value},
}};
static const struct message link = {{
        {1, "traceId", ID, false, NULL},
        {2, "spanId", ID, false, NULL},
        {4, "attributes", MESSAGE, true, &key_value},
}};
static const struct message span = {{
        {1, "traceId", ID, false, NULL},
        {2, "spanId", ID, false, NULL},
        {4, "parentSpanId", ID, false, NULL},
        {5, "name", TEXT, false, NULL},
        {6, "kind", VARINT, false, NULL},
        {7, "startTimeUnixNano", FIXED64, false, NULL},
        {8, "endTimeUnixNano", FIXED64, false, NULL},
        {9, "attributes", MESSAGE, true, &key_value},
        {11, "events", MESSAGE, true, &event},
        {13, "links", MESSAGE, true, &link},
        {15, "status", MESSAGE, false, &status},
}};
static const struct message scope_spans = {{{2, "spans", MESSAGE, true, &span}}};
static const struct message resource = {{{1, "attributes", MESSAGE, true, &key_value}}};
static const struct message resource_spans = {{
        {1, "resource", MESSAGE, false, &resource},
        {2, "scopeSpans", MESSAGE, true, &scope_spans},
}};
static const struct message request = {{{1, "resourceSpans", MESSAGE, true, &resource_spans}}};

/* --- the wire -----------------------------------------------------------------------------------
 */

enum wire { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };

struct wire_field {
        uint32_t number;
        enum wire wire;
        uint64_t value;            /* of numbers */
        const unsigned char *data; /* of bytes */
        size_t size;
};

static int read_varint(const unsigned char **p, const unsigned char *end, uint64_t *ret) {
        uint64_t v = 0;

        for (unsigned shift = 0; shift < 70 && *p < end; shift += 7) {
                unsigned char c = *(*p)++;

                if (shift < 64)
                        v |= (uint64_t) (c & 0x7f) << shift;
                if (!(c & 0x80)) {
                        *ret = v;
                        return 0;
                }
        }
        return -EINVAL;
}

static int read_fixed(const unsigned char **p, const unsigned char *end, size_t n, uint64_t *ret) {
        uint64_t v = 0;

        if ((size_t) (end - *p) < n)
                return -EINVAL;
        memcpy(&v, *p, n);
        *p += n;
        *ret = le64toh(v);
        return 0;
}

static int read_field(const unsigned char **p, const unsigned char *end, struct wire_field *ret) {
        uint64_t tag, size;
        int r = read_varint(p, end, &tag);

        if (r < 0 || tag >> 3 == 0 || tag >> 3 > 0x1fffffff)
                return -EINVAL;
        *ret = (struct wire_field){.number = (uint32_t) (tag >> 3), .wire = (enum wire)(tag & 7)};
        switch (ret->wire) {
        case WIRE_VARINT:
                return read_varint(p, end, &ret->value);
        case WIRE_64:
                return read_fixed(p, end, 8, &ret->value);
        case WIRE_32:
                return read_fixed(p, end, 4, &ret->value);
        case WIRE_BYTES:
                r = read_varint(p, end, &size);
                if (r < 0 || size > (size_t) (end - *p))
                        return -EINVAL;
                ret->data = *p;
                ret->size = (size_t) size;
                *p += size;
                return 0;
        default: /* groups are of another age */
                return -EINVAL;
        }
}

/* --- to JSON ------------------------------------------------------------------------------------
 */

static int set_text(struct arena *a, struct json *j, enum json_type type, const char *text,
                    size_t n) {
        j->type = type;
        j->str = arena_strndup(a, text, n);
        j->len = (uint32_t) n;
        return j->str ? 0 : -ENOMEM;
}

static int set_id(struct arena *a, struct json *j, const struct wire_field *f) {
        char *hex = f->size <= 64 ? arena_alloc(a, 2 * f->size + 1) : NULL;

        if (!hex)
                return f->size <= 64 ? -ENOMEM : -EINVAL;
        hex_encode(f->data, f->size, hex);
        return set_text(a, j, JSON_STRING, hex, 2 * f->size);
}

static int set_bytes(struct arena *a, struct json *j, const struct wire_field *f) {
        _cleanup_buf_ struct buf out = {};

        if (base64_encode(&out, f->data, f->size, 0) < 0)
                return -ENOMEM;
        return set_text(a, j, JSON_STRING, buf_cstr(&out), out.len);
}

static int set_double(struct arena *a, struct json *j, uint64_t bits) {
        _cleanup_buf_ struct buf out = {};
        struct json_write w;
        double v;

        memcpy(&v, &bits, sizeof(v));
        json_write_init(&w, &out, 0);
        json_write_f64(&w, v);
        if (buf_error(&out) < 0)
                return -ENOMEM;
        if (*out.data == '"') /* NaN and infinities */
                return set_text(a, j, JSON_STRING, out.data + 1, out.len - 2);
        return set_text(a, j, JSON_NUMBER, out.data, out.len);
}

static int set_scalar(struct arena *a, struct json *j, const struct field *f,
                      const struct wire_field *w) {
        char number[24];

        switch (f->type) {
        case TEXT:
                if (!utf8_valid((const char *) w->data, w->size) || memchr(w->data, 0, w->size))
                        return -EINVAL;
                return set_text(a, j, JSON_STRING, (const char *) w->data, w->size);
        case ID:
                return set_id(a, j, w);
        case BYTES:
                return set_bytes(a, j, w);
        case BOOLEAN:
                j->type = w->value ? JSON_TRUE : JSON_FALSE;
                return 0;
        case DOUBLE:
                return set_double(a, j, w->value);
        case FIXED64:
                snprintf(number, sizeof(number), "%" PRIu64, w->value);
                return set_text(a, j, JSON_NUMBER, number, strlen(number));
        default:
                snprintf(number, sizeof(number), "%" PRId64, (int64_t) w->value);
                return set_text(a, j, JSON_NUMBER, number, strlen(number));
        }
}

static bool wire_fits(enum type type, enum wire wire) {
        switch (type) {
        case FIXED64:
        case DOUBLE:
                return wire == WIRE_64;
        case VARINT:
        case BOOLEAN:
                return wire == WIRE_VARINT;
        default:
                return wire == WIRE_BYTES;
        }
}

static struct json *add_child(struct arena *a, struct json *parent, struct json ***last,
                              const char *key) {
        struct json *j = arena_new(a, struct json);

        if (!j)
                return NULL;
        j->key = key;
        j->key_len = key ? (unsigned) strlen(key) & 0xffffff : 0;
        **last = j;
        *last = &j->next;
        parent->len++;
        return j;
}

/* The ends of a message's list of members and of its lists' items. */
struct ends {
        struct json **members;
        struct json *lists[FIELDS_MAX];
        struct json **items[FIELDS_MAX];
};

/* Where the value of field `i` goes. NULL: out of memory. */
static struct json *place(struct arena *a, struct json *ret, struct ends *e,
                          const struct message *m, size_t i) {
        const struct field *f = &m->fields[i];

        if (!f->repeated)
                return add_child(a, ret, &e->members, f->name);
        if (!e->lists[i]) {
                e->lists[i] = add_child(a, ret, &e->members, f->name);
                if (!e->lists[i])
                        return NULL;
                e->lists[i]->type = JSON_ARRAY;
                e->items[i] = &e->lists[i]->child;
        }
        return add_child(a, e->lists[i], &e->items[i], NULL);
}

static int parse(struct arena *a, const struct message *m, const unsigned char *p, size_t size,
                 unsigned depth, struct json *ret) {
        const unsigned char *end = p + size;
        struct ends ends = {.members = &ret->child};
        struct wire_field w;
        struct json *j;
        int r;

        if (depth > OTLP_PROTO_DEPTH_MAX)
                return -EINVAL;
        ret->type = JSON_OBJECT;
        while (p < end) {
                size_t i = 0;

                r = read_field(&p, end, &w);
                if (r < 0)
                        return r;
                while (i < FIELDS_MAX && m->fields[i].name && m->fields[i].number != w.number)
                        i++;
                if (i == FIELDS_MAX || !m->fields[i].name)
                        continue;
                if (!wire_fits(m->fields[i].type, w.wire))
                        return -EINVAL;
                j = place(a, ret, &ends, m, i);
                if (!j)
                        return -ENOMEM;
                r = m->fields[i].type == MESSAGE
                            ? parse(a, m->fields[i].message, w.data, w.size, depth + 1, j)
                            : set_scalar(a, j, &m->fields[i], &w);
                if (r < 0)
                        return r;
        }
        return 0;
}

int otlp_proto_parse(struct arena *a, const void *data, size_t size, struct json **ret) {
        struct json *root = arena_new(a, struct json);
        int r = root ? parse(a, &request, data, size, 0, root) : -ENOMEM;

        if (r == 0)
                *ret = root;
        return r;
}
