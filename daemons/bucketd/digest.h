/* digest.h: CRC32C and MD5 of bytes as they come, and what a client said they should be. */
#pragma once

#include "lib/base/macros.h"

struct http_request;
struct json;
struct refused;

enum { DIGEST_MD5_TEXT = 25 /* base64 of 16 bytes and its NUL */ };

/* Zeroed is none; digest_done() it. */
struct digest {
        uint32_t crc32c;
        uint64_t size;
        uint64_t md5_max; /* beyond so many bytes there is no MD5 */
        void *md5;
};

int digest_init(struct digest *g, uint64_t md5_max);
void digest_done(struct digest *g);
int digest_add(struct digest *g, const void *p, size_t n);
/* Base64 of the MD5 of all so far, "" when there is none. Once, at the end. 0 or -errno. */
int digest_md5(struct digest *g, char ret[DIGEST_MD5_TEXT]);

/* What the client says; NULL: nothing. */
struct digest_wanted {
        const char *crc32c, *md5; /* base64 */
};
/* From an object resource, where it does not say it already. */
void digest_want_json(struct digest_wanted *w, const struct json *resource);
/* From x-goog-hash and Content-MD5. 0, REFUSED, -ENOMEM. */
int digest_want_headers(struct digest_wanted *w, struct http_request *req);
/* 0, or REFUSED: the bytes are not those the client meant. md5 "": not known. */
int digest_check(const struct digest_wanted *w, uint32_t crc32c, const char *md5,
                 struct refused *no);
