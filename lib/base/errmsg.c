/* errmsg: see errmsg.h. */
#include "lib/base/errmsg.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/utf8.h"

/* What was quoted may be anything: the text becomes UTF-8 without control characters. */
static void finish(struct errmsg *em, int n) {
        size_t len, good = 0;

        if (n >= (int) sizeof(em->text))
                em->text[utf8_cut(em->text, sizeof(em->text) - 1)] = 0;
        len = strlen(em->text);
        while ((good += utf8_valid_len(em->text + good, len - good)) < len)
                em->text[good] = '?';
        for (char *p = em->text; *p; p++)
                if ((unsigned char) *p < 0x20 || *p == 0x7F)
                        *p = ' ';
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
