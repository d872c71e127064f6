/* base64: RFC 4648, the standard and the URL alphabet. */
#pragma once

#include "lib/base/buf.h"
#include "lib/base/macros.h"

enum base64_flags {
        BASE64_URL = 1 << 0,    /* "-_" for "+/" */
        BASE64_NO_PAD = 1 << 1, /* no "=" at the end (JWT) */
};

/* Appends the text. 0 or the buf's error. */
int base64_encode(struct buf *out, const void *p, size_t n, unsigned flags);
/* Appends the bytes; padding is optional with BASE64_NO_PAD, else a must; unused bits must be zero,
 * no blanks. 0, -EINVAL (nothing is appended) or the buf's error. */
int base64_decode(struct buf *out, const char *s, size_t len, unsigned flags);
