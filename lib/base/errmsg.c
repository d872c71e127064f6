/* errmsg: see errmsg.h. */
#include "lib/base/errmsg.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/utf8.h"

/* Whole characters only, however the text was cut. */
static void finish(struct errmsg *em, int n) {
        if (n >= (int) sizeof(em->text))
                em->text[utf8_cut(em->text, sizeof(em->text) - 1)] = 0;
}

void errmsg_vset(struct errmsg *em, const char *fmt, va_list ap) {
        if (!em)
                return;
        finish(em, vsnprintf(em->text, sizeof(em->text), fmt, ap));
}

void errmsg_set(struct errmsg *em, const char *fmt, ...) {
        va_list ap;

        va_start(ap, fmt);
        errmsg_vset(em, fmt, ap);
        va_end(ap);
}

int errmsg_fail(struct errmsg *em, int error, const char *fmt, ...) {
        va_list ap;

        va_start(ap, fmt);
        errmsg_vset(em, fmt, ap);
        va_end(ap);
        return error;
}

int errmsg_errno(struct errmsg *em, int error, const char *fmt, ...) {
        char text[sizeof(em->text)];
        va_list ap;

        if (!em)
                return error;
        va_start(ap, fmt);
        (void) vsnprintf(text, sizeof(text), fmt, ap);
        va_end(ap);
        finish(em, snprintf(em->text, sizeof(em->text), "%s: %s", text, errmsg_strerror(error)));
        return error;
}

void errmsg_prefix(struct errmsg *em, const char *fmt, ...) {
        char prefix[sizeof(em->text)], rest[sizeof(em->text)];
        va_list ap;

        if (!em)
                return;
        va_start(ap, fmt);
        (void) vsnprintf(prefix, sizeof(prefix), fmt, ap);
        va_end(ap);
        memcpy(rest, em->text, sizeof(rest));
        finish(em, snprintf(em->text, sizeof(em->text), "%s: %s", prefix, rest));
}

const char *errmsg_strerror(int error) {
        const char *s = strerrordesc_np(abs(error));

        return s ? s : "unknown error";
}
