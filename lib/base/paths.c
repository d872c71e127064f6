/* paths: see paths.h. */
#include "lib/base/paths.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/mem.h"
#include "lib/base/str.h"

/* Absolute, without trailing slashes. */
static int set_path(char **ret, const char *given, const char *variable, const char *fallback,
                    struct errmsg *em) {
        const char *s = given ? given : getenv(variable);
        _cleanup_free_ char *cwd = NULL, *path = NULL;

        if (!given && str_empty(s))
                s = fallback;
        if (str_empty(s))
                return errmsg_fail(em, -EINVAL, "an empty path was given");
        if (*s == '/') {
                path = mem_strdup(s);
        } else {
                cwd = getcwd(NULL, 0);
                if (!cwd)
                        return errmsg_errno(em, -errno, "%s: where are we?", s);
                path = str_printf("%s/%s", cwd, s);
        }
        if (!path)
                return -ENOMEM;
        for (size_t n = strlen(path); n > 1 && path[n - 1] == '/'; n--)
                path[n - 1] = 0;
        *ret = TAKE_PTR(path);
        return 0;
}

int paths_init(struct paths *p, const char *state_dir, const char *runtime_dir, const char *config,
               struct errmsg *em) {
        struct paths q = {};
        int r;

        r = set_path(&q.state_dir, state_dir, "ONEBOX_STATE_DIR", "/var/lib/onebox", em);
        if (r >= 0)
                r = set_path(&q.runtime_dir, runtime_dir, "ONEBOX_RUNTIME_DIR", "/run/onebox", em);
        if (r >= 0)
                r = set_path(&q.config, config, "ONEBOX_CONFIG", "/etc/onebox/onebox.conf", em);
        if (r >= 0)
                r = set_path(&q.libexec_dir, NULL, "ONEBOX_LIBEXEC_DIR", ONEBOX_LIBEXECDIR, em);
        if (r >= 0)
                r = set_path(&q.data_dir, NULL, "ONEBOX_DATA_DIR", ONEBOX_DATADIR, em);
        if (r < 0) {
                paths_done(&q);
                return r;
        }
        *p = q;
        return 0;
}

void paths_done(struct paths *p) {
        mem_free(p->state_dir);
        mem_free(p->runtime_dir);
        mem_free(p->config);
        mem_free(p->libexec_dir);
        mem_free(p->data_dir);
        *p = (struct paths){};
}

static char *below(const char *dir, const char *fmt, va_list ap) _printf_(2, 0);
static char *below(const char *dir, const char *fmt, va_list ap) {
        _cleanup_free_ char *rest = str_vprintf(fmt, ap);

        return rest ? str_printf("%s/%s", dir, rest) : NULL;
}

char *paths_state(const struct paths *p, const char *fmt, ...) {
        va_list ap;
        char *s;

        va_start(ap, fmt);
        s = below(p->state_dir, fmt, ap);
        va_end(ap);
        return s;
}

char *paths_runtime(const struct paths *p, const char *fmt, ...) {
        va_list ap;
        char *s;

        va_start(ap, fmt);
        s = below(p->runtime_dir, fmt, ap);
        va_end(ap);
        return s;
}

int paths_daemon(const struct paths *p, const char *name, char **ret_path, struct errmsg *em) {
        _cleanup_free_ char *installed = str_printf("%s/onebox-%s", p->libexec_dir, name);
        _cleanup_free_ char *built =
                str_printf("%s/daemons/%s/onebox-%s", p->libexec_dir, name, name);

        if (!installed || !built)
                return -ENOMEM;
        if (access(installed, X_OK) == 0)
                *ret_path = TAKE_PTR(installed);
        else if (access(built, X_OK) == 0)
                *ret_path = TAKE_PTR(built);
        else
                return errmsg_fail(em, -ENOENT,
                                   "%s: no such program: install onebox, or set "
                                   "ONEBOX_LIBEXEC_DIR to where onebox-%s is",
                                   installed, name);
        return 0;
}

bool paths_is_safe_relative(const char *path) {
        if (str_empty(path))
                return false;
        for (;;) {
                size_t n = strcspn(path, "/\\");

                if (n == 0 || path[n] == '\\')
                        return false;
                if (path[0] == '.' && (n == 1 || (n == 2 && path[1] == '.')))
                        return false;
                if (path[n] == 0)
                        return true;
                path += n + 1;
        }
}
