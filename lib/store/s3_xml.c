/* s3_xml.c: one pass over the bytes, names stay where they are. */
#include "lib/store/s3_xml.h"

#include <errno.h>
#include <string.h>

#include "lib/base/hex.h"
#include "lib/base/str.h"
#include "lib/base/utf8.h"

void s3_xml_init(struct s3_xml *x, const char *data, size_t size) {
        *x = (struct s3_xml){.at = data, .end = data + size};
}

void s3_xml_done(struct s3_xml *x) {
        buf_done(&x->text);
}

/* --- text ----------------------------------------------------------------------------------------
 */

static int add_code_point(struct buf *out, const char *digits, const char *end) {
        unsigned base = digits < end && *digits == 'x' ? 16 : 10;
        uint32_t code = 0;
        char bytes[4];

        digits += base == 16;
        if (digits == end || end - digits > 7)
                return -EBADMSG;
        for (; digits < end; digits++) {
                int digit = hex_digit(*digits);

                if (digit < 0 || (unsigned) digit >= base)
                        return -EBADMSG;
                code = code * base + (unsigned) digit;
        }
        if (code == 0 || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
                return -EBADMSG;
        return buf_add(out, bytes, utf8_encode(code, bytes));
}

static const struct {
        const char *name;
        char c;
} entities[] = {{"lt", '<'}, {"gt", '>'}, {"amp", '&'}, {"quot", '"'}, {"apos", '\''}};

/* from is behind "&", end at ";". */
static int add_entity(struct buf *out, const char *from, const char *end) {
        size_t n = (size_t) (end - from);

        if (n > 1 && *from == '#')
                return add_code_point(out, from + 1, end);
        for (size_t i = 0; i < ARRAY_SIZE(entities); i++)
                if (n == strlen(entities[i].name) && memcmp(from, entities[i].name, n) == 0)
                        return buf_add_char(out, entities[i].c);
        return -EBADMSG;
}

/* Everything up to the next "<". */
static int take_text(struct s3_xml *x) {
        while (x->at < x->end && *x->at != '<') {
                const char *end;
                int r;

                if (*x->at != '&') {
                        r = buf_add_char(&x->text, *x->at++);
                } else {
                        end = memchr(x->at, ';', (size_t) MIN(x->end - x->at, (ptrdiff_t) 12));
                        if (!end)
                                return -EBADMSG;
                        r = add_entity(&x->text, x->at + 1, end);
                        x->at = end + 1;
                }
                if (r < 0)
                        return r;
        }
        return 0;
}

int s3_xml_escape(struct buf *out, const char *text) {
        for (; *text; text++) {
                size_t i = 0;

                while (i < ARRAY_SIZE(entities) && entities[i].c != *text)
                        i++;
                if (i < ARRAY_SIZE(entities))
                        buf_printf(out, "&%s;", entities[i].name);
                else if ((unsigned char) *text < 0x20)
                        buf_printf(out, "&#%d;", *text);
                else
                        buf_add_char(out, *text);
        }
        return buf_error(out);
}

/* --- elements ------------------------------------------------------------------------------------
 */

static int skip_past(struct s3_xml *x, const char *mark) {
        const char *found = memmem(x->at, (size_t) (x->end - x->at), mark, strlen(mark));

        if (!found)
                return -EBADMSG;
        x->at = found + strlen(mark);
        return 0;
}

static int on_close(struct s3_xml *x, const char *name, size_t n) {
        if (x->depth == 0 || x->open[x->depth - 1].n != n ||
            memcmp(x->open[x->depth - 1].name, name, n) != 0)
                return -EBADMSG;
        x->depth--;
        return S3_XML_CLOSE;
}

/* At "<" of an opening or closing tag. */
static int take_tag(struct s3_xml *x) {
        const char *end = memchr(x->at, '>', (size_t) (x->end - x->at)), *name = x->at + 1;
        bool is_close, is_empty;
        size_t n;

        if (!end || end == name)
                return -EBADMSG;
        is_close = *name == '/';
        name += is_close;
        for (n = 0; name + n < end && !strchr(" \t\r\n/", name[n]); n++)
                ;
        if (n == 0)
                return -EBADMSG;
        is_empty = !is_close && end[-1] == '/';
        if (is_close) {
                x->at = end + 1;
                return on_close(x, name, n);
        }
        if (x->depth == S3_XML_DEPTH)
                return -EBADMSG;
        x->open[x->depth].name = name;
        x->open[x->depth].n = n;
        buf_reset(&x->text);
        x->at = end + 1;
        if (is_empty)
                return S3_XML_CLOSE; /* depth still does not count it */
        x->depth++;
        return S3_XML_OPEN;
}

static int step(struct s3_xml *x) {
        for (;;) {
                int r = take_text(x);

                if (r < 0)
                        return r;
                if (x->at == x->end)
                        return x->depth == 0 ? S3_XML_END : -EBADMSG;
                if (x->end - x->at >= 4 && memcmp(x->at, "<!--", 4) == 0)
                        r = skip_past(x, "-->");
                else if (x->end - x->at >= 2 && (x->at[1] == '?' || x->at[1] == '!'))
                        r = skip_past(x, ">");
                else
                        return take_tag(x);
                if (r < 0)
                        return r;
        }
}

int s3_xml_next(struct s3_xml *x) {
        int r;

        if (x->has_closed)
                buf_reset(&x->text);
        r = step(x);
        x->has_closed = r == S3_XML_CLOSE;
        return r;
}

static bool is_named(const struct s3_xml *x, unsigned depth, const char *name) {
        return x->open[depth].n == strlen(name) &&
               memcmp(x->open[depth].name, name, x->open[depth].n) == 0;
}

bool s3_xml_is(const struct s3_xml *x, const char *parent, const char *name) {
        if (!is_named(x, x->depth, name))
                return false;
        return !parent || (x->depth > 0 && is_named(x, x->depth - 1, parent));
}

int s3_xml_find(const char *data, size_t size, const char *name, char *ret, size_t ret_size) {
        struct s3_xml x;
        int r;

        *ret = '\0';
        s3_xml_init(&x, data, size);
        while ((r = s3_xml_next(&x)) > 0)
                if (r == S3_XML_CLOSE && s3_xml_is(&x, NULL, name)) {
                        r = str_copy(ret, ret_size, buf_cstr(&x.text));
                        break;
                }
        s3_xml_done(&x);
        return r < 0 ? r : 0;
}
