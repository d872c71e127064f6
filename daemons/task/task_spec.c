#include "daemons/task/task_spec.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemons/task/task_words.h"
#include "lib/base/entropy.h"
#include "lib/base/fileio.h"
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

static int spec_argv(struct arena *a, const struct json *j, struct task_spec *s,
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
        s->argv = argv;
        return cmd ? MIN(task_words_split(a, cmd, s->envp, &s->plain), 0) : 0;
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
            (r = spec_env(a, j, environ_base, &s.envp, em)) < 0 ||
            (r = spec_argv(a, j, &s, em)) < 0 || (r = json_want_str(j, "cwd", &s.cwd, em)) < 0 ||
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

/* Does `list` set the variable that `entry` sets? */
static bool env_sets(char *const *list, const char *entry) {
        size_t n = strcspn(entry, "=") + 1;

        for (; *list; list++)
                if (strncmp(*list, entry, n) == 0)
                        return true;
        return false;
}

int task_spec_env_over(struct arena *a, struct task_spec *spec, char *const *over) {
        const char *const *old = spec->envp;
        size_t n = str_count(over), n_old = 0;
        const char **envp;

        if (n == 0)
                return 0;
        while (old[n_old])
                n_old++;
        envp = arena_zalloc_array(a, n + n_old + 1, sizeof(*envp));
        if (!envp)
                return -ENOMEM;
        n = 0;
        for (; *old; old++)
                if (!env_sets(over, *old))
                        envp[n++] = *old;
        for (; *over; over++)
                envp[n++] = *over;
        spec->envp = envp;
        return 0;
}

const char *task_spec_env(const struct task_spec *spec, const char *name) {
        const char *const *envp = spec->envp;
        size_t n = strlen(name);

        for (; *envp; envp++)
                if (strncmp(*envp, name, n) == 0 && (*envp)[n] == '=')
                        return *envp + n + 1;
        return NULL;
}

static int find_program(struct arena *a, const struct task_spec *spec, const char *name,
                        const char **ret_path) {
        const char *path = task_spec_env(spec, "PATH"), *dir;
        int error = -ENOENT;
        size_t n;

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
        return error;
}

/* What the kernel starts by itself; a script without its first line is for bash to read. */
static bool is_program(const char *path) {
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        char head[4];

        return fd >= 0 && read(fd, head, sizeof(head)) == sizeof(head) &&
               (memcmp(head, "\177ELF", 4) == 0 || memcmp(head, "#!", 2) == 0);
}

/* The words of a plain command in place of bash; 1: bash has to say why it does not start. */
static int take_plain(struct arena *a, struct task_spec *spec, const char **ret_path) {
        const char **envp, *name = spec->plain[0], *path = name;
        size_t n = str_count((char *const *) spec->envp);
        int r = strchr(name, '/') ? (*name == '/' ? 0 : 1) : find_program(a, spec, name, &path);

        if (r != 0 || !is_program(path))
                return r == -ENOMEM ? r : 1;
        envp = arena_zalloc_array(a, n + 2, sizeof(*envp));
        if (!envp)
                return -ENOMEM;
        memcpy(envp, spec->envp, n * sizeof(*envp));
        if (spec->cwd && !task_spec_env(spec, "PWD")) {
                envp[n] = arena_printf(a, "PWD=%s", spec->cwd);
                if (!envp[n])
                        return -ENOMEM;
        }
        spec->envp = envp;
        spec->argv = spec->plain;
        *ret_path = path;
        return 0;
}

int task_spec_program(struct arena *a, struct task_spec *spec, const char **ret_path,
                      struct errmsg *em) {
        const char *name = spec->argv[0];
        int r = spec->plain ? take_plain(a, spec, ret_path) : 1;

        if (r <= 0)
                return r;
        if (strchr(name, '/')) {
                *ret_path = name;
                return 0;
        }
        r = find_program(a, spec, name, ret_path);
        if (r == -ENOENT || r == -EACCES)
                errmsg_set(em, "the program \"%s\" is %s", name,
                           r == -EACCES ? "there, but not executable" : "not in PATH");
        return r;
}
