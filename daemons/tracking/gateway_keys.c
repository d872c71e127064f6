#include "daemons/tracking/gateway_keys.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/auth/auth_envelope.h"
#include "lib/base/errmsg.h"
#include "lib/base/fileio.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

#define PASSPHRASE_ENV "MLFLOW_CRYPTO_KEK_PASSPHRASE"
#define VERSION_ENV "MLFLOW_CRYPTO_KEK_VERSION"

enum { FILE_MAX = 4096 };

static int make(const char *passphrase, const char *from, struct auth_envelope **ret,
                struct errmsg *em) {
        const char *text = getenv(VERSION_ENV);
        int64_t version = 1;

        if (!str_empty(text) &&
            (str_to_i64(text, &version) < 0 || version < 0 || version > INT32_MAX))
                return errmsg_fail(em, -EINVAL, VERSION_ENV " is \"%s\": it is a number from 0",
                                   text);
        if (auth_envelope_new(passphrase, version, ret) < 0)
                return errmsg_fail(em, -EINVAL, "%s: a passphrase has 1 to 1024 bytes", from);
        return 0;
}

int gateway_keys_load(struct auth_envelope **ret, struct errmsg *em) {
        const char *given = getenv(PASSPHRASE_ENV), *dir = getenv("CREDENTIALS_DIRECTORY");
        _cleanup_free_ char *path = NULL;
        char *text = NULL;
        size_t n = 0;
        int r;

        *ret = NULL;
        if (!str_empty(given))
                return make(given, PASSPHRASE_ENV, ret, em);
        if (!dir)
                return 0;
        path = str_printf("%s/kek_passphrase", dir);
        if (!path)
                return -ENOMEM;
        r = fileio_read(path, FILE_MAX, &text, &n);
        if (r == -ENOENT)
                return 0;
        if (r < 0)
                return errmsg_errno(em, r, "the passphrase %s cannot be read", path);
        text[strcspn(text, "\r\n")] = '\0';
        r = make(text, path, ret, em);
        mem_free_secret(text, n);
        return r;
}
