#include "daemons/task/task_spec.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/entropy.h"
#include "lib/base/json.h"
#include "lib/base/str.h"

static int spec_seconds(const struct json *j, const char *key, usec_t *ret_for, struct errmsg *em) {
        double s = NAN;
        int r = json_want_f64(j, key, &s, em);

        if (r < 0)
                return r;
        if (isnan(s))
                return 0;
        if (!(s >= 0 && s <= 1e9))
                return errmsg_fail(em, -EINVAL, "\"%s\" must be seconds from 0 to 1e9", key);
        *ret_for = (usec_t) llround(s * 1e6);
        return 0;
}

static int spec_argv(struct arena *a, const struct json *j, const char *const **ret,
                     struct errmsg *em) {
        const struct json *list = NULL, *item;
        const char *cmd = NULL, **argv;
        size_t n = 0;
        int r;

        r = json_want_str(j, "cmd", &cmd, em);
        if (r < 0)
                return r;
        r = json_want(j, "argv", JSON_ARRAY, &list, em);
        if (r < 0)
                return r;
        if (!cmd == !list)
                return errmsg_fail(em, -EINVAL,
                                   "exactly one of \"cmd\" and \"argv\" must be given");
        argv = arena_zalloc_array(a, cmd ? 4 : list->len + 1, sizeof(*argv));
        if (!argv)
                return -ENOMEM;
        if (cmd) {
                argv[0] = "/bin/bash";
                argv[1] = "-c";
                argv[2] = cmd;
        }
        json_each (item, list)
                if (json_str(item, &argv[n++]) != 0)
                        return errmsg_fail(em, -EINVAL, "\"argv\" must hold strings only");
        if (!argv[0] || !argv[0][0])
                return errmsg_fail(em, -EINVAL, "\"argv\" names no program");
        *ret = argv;
        return 0;
}

/* Whether `entry` sets a variable that the object `over` sets too. */
static bool env_is_over(const struct json *over, const char *entry) {
        size_t n = strcspn(entry, "=");
        const struct json *item;

        json_each (item, over)
                if (item->key_len == n && memcmp(item->key, entry, n) == 0)
                        return true;
        return false;
}

static int spec_env(struct arena *a, const struct json *j, char *const *base,
                    const char *const **ret, struct errmsg *em) {
        const struct json *env = NULL, *item;
        const char **envp;
        size_t n = 0;
        int r;

        r = json_want(j, "env", JSON_OBJECT, &env, em);
        if (r < 0)
                return r;
        envp = arena_zalloc_array(a, str_count(base) + (env ? env->len : 0) + 1, sizeof(*envp));
        if (!envp)
                return -ENOMEM;
        for (char *const *e = base; e && *e; e++)
                if (!env_is_over(env, *e))
                        envp[n++] = *e;
        json_each (item, env) {
                const char *value;

                if (json_str(item, &value) != 0 || !item->key[0] || strchr(item->key, '='))
                        return errmsg_fail(em, -EINVAL,
                                           "\"env\": \"%s\" must be a name and a string",
                                           item->key);
                envp[n] = arena_printf(a, "%s=%s", item->key, value);
                if (!envp[n++])
                        return -ENOMEM;
        }
        *ret = envp;
        return 0;
}

/* What becomes of the output. */
static int spec_log(const struct json *j, struct task_spec *s, struct errmsg *em) {
        int64_t limit = (int64_t) TASK_SPEC_LOG_LIMIT;
        int r = json_want_i64(j, "log_limit", &limit, em);

        if (r < 0)
                return r;
        if (limit < 0)
                return errmsg_fail(em, -EINVAL, "\"log_limit\" must not be negative");
        s->log_limit = (uint64_t) limit;
        return json_want_bool(j, "xcom", &s->xcom, em);
}

int task_spec_parse(struct arena *a, char *text, size_t len, char *const *environ_base,
                    struct task_spec *ret, struct errmsg *em) {
        struct task_spec s = {.grace_for = TASK_SPEC_GRACE_FOR, .log_limit = TASK_SPEC_LOG_LIMIT};
        int64_t version = 0;
        struct json *j;
        int r;

        r = json_parse(a, text, len, &j, em);
        if (r >= 0)
                r = json_need_i64(j, "version", &version, em);
        if (r < 0)
                return r;
        if (version != 1)
                return errmsg_fail(em, -EINVAL,
                                   "\"version\" is %lld: this onebox-task knows 1 only",
                                   (long long) version);
        if ((r = json_need_str(j, "try_id", &s.try_id, em)) < 0 ||
            (r = spec_argv(a, j, &s.argv, em)) < 0 ||
            (r = spec_env(a, j, environ_base, &s.envp, em)) < 0 ||
            (r = json_want_str(j, "cwd", &s.cwd, em)) < 0 ||
            (r = spec_seconds(j, "timeout_s", &s.timeout_for, em)) < 0 ||
            (r = spec_seconds(j, "grace_s", &s.grace_for, em)) < 0 || (r = spec_log(j, &s, em)) < 0)
                return r;
        if (!entropy_is_uuid(s.try_id))
                return errmsg_fail(em, -EINVAL, "\"try_id\" is not a UUID");
        if (s.cwd && s.cwd[0] != '/')
                return errmsg_fail(em, -EINVAL, "\"cwd\" must be absolute, not \"%s\"", s.cwd);
        *ret = s;
        return 0;
}

static const char *env_get(const char *const *envp, const char *name) {
        size_t n = strlen(name);

        for (; *envp; envp++)
                if (strncmp(*envp, name, n) == 0 && (*envp)[n] == '=')
                        return *envp + n + 1;
        return NULL;
}

int task_spec_program(struct arena *a, const struct task_spec *spec, const char **ret_path,
                      struct errmsg *em) {
        const char *name = spec->argv[0], *path = env_get(spec->envp, "PATH"), *dir;
        int error = -ENOENT;
        size_t n;

        if (strchr(name, '/')) {
                *ret_path = name;
                return 0;
        }
        if (str_empty(path))
                path = "/usr/local/bin:/usr/bin:/bin";
        while (str_word(&path, ":", &dir, &n)) {
                char *file = arena_printf(a, "%.*s/%s", (int) n, dir, name);
                struct stat st;

                if (!file)
                        return -ENOMEM;
                if (stat(file, &st) < 0 || !S_ISREG(st.st_mode))
                        continue;
                if (access(file, X_OK) == 0) {
                        *ret_path = file;
                        return 0;
                }
                error = -EACCES;
        }
        return errmsg_fail(em, error, "the program \"%s\" is %s", name,
                           error == -EACCES ? "there, but not executable" : "not in PATH");
}
