/* json_write: see json_write.h. */
#include "lib/base/json_write.h"

#include <math.h>
#include <string.h>

#include "lib/base/json_number.h"
#include "lib/base/utf8.h"

void json_write_init(struct json_write *w, struct buf *out, unsigned flags) {
        w->out = out;
        w->flags = flags;
        w->depth = 0;
        w->after_key = false;
        w->has_items[0] = false;
}

int json_write_finish(struct json_write *w) {
        assert(w->depth == 0 && !w->after_key);
        return buf_error(w->out);
}

static void add_newline(struct json_write *w) {
        buf_add_char(w->out, '\n');
        buf_add_fill(w->out, ' ', (size_t) w->depth * 2);
}

/* The comma and indent before an item of the innermost container. */
static void separate(struct json_write *w) {
        bool *has_items = &w->has_items[w->depth - 1];

        if (*has_items)
                buf_add(w->out, ", ", w->flags & JSON_WRITE_SPACED ? 2 : 1);
        *has_items = true;
        if (w->flags & JSON_WRITE_PRETTY)
                add_newline(w);
}

/* Before any value. */
static void begin_value(struct json_write *w) {
        if (w->after_key) {
                w->after_key = false;
                return;
        }
        if (w->depth == 0) {
                assert(!w->has_items[0]);
                return;
        }
        assert(!w->in_object[w->depth - 1]);
        separate(w);
}

static void open_container(struct json_write *w, bool object) {
        begin_value(w);
        assert(w->depth < JSON_WRITE_DEPTH_MAX);
        buf_add_char(w->out, object ? '{' : '[');
        w->in_object[w->depth] = object;
        w->has_items[w->depth] = false;
        w->items_at[w->depth] = 0;
        w->depth++;
}

void json_write_object(struct json_write *w) {
        open_container(w, true);
}

void json_write_array(struct json_write *w) {
        open_container(w, false);
}

void json_write_end(struct json_write *w) {
        bool had_items;

        assert(w->depth > 0 && !w->after_key);
        w->depth--;
        had_items = w->has_items[w->depth];
        if (w->items_at[w->depth] > 0) {
                if (!had_items) {
                        buf_truncate(w->out, w->items_at[w->depth]);
                        return;
                }
                w->has_items[w->depth - 1] = true;
        }
        if (had_items && w->flags & JSON_WRITE_PRETTY)
                add_newline(w);
        buf_add_char(w->out, w->in_object[w->depth] ? '}' : ']');
        if (w->depth == 0)
                w->has_items[0] = false;
}

static void write_key(struct json_write *w, const char *key, size_t len) {
        assert(w->depth > 0 && w->in_object[w->depth - 1] && !w->after_key);
        separate(w);
        json_write_quoted(w->out, key, len, w->flags);
        buf_add(w->out, ": ", w->flags & (JSON_WRITE_SPACED | JSON_WRITE_PRETTY) ? 2 : 1);
        w->after_key = true;
}

void json_write_key(struct json_write *w, const char *key) {
        write_key(w, key, strlen(key));
}

void json_write_str(struct json_write *w, const char *s) {
        if (s)
                json_write_strn(w, s, strlen(s));
        else
                json_write_null(w);
}

void json_write_strn(struct json_write *w, const char *s, size_t len) {
        begin_value(w);
        json_write_quoted(w->out, s, len, w->flags);
}

void json_write_i64(struct json_write *w, int64_t v) {
        char text[JSON_NUMBER_SIZE];
        size_t n = json_number_print_i64(v, text);

        begin_value(w);
        buf_add(w->out, text, n);
}

void json_write_u64(struct json_write *w, uint64_t v) {
        char text[JSON_NUMBER_SIZE];
        size_t n = json_number_print_u64(v, text);

        begin_value(w);
        buf_add(w->out, text, n);
}

void json_write_f64(struct json_write *w, double v) {
        char text[JSON_NUMBER_SIZE];
        size_t n = json_number_print_f64(v, text);

        if (!isfinite(v)) {
                json_write_strn(w, text, n);
                return;
        }
        begin_value(w);
        buf_add(w->out, text, n);
}

void json_write_bool(struct json_write *w, bool v) {
        begin_value(w);
        buf_add_str(w->out, v ? "true" : "false");
}

void json_write_null(struct json_write *w) {
        begin_value(w);
        buf_add_lit(w->out, "null");
}

void json_write_raw(struct json_write *w, const char *text, size_t len) {
        begin_value(w);
        buf_add(w->out, text, len);
}

