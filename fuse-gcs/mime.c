#include "fuse-gcs/mime.h"

#include <string.h>

#include "lib/base/macros.h"
#include "lib/base/str.h"

static const struct {
        const char *ext, *type;
} mime_types[] = {
#define MIME(ext, type) {ext, type},
#include "fuse-gcs/mime.def"
#undef MIME
};

const char *mime_sniff(const void *data, size_t n) {
        const unsigned char *p = data;

        for (size_t i = 0; i < MIN(n, (size_t) 512); i++)
                if (p[i] < 0x20 && !memchr("\t\n\f\r\33", p[i], 5))
                        return "application/octet-stream";
        return "text/plain; charset=utf-8";
}

const char *mime_of(const char *name) {
        const char *slash = strrchr(name, '/');
        const char *dot = strrchr(slash ?: name, '.');

        for (size_t i = 0; dot && i < ARRAY_SIZE(mime_types); i++)
                if (str_eq_fold(dot + 1, mime_types[i].ext))
                        return mime_types[i].type;
        return NULL;
}
