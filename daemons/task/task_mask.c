#include "daemons/task/task_mask.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "lib/base/macros.h"

enum { LINE_MIN = 8 };

/* One mapping: the patterns, then their bytes; no dump has it. */
enum { MAP_SIZE = TASK_MASK_MAX * (int) sizeof(struct task_mask_pattern) + TASK_MASK_BYTES };

static int mask_open(struct task_mask *m) {
        char *p;

        if (m->patterns)
                return 0;
        p = mmap(NULL, MAP_SIZE, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (p == MAP_FAILED)
                return -ENOMEM;
        madvise(p, MAP_SIZE, MADV_DONTDUMP);
        m->patterns = (struct task_mask_pattern *) p;
        m->bytes = p + TASK_MASK_MAX * sizeof(struct task_mask_pattern);
        return 0;
}

void task_mask_done(struct task_mask *m) {
        if (m->patterns) {
                explicit_bzero(m->bytes, m->n_bytes);
                munmap(m->patterns, MAP_SIZE);
        }
        *m = (struct task_mask){};
}

#define each_from(p, m, byte)                                            \
        for (const struct task_mask_pattern *p =                         \
                     mask_number(m, (m)->first[(unsigned char) (byte)]); \
             p; p = mask_number(m, p->next))

static const struct task_mask_pattern *mask_number(const struct task_mask *m, uint32_t number) {
        return number ? &m->patterns[number - 1] : NULL;
}

static bool mask_has(const struct task_mask *m, const char *text, size_t len) {
        each_from(p, m,
                  *text) if (p->len == len && memcmp(m->bytes + p->at, text, len) == 0) return true;
        return false;
}

static int mask_pattern(struct task_mask *m, const char *text, size_t len) {
        uint32_t *first = &m->first[(unsigned char) *text];

        if (len < TASK_MASK_MIN || mask_has(m, text, len))
                return 0;
        if (m->n == TASK_MASK_MAX || len > TASK_MASK_BYTES - m->n_bytes)
                return -ENOSPC;
        m->patterns[m->n++] =
                (struct task_mask_pattern){(uint32_t) m->n_bytes, (uint32_t) len, *first};
        *first = (uint32_t) m->n;
        memcpy(m->bytes + m->n_bytes, text, len);
        m->n_bytes += len;
        return 0;
}

/* --- how a secret may be written ---------------------------------------------------------------
 */

enum form { AS_IT_IS, AS_URL, AS_URL_PATH, AS_FORM, AS_JSON, AS_ASCII_JSON, _FORM_MAX };

static bool is_unreserved(unsigned char c) {
        return isalnum(c) || strchr("-._~", c);
}

static size_t put_url(char *to, unsigned char c, enum form form) {
        if ((c < 0x80 && c && is_unreserved(c)) || (c == '/' && form == AS_URL_PATH)) {
                *to = (char) c;
                return 1;
        }
        if (c == ' ' && form == AS_FORM) {
                *to = '+';
                return 1;
        }
        return (size_t) sprintf(to, "%%%02X", c);
}

/* The code point at p, and its bytes; a stray byte is itself. */
static size_t take_utf8(const unsigned char *p, size_t n, uint32_t *ret) {
        size_t len = *p >= 0xf0 ? 4 : *p >= 0xe0 ? 3 : *p >= 0xc0 ? 2 : 1;
        uint32_t v = len == 1 ? *p : *p & (0xffu >> (len + 1));

        if (len > n)
                len = 1, v = *p;
        for (size_t i = 1; i < len; i++)
                v = v << 6 | (p[i] & 0x3f);
        *ret = v;
        return len;
}

static size_t put_json(char *to, uint32_t c) {
        static const char escaped[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
        const char *e = c && c < 0x80 ? strchr(escaped, (int) c) : NULL;

        if (e)
                return (size_t) sprintf(to, "\\%c", letters[e - escaped]);
        if (c >= 0x10000)
                return (size_t) sprintf(to, "\\u%04x\\u%04x",
                                        0xd800 + ((c - 0x10000) >> 10 & 0x3ff),
                                        0xdc00 + ((c - 0x10000) & 0x3ff));
        return (size_t) sprintf(to, "\\u%04x", c);
}

/* At most six bytes for each of p's; to has room for them. */
static size_t write_as(enum form form, const char *p, size_t n, char *to) {
        const unsigned char *u = (const unsigned char *) p;
        size_t out = 0;

        for (size_t i = 0; i < n;) {
                uint32_t c;
                size_t len = take_utf8(u + i, n - i, &c);

                if (form == AS_URL || form == AS_URL_PATH || form == AS_FORM) {
                        for (size_t k = 0; k < len; k++)
                                out += put_url(to + out, u[i + k], form);
                } else if (form != AS_IT_IS && (c < 0x20 || c == '"' || c == '\\' ||
                                                (c >= 0x80 && form == AS_ASCII_JSON))) {
                        out += put_json(to + out, c);
                } else {
                        memcpy(to + out, p + i, len);
                        out += len;
                }
                i += len;
        }
        return out;
}

/* One line of a secret, cut into pieces that are not too long. */
static int mask_line(struct task_mask *m, const char *p, size_t n) {
        char text[TASK_MASK_PIECE_MAX * 6];
        int r = 0;

        for (size_t at = 0; at < n && r >= 0;) {
                size_t len = MIN(n - at, (size_t) TASK_MASK_PIECE_MAX);

                for (enum form f = 0; f < _FORM_MAX && r >= 0; f++)
                        r = mask_pattern(m, text, write_as(f, p + at, len, text));
                at += len;
        }
        explicit_bzero(text, sizeof(text));
        return r;
}

int task_mask_add(struct task_mask *m, const char *value, size_t len) {
        size_t n_lines = 0;
        int r = mask_open(m);

        for (size_t at = 0; at < len && r >= 0; n_lines++) {
                const char *nl = memchr(value + at, '\n', len - at);
                size_t n = nl ? (size_t) (nl - value) - at : len - at;

                n -= n > 0 && value[at + n - 1] == '\r';
                /* a short line among others says too little to be looked for */
                if (n == len || n >= LINE_MIN || (n + 1 >= len && n_lines == 0))
                        r = mask_line(m, value + at, n);
                at = nl ? (size_t) (nl - value) + 1 : len;
        }
        /* URLs and JSON have it in one line */
        if (r >= 0 && n_lines > 1)
                r = mask_line(m, value, len);
        return r;
}

/* --- the stream --------------------------------------------------------------------------------
 */

/* The longest secret at text[0..n); *ret_open: a longer one may be there when more comes. */
static size_t mask_match(const struct task_mask *m, const char *text, size_t n, bool *ret_open) {
        size_t best = 0;

        *ret_open = false;
        each_from(p, m, *text) {
                if (p->len <= best || memcmp(m->bytes + p->at, text, MIN(p->len, n)) != 0)
                        continue;
                if (p->len <= n)
                        best = p->len;
                else
                        *ret_open = true;
        }
        return best;
}

size_t task_mask_ready(const struct task_mask *m, const char *text, size_t n) {
        size_t in = m->n > 0 ? 0 : n;

        while (in < n) {
                bool open;
                size_t len = mask_match(m, text + in, n - in, &open);

                if (open)
                        break;
                in += MAX(len, (size_t) 1);
        }
        return in;
}

size_t task_mask_apply(const struct task_mask *m, char *text, size_t n) {
        size_t in = m->n > 0 ? 0 : n, out = in;

        static_assert(TASK_MASK_MIN > STRLEN(TASK_MASK_TEXT), "what is masked gets no longer");
        while (in < n) {
                bool open;
                size_t len = mask_match(m, text + in, n - in, &open);

                if (len > 0) {
                        memcpy(text + out, TASK_MASK_TEXT, STRLEN(TASK_MASK_TEXT));
                        out += STRLEN(TASK_MASK_TEXT);
                        in += len;
                } else {
                        text[out++] = text[in++];
                }
        }
        return out;
}
