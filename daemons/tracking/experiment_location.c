#include "daemons/tracking/experiment_location.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "daemons/tracking/artifact_uri.h"
#include "daemons/tracking/source_host.h"
#include "lib/base/str.h"

enum { LENGTH_MAX = 2048 };

/* Is there something behind a ";" in the last part of the path, or behind a "#"? The first means
 * something in paths and in URIs of a few schemes only. */
static bool has_more(const char *location, const char *scheme) {
        static const char *const with_params[] = {"", "http", "https", "ftp", "sftp"};
        size_t n = strcspn(location, "?#");
        const char *fragment = strchr(location, '#'), *params = NULL;
        bool may = false;

        for (size_t i = 0; i < ARRAY_SIZE(with_params); i++)
                may |= str_eq(scheme, with_params[i]);
        for (size_t i = 0; may && i < n; i++)
                if (location[i] == '/')
                        params = NULL;
                else if (location[i] == ';' && !params)
                        params = location + i;
        return (fragment && fragment[1]) || (params && params + 1 < location + n);
}

/* What follows "?" is not to lead out of a directory, however often it was encoded. */
static int check_query(struct refusal *r, const char *location) {
        const char *query = strchr(location, '?'), *plain;
        int x;

        if (!query)
                return 0;
        x = artifact_uri_decode(r->arena, query + 1, &plain);
        if (x < 0)
                return x;
        if (x == ARTIFACT_URI_ENDLESS || strstr(plain, ".."))
                return refusal_invalid(r, "Invalid query string");
        return 0;
}

int experiment_location_check(struct refusal *r, const char *location, const char *artifact_root) {
        const char *scheme;
        int x;

        if (str_empty(location))
                return 0;
        scheme = artifact_uri_scheme(r->arena, location);
        if (!scheme)
                return -ENOMEM;
        if (has_more(location, scheme))
                return refusal_invalid(r, "'artifact_location' URL can't include fragments or "
                                          "params.");
        x = check_query(r, location);
        if (x != 0)
                return x;
        x = source_host_check(r, "artifact_location", location, artifact_root);
        if (x != 0)
                return x;
        if (str_starts(location, "runs:"))
                return refusal_invalid(r, "Artifact location cannot be a runs:/ URI. Given: '%s'",
                                       location);
        if (strlen(location) > LENGTH_MAX)
                return refusal_invalid(
                        r,
                        "Invalid artifact path length. The length of the artifact path cannot be "
                        "greater than %d characters. To configure this limit, please set the "
                        "MLFLOW_ARTIFACT_LOCATION_MAX_LENGTH environment variable.",
                        LENGTH_MAX);
        return 0;
}

/* Does "file://HOST/…" name another host than this one? */
static bool is_elsewhere(const char *location) {
        static const char *const here[] = {"localhost", "127.0.0.1"};
        const char *host = str_after(location, "file://");
        size_t n = host ? strcspn(host, "/?#") : 0;

        if (n == 0 || (n == 1 && *host == '.'))
                return false;
        for (size_t i = 0; i < ARRAY_SIZE(here); i++)
                if (strncasecmp(host, here[i], strlen(here[i])) == 0)
                        return false;
        return true;
}

int experiment_location_resolve(struct refusal *r, const char **location) {
        const char *path;

        if (str_empty(*location) || !artifact_uri_is_local(*location))
                return 0;
        if (is_elsewhere(*location))
                return refusal_invalid(r,
                                       "%s is not a valid remote uri. For remote access on "
                                       "windows, please consider using a different scheme such as "
                                       "SMB (e.g. smb://<hostname>/<path>).",
                                       *location);
        path = artifact_uri_absolute(r->arena, *location);
        if (path)
                *location = path;
        return path ? 0 : -ENOMEM;
}
