/* fnv.h: FNV-1a of 64 bits, for tables and for noticing changes; never for what somebody else
 * chooses to deceive. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define FNV_EMPTY UINT64_C(14695981039346656037)
#define FNV_PRIME UINT64_C(1099511628211)

static inline uint64_t fnv_add(uint64_t h, const void *data, size_t n) {
        for (const unsigned char *c = data; n > 0; c++, n--)
                h = (h ^ *c) * FNV_PRIME;
        return h;
}

static inline uint64_t fnv_add_text(uint64_t h, const char *text) {
        for (; *text; text++)
                h = (h ^ (unsigned char) *text) * FNV_PRIME;
        return h;
}
