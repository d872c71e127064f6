#include "daemons/scheduler/environments.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/auth/auth_digest.h"
#include "lib/base/clock.h"
#include "lib/base/fileio.h"
#include "lib/base/json.h"
#include "lib/base/json_write.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

#define REQUIREMENTS_MAX (1u << 20)
#define STATE_MAX (64u << 10)
#define LOG_MAX (16u << 20)
#define TAIL_LINES 3u
#define USED_FOR USEC_PER_HOUR /* so often at most its use is noted */

/* The text of requirements.txt; *ret NULL where there is none. */
static int read_requirements(const struct dag_environment *e, char **ret, struct errmsg *em) {
        _cleanup_free_ char *path = str_printf("%s/requirements.txt", e->source);
        int r = path ? fileio_read(path, REQUIREMENTS_MAX, ret, NULL) : -ENOMEM;

        if (r == -ENOENT || r == -ENOTDIR)
                return 0;
        return r < 0 ? errmsg_errno(em, r, "image \"%s\": %s", e->image, path ? path : "no memory")
                     : 0;
}

/* Does it ask for anything: a line that is no comment? */
static bool says_something(const char *requirements) {
        const char *p = requirements ? requirements : "", *line;
        size_t n;

        while (str_word(&p, "\n", &line, &n)) {
                n = strspn(line, " \t\r");
                if (line[n] && line[n] != '\n' && line[n] != '#')
                        return true;
        }
        return false;
}

static int make_key(const struct dag_environment *e, const char *requirements,
                    char ret[ENVIRONMENTS_KEY_SIZE]) {
        char python[64] = "", digest[AUTH_DIGEST_SIZE];
        ssize_t n = readlink("/usr/bin/python3", python, sizeof(python) - 1);
        /* of two sources with a path in their requirements each has its own */
        bool has_paths = requirements && (strchr(requirements, '/') || strstr(requirements, "-r"));
        const char *const parts[] = {
                n > 0 ? python : NULL, requirements,
                e->python_version,     e->pip_conf,
                e->build_cmd,          has_paths || e->pip_conf || e->build_cmd ? e->source : NULL};
        int r = auth_digest_parts(parts, ARRAY_SIZE(parts), digest);

        if (r < 0)
                return r;
        memcpy(ret, digest, ENVIRONMENTS_KEY_SIZE - 1);
        ret[ENVIRONMENTS_KEY_SIZE - 1] = 0;
        return 0;
}

static char *place(const char *state_dir, const char *key, const char *suffix) {
        return str_printf("%s/venvs/%s%s", state_dir, key, suffix);
}

/* So that it is not taken for forgotten. */
static void note_use(const char *state_dir, const char *key) {
        _cleanup_free_ char *path = str_printf("%s/venvs/queue/%s.used", state_dir, key);
        usec_t now = clock_now(clock_system());
        struct stat st;

        if (!path || (stat(path, &st) == 0 && now < (usec_t) st.st_mtime * USEC_PER_SEC + USED_FOR))
                return;
        fileio_close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
        (void) utimensat(AT_FDCWD, path, NULL, 0);
}

/* What became of it: ENVIRONMENTS_FAILED, with the reason, if that was after `since`. */
static enum environments_state read_state(const char *state_dir, const char *key, usec_t since,
                                          struct errmsg *message) {
        _cleanup_free_ char *path = place(state_dir, key, ".state"), *text = NULL;
        const char *state = NULL, *why = NULL;
        enum environments_state found = ENVIRONMENTS_WAITS;
        double ended = NAN;
        struct arena a;
        struct json *j;

        if (!path || fileio_read(path, STATE_MAX, &text, NULL) < 0)
                return found;
        arena_init(&a, 0);
        if (json_parse_copy(&a, text, strlen(text), &j, NULL) == 0 &&
            json_want_str(j, "state", &state, NULL) == 0 &&
            json_want_str(j, "message", &why, NULL) == 0 &&
            json_want_f64(j, "ended", &ended, NULL) == 0 && str_eq(state, "failed") &&
            !isnan(ended) && ended * 1e6 >= (double) since) {
                errmsg_set(message, "%s", why ? why : "no reason was given");
                found = ENVIRONMENTS_FAILED;
        }
        arena_done(&a);
        return found;
}

static int enqueue(const char *state_dir, const struct dag_environment *e, const char *requirements,
                   const char *key, struct errmsg *em) {
        _cleanup_free_ char *path = str_printf("%s/venvs/queue/%s.json", state_dir, key);
        _cleanup_buf_ struct buf b = {};
        struct json_write w;
        int r;

        if (!path)
                return errmsg_fail(em, -ENOMEM, "no memory");
        /* written each time it is asked for: whoever was just ending sees it again */
        json_write_init(&w, &b, 0);
        json_write_object(&w);
        json_write_kv_str(&w, "image", e->image);
        json_write_kv_str(&w, "source", e->source);
        json_write_kv_str(&w, "requirements", requirements);
        json_write_kv_str(&w, "python_version", e->python_version);
        json_write_kv_str(&w, "pip_conf", e->pip_conf);
        json_write_kv_str(&w, "build_cmd", e->build_cmd);
        json_write_end(&w);
        r = json_write_finish(&w);
        if (r >= 0)
                r = fileio_mkdir_parents(path, 0755);
        if (r >= 0)
                r = fileio_write_atomic(path, b.data, b.len, 0644);
        return r < 0 ? errmsg_errno(em, r, "cannot ask onebox-build for image \"%s\": %s", e->image,
                                    path)
                     : 0;
}

