/* digest: see digest.h. */
#include "daemons/bucketd/digest.h"

#include <errno.h>
#include <openssl/evp.h>
#include <string.h>

#include "daemons/bucketd/gcs_error.h"
#include "lib/base/base64.h"
#include "lib/base/crc32c.h"
#include "lib/base/json.h"
#include "lib/base/str.h"
#include "lib/net/http_request.h"

int digest_init(struct digest *g, uint64_t md5_max) {
        *g = (struct digest){.md5_max = md5_max};
        if (md5_max == 0)
                return 0;
        g->md5 = EVP_MD_CTX_new();
        if (!g->md5 || EVP_DigestInit_ex(g->md5, EVP_md5(), NULL) != 1) {
                digest_done(g);
                return -ENOMEM;
        }
        return 0;
}

void digest_done(struct digest *g) {
        EVP_MD_CTX_free(g->md5);
        g->md5 = NULL;
}

int digest_add(struct digest *g, const void *p, size_t n) {
        g->crc32c = crc32c_add(g->crc32c, p, n);
        g->size += n;
        if (g->md5 && g->size > g->md5_max)
                digest_done(g);
        if (g->md5 && EVP_DigestUpdate(g->md5, p, n) != 1)
                return -EIO;
        return 0;
}

int digest_md5(struct digest *g, char ret[DIGEST_MD5_TEXT]) {
        unsigned char bytes[EVP_MAX_MD_SIZE];
        _cleanup_buf_ struct buf text = {};
        int r;

        *ret = 0;
        if (!g->md5)
                return 0;
        if (EVP_DigestFinal_ex(g->md5, bytes, NULL) != 1)
                return -EIO;
        digest_done(g);
        r = base64_encode(&text, bytes, 16, 0);
        return r < 0 ? r : str_copy(ret, DIGEST_MD5_TEXT, buf_cstr(&text));
}

void digest_want_json(struct digest_wanted *w, const struct json *resource) {
        const struct json *crc = json_get(resource, "crc32c"), *md5 = json_get(resource, "md5Hash");

        if (!w->crc32c && json_is(crc, JSON_STRING))
                w->crc32c = crc->str;
        if (!w->md5 && json_is(md5, JSON_STRING))
                w->md5 = md5->str;
}

/* "crc32c=AAAAAA==,md5=…" */
int digest_want_headers(struct digest_wanted *w, struct http_request *req) {
        const char *hash = http_request_header(req, "x-goog-hash"), *word;
        const char *md5 = http_request_header(req, "Content-MD5");
        size_t n;

        if (md5)
                w->md5 = md5;
        while (hash && str_word(&hash, ", ", &word, &n)) {
                const char *one = arena_strndup(req->arena, word, n);

                if (!one)
                        return -ENOMEM;
                if (str_starts(one, "crc32c="))
                        w->crc32c = one + STRLEN("crc32c=");
                else if (str_starts(one, "md5="))
                        w->md5 = one + STRLEN("md5=");
        }
        return 0;
}

int digest_check(const struct digest_wanted *w, uint32_t crc32c, const char *md5,
                 struct refused *no) {
        char text[CRC32C_TEXT_SIZE];

        if (w->crc32c && !str_eq(w->crc32c, crc32c_print(crc32c, text)))
                return gcs_error_set(no, GCS_ERROR_INVALID,
                                     "Provided CRC32C \"%.32s\" doesn't match calculated CRC32C "
                                     "\"%s\".",
                                     w->crc32c, text);
        if (w->md5 && *md5 && !str_eq(w->md5, md5))
                return gcs_error_set(no, GCS_ERROR_INVALID,
                                     "Provided MD5 hash \"%.32s\" doesn't match calculated MD5 "
                                     "hash \"%s\".",
                                     w->md5, md5);
        return 0;
}
