#include "daemons/scheduler/core/placeholder.h"

#include <errno.h>
#include <string.h>

#include "lib/base/buf.h"

#define NAME_SIZE 256u
#define STEPS_MAX 2000u

struct render {
        int (*find)(const void *user, const char *name, struct buf *value);
        const void *user;
        struct errmsg *em;
        unsigned n_nested; /* placeholders around this one */
        unsigned n_values; /* values within values */
        size_t n_steps;    /* of all levels: bounds the work of hostile variables */
};

static int render(struct render *r, const char *text, size_t len, struct buf *out);

/* The offset of the "}}" that closes the "{{" before text; len when there is none. */
static size_t closing(const char *text, size_t len) {
        unsigned depth = 1;
        size_t i = 0;

        while (i + 1 < len) {
                if (text[i] == '{' && text[i + 1] == '{') {
                        depth++;
                        i += 2;
                } else if (text[i] == '}' && text[i + 1] == '}') {
                        if (--depth == 0)
                                return i;
                        i += 2;
                } else
                        i++;
        }
        return len;
}

/* [A-Za-z0-9._-]+ between blanks, as Liminal has it. False for anything else. */
static bool get_name(const char *inner, char ret[NAME_SIZE]) {
        size_t from = strspn(inner, " \t\n\r"), n = 0;
        const char *p = inner + from;

        while ((p[n] >= 'a' && p[n] <= 'z') || (p[n] >= 'A' && p[n] <= 'Z') ||
               (p[n] >= '0' && p[n] <= '9') || (p[n] && strchr("._-", p[n])))
                n++;
        if (n == 0 || n >= NAME_SIZE || p[n + strspn(p + n, " \t\n\r")])
                return false;
        memcpy(ret, p, n);
        ret[n] = 0;
        return true;
}

static int add_value(struct render *r, const char *inner, struct buf *out) {
        _cleanup_buf_ struct buf value = {.limit = PLACEHOLDER_SIZE_MAX};
        char name[NAME_SIZE];
        int k = get_name(inner, name) ? r->find(r->user, name, &value) : 1;

        if (k < 0)
                return k;
        if (k > 0) { /* not ours: stays as written */
                (void) buf_add_lit(out, "{{");
                (void) buf_add_str(out, inner);
                return buf_add_lit(out, "}}");
        }
        if (r->n_values >= PLACEHOLDER_DEPTH_MAX)
                return errmsg_fail(r->em, -EINVAL,
                                   "the value of {{%s}} refers to itself: break the circle of "
                                   "variables",
                                   name);
        r->n_values++;
        k = render(r, buf_cstr(&value), value.len, out);
        r->n_values--;
        return k;
}

static int fail_nesting(struct render *r) {
        return errmsg_fail(r->em, -EINVAL, "placeholders are nested too deep or are too many");
}

/* One {{…}}: first what stands inside, so that names may be built. */
static int add_placeholder(struct render *r, const char *inner, size_t len, struct buf *out) {
        _cleanup_buf_ struct buf name = {.limit = PLACEHOLDER_SIZE_MAX};
        int k;

        assert(inner[len] == '}' && inner[len + 1] == '}');
        if (++r->n_steps > STEPS_MAX || r->n_nested >= PLACEHOLDER_DEPTH_MAX)
                return fail_nesting(r);
        r->n_nested++;
        k = render(r, inner, len, &name);
        r->n_nested--;
        return k < 0 ? k : add_value(r, buf_cstr(&name), out);
}

static int render(struct render *r, const char *text, size_t len, struct buf *out) {
        size_t i = 0;
        int k;

        while (i < len) {
                const char *open = memmem(text + i, len - i, "{{", 2);
                size_t n = open ? (size_t) (open - text) - i : len - i, end;

                k = buf_add(out, text + i, n);
                if (k == -E2BIG)
                        return errmsg_fail(r->em, -EINVAL, "grows beyond %u bytes",
                                           PLACEHOLDER_SIZE_MAX);
                if (k < 0 || !open)
                        return k;
                i += n + 2;
                end = closing(text + i, len - i);
                if (end == len - i) { /* never closed: plain text */
                        if (++r->n_steps > STEPS_MAX)
                                return fail_nesting(r);
                        (void) buf_add_lit(out, "{{");
                        continue;
                }
                k = add_placeholder(r, text + i, end, out);
                if (k < 0)
                        return k;
                i += end + 2;
        }
        return buf_error(out);
}

int placeholder_expand(const char *text,
                       int (*find)(const void *user, const char *name, struct buf *value),
                       const void *user, struct buf *out, struct errmsg *em) {
        struct render r = {.find = find, .user = user, .em = em};
        _cleanup_buf_ struct buf result = {.limit = PLACEHOLDER_SIZE_MAX};
        int k;

        if (strlen(text) > PLACEHOLDER_SIZE_MAX)
                return errmsg_fail(em, -EINVAL, "is longer than %u bytes", PLACEHOLDER_SIZE_MAX);
        k = render(&r, text, strlen(text), &result);
        if (k == -E2BIG)
                return errmsg_fail(em, -EINVAL, "grows beyond %u bytes", PLACEHOLDER_SIZE_MAX);
        if (k < 0)
                return k;
        return buf_add(out, buf_cstr(&result), result.len);
}
