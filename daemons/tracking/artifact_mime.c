#include "daemons/tracking/artifact_mime.h"

#include <string.h>

#include "daemons/tracking/artifact_uri.h"
#include "lib/base/str.h"

static bool is_text(const char *extension) {
        static const char *const texts[] = {
                "txt", "log",        "err",   "cfg",     "conf",      "cnf",       "cf",
                "ini", "properties", "prop",  "hocon",   "toml",      "yaml",      "yml",
                "xml", "json",       "js",    "py",      "py3",       "csv",       "tsv",
                "md",  "rst",        "ipynb", "MLmodel", "MLproject", "mlproject",
        };

        for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
                if (str_eq(texts[i], extension))
                        return true;
        return false;
}

const char *artifact_mime_of(const char *path) {
        static const struct {
                const char *extension, *type;
        } types[] = {
                {"png", "image/png"},         {"jpg", "image/jpeg"},
                {"jpeg", "image/jpeg"},       {"gif", "image/gif"},
                {"svg", "image/svg+xml"},     {"bmp", "image/bmp"},
                {"webp", "image/webp"},       {"tiff", "image/tiff"},
                {"tif", "image/tiff"},        {"ico", "image/vnd.microsoft.icon"},
                {"html", "text/html"},        {"htm", "text/html"},
                {"css", "text/css"},          {"pdf", "application/pdf"},
                {"zip", "application/zip"},   {"tar", "application/x-tar"},
                {"mp4", "video/mp4"},         {"webm", "video/webm"},
                {"mp3", "audio/mpeg"},        {"wav", "audio/x-wav"},
                {"h5", "application/x-hdf5"}, {"wasm", "application/wasm"},
        };
        const char *name = artifact_uri_base(path), *dot = strrchr(name, '.');
        const char *extension = dot && dot != name ? dot + 1 : name;

        if (is_text(extension))
                return "text/plain";
        for (size_t i = 0; dot && i < ARRAY_SIZE(types); i++)
                if (str_eq_fold(types[i].extension, extension))
                        return types[i].type;
        return "application/octet-stream";
}
