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

const char *mime_of(const char *name) {
        const char *slash = strrchr(name, '/');
        const char *dot = strrchr(slash ?: name, '.');

        for (size_t i = 0; dot && i < ARRAY_SIZE(mime_types); i++)
                if (str_eq_fold(dot + 1, mime_types[i].ext))
                        return mime_types[i].type;
        return NULL;
}
