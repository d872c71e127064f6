#include "lib/auth/auth_digest.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

int auth_digest_parts(const char *const *parts, size_t n_parts, char ret[AUTH_DIGEST_SIZE]) {
        EVP_MD_CTX *ctx = EVP_MD_CTX_new();
        unsigned char md[EVP_MAX_MD_SIZE];
        unsigned int n = 0;
        int ok = ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL);

        for (size_t i = 0; i < n_parts && ok; i++) {
                uint64_t len = parts[i] ? strlen(parts[i]) : UINT64_MAX;
                char head[24];

                snprintf(head, sizeof(head), "%llu:", (unsigned long long) len);
                ok = EVP_DigestUpdate(ctx, head, strlen(head)) &&
                     (!parts[i] || EVP_DigestUpdate(ctx, parts[i], (size_t) len));
        }
        ok = ok && EVP_DigestFinal_ex(ctx, md, &n);
        EVP_MD_CTX_free(ctx);
        if (!ok)
                return -ENOMEM;
        for (unsigned int i = 0; i < n; i++)
                snprintf(ret + 2 * i, 3, "%02x", md[i]);
        return 0;
}
