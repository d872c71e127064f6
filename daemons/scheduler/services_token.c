#include "daemons/scheduler/services_token.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "daemons/scheduler/scheduler.h"
#include "lib/auth/auth_token.h"
#include "lib/base/buf.h"
#include "lib/base/fileio.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

#define TOKEN_FOR (366 * USEC_PER_DAY)
#define RENEW_AFTER (7 * USEC_PER_DAY)
#define SERVICE ".json"
#define TOKEN ".token"

static int sign(struct scheduler *s, const char *name, usec_t now_at, struct buf *out) {
        const struct auth_token_claims claims = {
                .is_task = true,
                .user = "onebox-serving",
                .role = AUTH_VIEWER,
                .issued_at = now_at,
                .expires_at = now_at + TOKEN_FOR,
                .dag_id = "service",
                .run_id = name,
                .task_id = name,
                .try_id = name,
                .try_number = 1,
        };

        return auth_token_sign(s->token_key, &claims, out);
}

static bool is_fresh(const char *path, usec_t now_at) {
        struct stat st;

        return stat(path, &st) == 0 && st.st_size > 0 &&
               (usec_t) st.st_mtim.tv_sec * USEC_PER_SEC + RENEW_AFTER > now_at;
}

static int renew(struct scheduler *s, const char *dir, const char *name) {
        _cleanup_free_ char *path = str_printf("%s/%s" TOKEN, dir, name);
        _cleanup_buf_ struct buf token = {};
        usec_t now_at = clock_now(s->clock);
        int r;

        if (!path)
                return -ENOMEM;
        if (is_fresh(path, now_at))
                return 0;
        r = sign(s, name, now_at, &token);
        return r < 0 ? r : fileio_write_durable(path, token.data, token.len, 0640);
}

/* The name of a file with this ending, on the heap. */
static char *name_of(const char *file, const char *ending) {
        return mem_strndup(file, strlen(file) - strlen(ending));
}

static void drop_orphans(const char *dir) {
        _cleanup_(str_free_listp) char **files = NULL;

        if (fileio_list(dir, TOKEN, &files) < 0)
                return;
        for (char **f = files; *f; f++) {
                _cleanup_free_ char *name = name_of(*f, TOKEN);
                _cleanup_free_ char *service = name ? str_printf("%s/%s" SERVICE, dir, name) : NULL;
                _cleanup_free_ char *path = str_printf("%s/%s", dir, *f);
                struct stat st;

                if (service && path && stat(service, &st) < 0 && errno == ENOENT)
                        fileio_unlink(path);
        }
}

void services_token_prepare(struct scheduler *s, const char *name) {
        _cleanup_free_ char *dir = paths_state(s->paths, "services");
        int r = !s->token_key ? 0 : !dir ? -ENOMEM : fileio_mkdir_p(dir, 0755);

        if (r >= 0 && s->token_key)
                r = renew(s, dir, name);
        if (r < 0)
                log_errno(r, "the token of service %s cannot be written", name);
}

void services_token_sync(struct scheduler *s) {
        _cleanup_free_ char *dir = paths_state(s->paths, "services");
        _cleanup_(str_free_listp) char **files = NULL;

        if (!s->token_key || !dir || fileio_list(dir, SERVICE, &files) < 0)
                return;
        for (char **f = files; *f; f++) {
                _cleanup_free_ char *name = name_of(*f, SERVICE);
                int r = name ? renew(s, dir, name) : -ENOMEM;

                if (r < 0)
                        log_errno(r, "the token of service %s cannot be written", *f);
        }
        drop_orphans(dir);
}