/* What stands; *ret_requirements (NULL: not wanted) is the caller's. */
static int look(const char *state_dir, const struct dag_environment *e, usec_t since,
                struct environments_found *ret, char **ret_requirements, struct errmsg *em) {
        _cleanup_free_ char *requirements = NULL, *complete = NULL;
        int r;

        *ret = (struct environments_found){.state = ENVIRONMENTS_COMMON};
        r = read_requirements(e, &requirements, em);
        if (r < 0)
                return r;
        if (!says_something(requirements) && !e->python_version && !e->build_cmd)
                return 0;
        r = make_key(e, requirements, ret->key);
        complete = r < 0 ? NULL : place(state_dir, ret->key, "/complete");
        if (!complete)
                return errmsg_fail(em, -ENOMEM, "no memory");
        ret->state = access(complete, F_OK) == 0
                             ? ENVIRONMENTS_READY
                             : read_state(state_dir, ret->key, since, &ret->message);
        if (ret_requirements)
                *ret_requirements = TAKE_PTR(requirements);
        return 0;
}

int environments_ask(const char *state_dir, const struct dag_environment *e, usec_t since,
                     struct environments_found *ret, struct errmsg *em) {
        _cleanup_free_ char *requirements = NULL;
        int r = look(state_dir, e, since, ret, &requirements, em);

        if (r < 0)
                return r;
        if (ret->state == ENVIRONMENTS_READY)
                note_use(state_dir, ret->key);
        return ret->state == ENVIRONMENTS_WAITS ? enqueue(state_dir, e, requirements, ret->key, em)
                                                : 0;
}

/* --- in words ----------------------------------------------------------------------------------
 */

/* The last lines of the build, " | " between them; "" when there are none. */
static const char *last_lines(const char *state_dir, const char *key, struct arena *a) {
        _cleanup_free_ char *path = place(state_dir, key, ".log"), *text = NULL;
        const char *lines[TAIL_LINES], *out = "";
        size_t n = 0, len = 0;

        if (!path || fileio_read(path, LOG_MAX, &text, &len) < 0)
                return "";
        while (n < TAIL_LINES && len > 0) {
                char *line;

                text[len] = 0;
                line = memrchr(text, '\n', len);
                len = line ? (size_t) (line - text) : 0;
                line = str_strip(line ? line : text);
                if (*line)
                        lines[n++] = line;
        }
        while (n-- > 0 && out)
                out = arena_printf(a, "%s%s%.160s", out, *out ? " | " : "", lines[n]);
        return out ? out : "";
}

/* Does onebox-build work on it now? */
static bool is_building(const char *state_dir, const char *key) {
        _cleanup_free_ char *path = place(state_dir, key, ".state"), *text = NULL;

        return path && fileio_read(path, STATE_MAX, &text, NULL) >= 0 &&
               strstr(text, "\"state\": \"building\"");
}

static const char *in_words(const char *state_dir, const struct dag_environment *e,
                            const struct environments_found *found, struct arena *a) {
        const char *last = last_lines(state_dir, found->key, a);

        if (found->state == ENVIRONMENTS_FAILED)
                return arena_printf(a,
                                    "the environment of image \"%s\" cannot be built: %s%s%s; "
                                    "onebox build --log %s says all",
                                    e->image, found->message.text, *last ? "; it ended with: " : "",
                                    last, found->key);
        if (!is_building(state_dir, found->key))
                return arena_printf(a,
                                    "waits for the environment of image \"%s\" (%s), whose build "
                                    "has not begun: is onebox-build.path running, or does it build "
                                    "another one? (onebox build --list)",
                                    e->image, found->key);
        return arena_printf(a,
                            "waits for the environment of image \"%s\", which is being built%s%s; "
                            "onebox build --log %s says all",
                            e->image, *last ? ": " : "", last, found->key);
}

int environments_why(const char *state_dir, const struct dag_environment *e, usec_t since,
                     struct arena *a, const char **ret) {
        struct environments_found found;
        struct errmsg em;
        int r = look(state_dir, e, since, &found, NULL, &em);

        *ret = NULL;
        if (r < 0) {
                *ret = arena_printf(a, "waits for the environment of its image: %s", em.text);
                return *ret ? 0 : -ENOMEM;
        }
        if (found.state == ENVIRONMENTS_COMMON || found.state == ENVIRONMENTS_READY)
                return 0;
        *ret = in_words(state_dir, e, &found, a);
        return *ret ? 0 : -ENOMEM;
}

int environments_write(const char *state_dir, struct json_write *w) {
        _cleanup_free_ char *dir = str_printf("%s/venvs", state_dir);
        _cleanup_(str_free_listp) char **names = NULL;
        int r = dir ? fileio_list(dir, ".state", &names) : -ENOMEM;

        if (r < 0 && r != -ENOENT)
                return r;
        for (char **n = names; n && *n; n++) {
                _cleanup_free_ char *path = str_printf("%s/%s", dir, *n), *text = NULL;
                struct arena a;
                struct json *j;

                if (!path || fileio_read(path, STATE_MAX, &text, NULL) < 0)
                        continue;
                arena_init(&a, 0);
                if (json_parse_copy(&a, text, strlen(text), &j, NULL) == 0)
                        json_write_node(w, j);
                arena_done(&a);
        }
        return 0;
}