void json_write_node(struct json_write *w, const struct json *j) {
        const struct json *child;

        switch (j ? (enum json_type) j->type : JSON_NULL) {
        case JSON_NULL:
                json_write_null(w);
                break;
        case JSON_TRUE:
        case JSON_FALSE:
                json_write_bool(w, j->type == JSON_TRUE);
                break;
        case JSON_NUMBER:
                json_write_raw(w, j->str, j->len);
                break;
        case JSON_STRING:
                json_write_strn(w, j->str, j->len);
                break;
        case JSON_ARRAY:
        case JSON_OBJECT:
                open_container(w, j->type == JSON_OBJECT);
                json_each (child, j) {
                        if (child->key)
                                write_key(w, child->key, child->key_len);
                        json_write_node(w, child);
                }
                json_write_end(w);
                break;
        }
}

void json_write_kv_str(struct json_write *w, const char *key, const char *s) {
        json_write_key(w, key);
        json_write_str(w, s);
}

void json_write_kv_i64(struct json_write *w, const char *key, int64_t v) {
        json_write_key(w, key);
        json_write_i64(w, v);
}

void json_write_kv_i64_text(struct json_write *w, const char *key, int64_t v) {
        char text[JSON_NUMBER_SIZE];

        json_write_key(w, key);
        json_write_strn(w, text, json_number_print_i64(v, text));
}

void json_write_kv_u64(struct json_write *w, const char *key, uint64_t v) {
        json_write_key(w, key);
        json_write_u64(w, v);
}

void json_write_kv_f64(struct json_write *w, const char *key, double v) {
        json_write_key(w, key);
        json_write_f64(w, v);
}

void json_write_kv_bool(struct json_write *w, const char *key, bool v) {
        json_write_key(w, key);
        json_write_bool(w, v);
}

void json_write_kv_null(struct json_write *w, const char *key) {
        json_write_key(w, key);
        json_write_null(w);
}

void json_write_kv_object(struct json_write *w, const char *key) {
        json_write_key(w, key);
        json_write_object(w);
}

void json_write_kv_array(struct json_write *w, const char *key) {
        json_write_key(w, key);
        json_write_array(w);
}

/* The object counts it as an item of its own only when it is ended and stays. */
void json_write_kv_items(struct json_write *w, const char *key) {
        size_t at = w->out->len;
        bool has_items;

        assert(w->depth > 0);
        has_items = w->has_items[w->depth - 1];
        json_write_kv_array(w, key);
        w->items_at[w->depth - 1] = at;
        w->has_items[w->depth - 2] = has_items;
}

void json_write_kv_node(struct json_write *w, const char *key, const struct json *j) {
        json_write_key(w, key);
        json_write_node(w, j);
}

static void add_unit(struct buf *out, uint32_t unit) {
        static const char digits[] = "0123456789abcdef";
        char text[6] = {'\\',
                        'u',
                        digits[unit >> 12 & 15],
                        digits[unit >> 8 & 15],
                        digits[unit >> 4 & 15],
                        digits[unit & 15]};

        buf_add(out, text, sizeof(text));
}

static void add_escaped_ascii(struct buf *out, char c) {
        static const char from[] = "\"\\\n\r\t\b\f", to[] = "\"\\nrtbf";
        const char *at = memchr(from, c, STRLEN("\"\\\n\r\t\b\f"));

        if (at) {
                char text[2] = {'\\', to[at - from]};

                buf_add(out, text, 2);
        } else {
                add_unit(out, (unsigned char) c);
        }
}

/* One character that is not plain; returns the bytes it took of s. */
static size_t add_special(struct buf *out, const char *s, size_t len, unsigned flags) {
        uint32_t cp;
        int n;

        if ((unsigned char) *s < 0x80) {
                if (*s == 0x7F && !(flags & JSON_WRITE_ASCII))
                        buf_add_char(out, *s);
                else
                        add_escaped_ascii(out, *s);
                return 1;
        }
        n = utf8_decode(s, len, &cp);
        if (n < 0)
                cp = UTF8_REPLACEMENT;
        if (!(flags & JSON_WRITE_ASCII)) {
                if (n < 0)
                        buf_add_lit(out, "\xEF\xBF\xBD");
                else
                        buf_add(out, s, (size_t) n);
        } else if (cp >= 0x10000) {
                add_unit(out, 0xD800 + ((cp - 0x10000) >> 10));
                add_unit(out, 0xDC00 + ((cp - 0x10000) & 0x3FF));
        } else {
                add_unit(out, cp);
        }
        return n < 0 ? 1 : (size_t) n;
}

int json_write_quoted(struct buf *out, const char *s, size_t len, unsigned flags) {
        static const bool is_special[256] = {
                [0x00 ... 0x1F] = true,
                ['"'] = true,
                ['\\'] = true,
                [0x7F ... 0xFF] = true,
        };
        size_t i = 0;

        buf_add_char(out, '"');
        while (i < len) {
                size_t start = i;

                while (i < len && !is_special[(unsigned char) s[i]])
                        i++;
                if (i > start)
                        buf_add(out, s + start, i - start);
                if (i < len)
                        i += add_special(out, s + i, len - i, flags);
        }
        return buf_add_char(out, '"');
}
