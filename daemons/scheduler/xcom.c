#include "daemons/scheduler/xcom.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemons/scheduler/scheduler.h"
#include "lib/base/arena.h"
#include "lib/base/fileio.h"
#include "lib/base/json_write.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/base/utf8.h"

#define KEYS_MAX 1000u
#define READ_MAX (SIZE_MAX / 4)

static int dir_of(const struct scheduler *s, int64_t dag_run, char ret[PATH_MAX]) {
        int n = snprintf(ret, PATH_MAX, "%s/scheduler/xcom/%lld", s->paths->state_dir,
                         (long long) dag_run);

        return n < 0 || n >= PATH_MAX ? -ENAMETOOLONG : 0;
}

static int path_of(const struct scheduler *s, int64_t dag_run, const char *file,
                   char ret[PATH_MAX]) {
        int r = dir_of(s, dag_run, ret);
        size_t n = r < 0 ? 0 : strlen(ret);

        if (r < 0)
                return r;
        return (size_t) snprintf(ret + n, PATH_MAX - n, "/%s", file) >= PATH_MAX - n ? -ENAMETOOLONG
                                                                                     : 0;
}

/* --- writing ------------------------------------------------------------------------------------
 */

static int spill(struct scheduler *s, const struct xcoms_sql_key *k, const char *json,
                 size_t n_bytes, usec_t now) {
        char id[ENTROPY_UUID_SIZE], path[PATH_MAX];
        int r = dir_of(s, k->dag_run, path);

        if (r >= 0)
                r = fileio_mkdir_p(path, 0750);
        if (r >= 0)
                r = entropy_uuid7(s->entropy, now, id);
        if (r >= 0)
                r = path_of(s, k->dag_run, id, path);
        if (r >= 0)
                r = fileio_write_durable(path, json, n_bytes, 0640);
        return r < 0 ? r : xcoms_sql_put(s->db, k, NULL, n_bytes, id, now);
}

int xcom_put(struct scheduler *s, const struct xcoms_sql_key *k, const char *json, size_t n_bytes,
             struct errmsg *em) {
        usec_t now = clock_now(s->clock);
        int r;

        if (str_empty(k->key) || strlen(k->key) > XCOMS_SQL_KEY_MAX)
                return errmsg_fail(em, -EINVAL, "an XCom's key has 1 to %u bytes",
                                   XCOMS_SQL_KEY_MAX);
        if (n_bytes > s->conf->xcom_limit)
                return errmsg_fail(em, -EINVAL,
                                   "XCom \"%.100s\" has %zu bytes, more than xcom_limit (%llu) of "
                                   "[scheduler]: write a file or an object and leave its address",
                                   k->key, n_bytes, (unsigned long long) s->conf->xcom_limit);
        r = n_bytes > s->conf->xcom_spill_threshold
                    ? spill(s, k, json, n_bytes, now)
                    : xcoms_sql_put(s->db, k, json, n_bytes, NULL, now);
        return MIN(r, 0);
}

/* A text as JSON: an array or object as it is, and all of a .json file; else a string. */
static int to_json(struct arena *a, const char *text, size_t len, bool is_json, struct buf *out) {
        struct json_write w;
        struct json *j;

        json_write_init(&w, out, 0);
        if ((is_json || (len > 0 && (*text == '[' || *text == '{'))) &&
            json_parse_copy(a, text, len, &j, NULL) >= 0)
                json_write_node(&w, j);
        else
                json_write_strn(&w, text, len);
        return json_write_finish(&w);
}

/* One file KEY or KEY.json of the try's xcom directory. */
static int take_file(struct scheduler *s, int dir_fd, const char *name, struct xcoms_sql_key *k,
                     struct errmsg *em) {
        _cleanup_close_ int fd =
                openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        _cleanup_buf_ struct buf json = {};
        _cleanup_free_ char *text = NULL;
        bool is_json = str_ends(name, ".json");
        char key[NAME_MAX + 1];
        struct arena a;
        struct stat st;
        size_t len;
        int r;

        if (!utf8_valid(name, strlen(name)))
                return errmsg_fail(em, -EINVAL, "an XCom's name is not UTF-8");
        if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
                return errmsg_fail(em, -EINVAL, "XCom \"%.100s\" cannot be read: %s", name,
                                   fd < 0 ? strerror(errno) : "not a plain file");
        str_copy(key, sizeof(key), name);
        if (is_json)
                key[strlen(key) - STRLEN(".json")] = 0;
        k->key = key;
        if ((uint64_t) st.st_size > s->conf->xcom_limit)
                return xcom_put(s, k, "", (size_t) st.st_size, em);
        r = fileio_read_fd(fd, READ_MAX, &text, &len);
        if (r < 0 && r != -ENOMEM)
                return errmsg_fail(em, -EINVAL, "XCom \"%.100s\" cannot be read: %s", name,
                                   errmsg_strerror(r));
        if (r < 0)
                return r;
        while (!is_json && len > 0 && text[len - 1] == '\n')
                len--; /* echo ends with one */
        arena_init(&a, 0);
        r = to_json(&a, text, len, is_json, &json);
        arena_done(&a);
        return r < 0 ? r : xcom_put(s, k, json.data, json.len, em);
}

int xcom_take(struct scheduler *s, const struct world_task *t, const char *try_id,
              struct errmsg *em) {
        struct xcoms_sql_key k = {scheduler_run_row(t->run), t->spec->id, t->map_index, NULL};
        _cleanup_(str_free_listp) char **names = NULL;
        _cleanup_close_ int dir_fd = -1;
        char path[PATH_MAX];
        size_t n = 0;
        int r = 0;

        if ((size_t) snprintf(path, sizeof(path), "%s/%s/xcom", s->tasks_dir, try_id) >=
            sizeof(path))
                return -ENAMETOOLONG;
        dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (dir_fd < 0)
                return errno == ENOENT ? 0
                                       : errmsg_fail(em, -EINVAL, "its XComs cannot be read: %s",
                                                     strerror(errno));
        r = fileio_list(path, NULL, &names);
        for (char **name = names; r >= 0 && name && *name; name++) {
                if (++n > KEYS_MAX)
                        return errmsg_fail(em, -EINVAL, "more than %u XComs", KEYS_MAX);
                r = take_file(s, dir_fd, *name, &k, em);
        }
        return r;
}

/* --- reading ------------------------------------------------------------------------------------
 */

static int read_file(struct scheduler *s, int64_t dag_run, const char *file, struct arena *a,
                     const char **ret) {
        _cleanup_free_ char *text = NULL;
        char path[PATH_MAX];
        size_t len;
        int r = path_of(s, dag_run, file, path);

        if (r >= 0)
                r = fileio_read(path, READ_MAX, &text, &len);
        if (r < 0)
                return r == -ENOENT ? 1 : r;
        *ret = arena_strndup(a, text, len);
        return *ret ? 0 : -ENOMEM;
}

int xcom_load(struct scheduler *s, struct db *db, const struct xcoms_sql_key *k, struct arena *a,
              const char **ret_json) {
        const char *value, *file;
        int r = xcoms_sql_get(db, k, a, &value, &file);

        if (r != 0)
                return r;
        if (file)
                return read_file(s, k->dag_run, file, a, ret_json);
        *ret_json = value;
        return 0;
}

struct gathering {
        struct scheduler *s;
        int64_t dag_run;
        struct arena *a;
        struct buf text;
};

static int gather_one(void *ctx, const char *value, const char *file) {
        struct gathering *g = ctx;
        int r = file ? read_file(g->s, g->dag_run, file, g->a, &value) : 0;

        if (r != 0)
                return MIN(r, 0);
        return buf_printf(&g->text, "%s%s", g->text.len > 1 ? "," : "", value);
}

static int gather_all(struct scheduler *s, const struct xcoms_sql_key *k, struct arena *a,
                      const char **ret) {
        struct gathering g = {.s = s, .dag_run = k->dag_run, .a = a};
        int r = buf_add_str(&g.text, "[");

        if (r >= 0)
                r = xcoms_sql_all(s->db, k, gather_one, &g);
        if (r >= 0)
                r = buf_add_str(&g.text, "]");
        if (r >= 0)
                r = (*ret = arena_strdup(a, buf_cstr(&g.text))) ? 0 : -ENOMEM;
        buf_done(&g.text);
        return r;
}

int xcom_of_task(struct scheduler *s, const struct world_run *run, const char *task_id,
                 const char *key, struct arena *a, struct json **ret, struct errmsg *em) {
        struct xcoms_sql_key k = {scheduler_run_row(run), task_id, -1, key};
        const struct world_task *t = world_get_task(run, task_id, -1);
        struct errmsg why = {};
        const char *text;
        int r;

        *ret = NULL;
        r = t && t->is_expanded ? gather_all(s, &k, a, &text) : xcom_load(s, s->db, &k, a, &text);
        if (r != 0)
                return MIN(r, 0);
        r = json_parse_copy(a, text, strlen(text), ret, &why);
        return r == -EINVAL ? errmsg_fail(em, r, "XCom \"%s\" of task \"%s\" cannot be read: %s",
                                          key, task_id, why.text)
                            : r;
}

int xcom_expand_values(struct scheduler *s, const struct world_task *t, struct arena *a,
                       const struct json *const **ret, struct errmsg *em) {
        const struct dag_task *spec = t->spec;
        const struct json **values = arena_zalloc_array(a, spec->n_expand + 1, sizeof(*values));
        int r = 0;

        if (!values)
                return -ENOMEM;
        for (size_t i = 0; i < spec->n_expand && r >= 0; i++) {
                struct json *j = NULL;

                if (!spec->expand[i].values)
                        r = xcom_of_task(s, t->run, spec->expand[i].task_id, spec->expand[i].key, a,
                                         &j, em);
                values[i] = j ? j : spec->expand[i].values;
        }
        *ret = values;
        return r;
}

void xcom_forget_run(struct scheduler *s, int64_t dag_run) {
        char path[PATH_MAX];
        int r = dir_of(s, dag_run, path);

        if (r >= 0)
                r = fileio_rm_rf(path);
        if (r < 0 && r != -ENOENT)
                log_errno(r, "the XCom files of a deleted run cannot be removed");
}
