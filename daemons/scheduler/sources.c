#include "daemons/scheduler/sources.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemons/scheduler/dags_sql.h"
#include "daemons/scheduler/engine.h"
#include "daemons/scheduler/feed.h"
#include "daemons/scheduler/import_errors_sql.h"
#include "daemons/scheduler/pipelines.h"
#include "daemons/scheduler/pipelines_digest.h"
#include "daemons/scheduler/restore.h"
#include "daemons/scheduler/scheduler.h"
#include "daemons/scheduler/services_dir.h"
#include "daemons/scheduler/services_token.h"
#include "daemons/scheduler/sources_git.h"
#include "daemons/scheduler/sources_mount.h"
#include "lib/base/arena.h"
#include "lib/base/fileio.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/net/loop.h"

#define DEBOUNCE_FOR (200 * USEC_PER_MSEC)
#define AGAIN_FOR (2 * USEC_PER_SEC)
enum { DEPTH_MAX = 16, ERRORS_MAX = 1000, MOUNTINFO_MAX = 1 << 20 };

/* All that one reading of all directories gave. */
struct sources_read {
        struct engine_job job;
        struct pipelines *sets;
        struct sources_mount_set **lent; /* the same: whose sets[i] is; NULL: our own */
        size_t n_sets;
        uint64_t digest;    /* of the texts of all of them */
        const char *unread; /* a directory that is still being read for the first time */
        struct import_errors_sql_row *errors; /* texts live in the sets and the arena */
        size_t n_errors, n_errors_allocated;
        bool is_partial; /* a directory could not be read: again soon */
        struct arena arena;
};

struct sources {
        struct scheduler *s;
        char **dirs;
        struct sources_mount **mounts; /* as dirs: of those on a bucket's mount, else NULL */
        char *venvs_dir;
        char *git_dir, *git_link; /* where onebox-gitsync works, and what it has laid out */
        char *python, *env_file;
        char **warnings;
        struct loop_source *debounce, *look;
        struct loop_source *watches[SOURCES_WATCHES];
        size_t n_watches;
        size_t n_errors;    /* of the last reading */
        bool watches_venvs; /* which are not there at first */
        bool reading;       /* a job is under way */
        bool again;         /* something changed meanwhile */
        uint64_t digest;    /* of the texts that were read last */
        bool is_settled;    /* they are in the world, all of them, and no service is among them */
};

/* --- the job ------------------------------------------------------------------------------------
 */

static int add_error(struct sources_read *read, const char *file, const char *text) {
        int r;

        if (read->n_errors >= ERRORS_MAX)
                return 0;
        r = mem_grow((void **) &read->errors, &read->n_errors_allocated, read->n_errors + 1,
                     sizeof(*read->errors));
        if (r < 0)
                return r;
        read->errors[read->n_errors++] =
                (struct import_errors_sql_row){.filename = file, .message = text};
        return 0;
}

static bool is_in(const char *file, const char *dir) {
        const char *rest = str_after(file, dir);

        return rest && (*rest == 0 || *rest == '/');
}

/* Could the file, or a directory above it, not be read? */
static bool file_has_error(const struct sources_read *read, const char *file) {
        for (size_t i = 0; i < read->n_errors; i++)
                if (is_in(file, read->errors[i].filename))
                        return true;
        return read->unread && is_in(file, read->unread);
}

static bool is_same(struct scheduler *s, const struct world_dag *wd, const char *json,
                    struct arena *a) {
        const char *body;

        return wd &&
               dags_sql_version_get(s->db, wd->spec->id, scheduler_dag_version(wd), a, &body) ==
                       0 &&
               str_eq(body, json);
}

/* One DAG as its file has it now. */
static int put_dag(struct scheduler *s, struct sources_read *read, const struct pipelines_dag *d) {
        struct world_dag *wd = world_get_dag(&s->world, d->dag_id);
        bool same = is_same(s, wd, d->json, &read->arena), is_new = !wd;
        int64_t version = same ? scheduler_dag_version(wd) : 0;
        usec_t now = clock_now(s->clock);
        struct errmsg em;
        int r;

        if (same && !wd->gone)
                return 0;
        if (!same) {
                /* asked of the database: the world leaves out a version it cannot read */
                r = dags_sql_version_latest(s->db, d->dag_id, &version);
                if (r < 0)
                        return r;
                version++;
        }
        r = restore_put_dag(s, d->json, version, &wd, &em);
        if (r == -EINVAL) {
                const char *text =
                        arena_printf(&read->arena, "%s:%u: %s", d->file, d->line, em.text);

                return text ? add_error(read, d->file, text) : -ENOMEM;
        }
        if (r < 0)
                return r;
        if (is_new)
                world_set_paused(wd, wd->spec->paused_at_creation);
        wd->gone = false;
        if (!same)
                wd->version_at = now;
        log_info("DAG \"%s\": version %lld from %s", d->dag_id, (long long) version, d->file);
        r = dags_sql_put(s->db, d->dag_id, version, same ? NULL : d->json, wd->paused, now);
        return r < 0 ? r : feed_add_dag(s, d->dag_id, wd->paused, now);
}

static const struct pipelines_dag *find_dag(const struct sources_read *read, const char *dag_id,
                                            size_t *ret_set) {
        for (size_t i = 0; i < read->n_sets; i++)
                for (size_t j = 0; j < read->sets[i].n_dags; j++)
                        if (str_eq(read->sets[i].dags[j].dag_id, dag_id)) {
                                *ret_set = i;
                                return &read->sets[i].dags[j];
                        }
        return NULL;
}

static int put_dags(struct scheduler *s, struct sources_read *read) {
        for (size_t i = 0; i < read->n_sets; i++)
                for (size_t j = 0; j < read->sets[i].n_dags; j++) {
                        const struct pipelines_dag *d = &read->sets[i].dags[j], *first;
                        const char *text;
                        size_t set;
                        int r;

                        first = find_dag(read, d->dag_id, &set);
                        if (set == i) {
                                r = put_dag(s, read, d);
                        } else {
                                text = arena_printf(&read->arena,
                                                    "%s:%u: pipeline \"%s\" stands in %s already",
                                                    d->file, d->line, d->dag_id, first->file);
                                r = text ? add_error(read, d->file, text) : -ENOMEM;
                        }
                        if (r < 0)
                                return r;
                }
        return 0;
}

static int drop_gone(struct scheduler *s, const struct sources_read *read) {
        struct world_dag *wd;
        size_t set;
        int r;

        TAILQ_FOREACH(wd, &s->world.dags, in_world) {
                if (wd->gone || find_dag(read, wd->spec->id, &set) ||
                    (wd->spec->source_file && file_has_error(read, wd->spec->source_file)))
                        continue;
                wd->gone = true;
                log_info("DAG \"%s\" is gone: no file has it any more", wd->spec->id);
                r = dags_sql_set_gone(s->db, wd->spec->id);
                if (r >= 0)
                        r = feed_add_dag(s, wd->spec->id, wd->paused, clock_now(s->clock));
                if (r < 0)
                        return r;
        }
        return 0;
}

static int run_read(struct scheduler *s, struct engine_job *job) {
        struct sources_read *read = container_of(job, struct sources_read, job);
        int r;

        r = put_dags(s, read);
        if (r >= 0)
                r = drop_gone(s, read);
        if (r >= 0)
                r = import_errors_sql_replace(s->db, read->errors, read->n_errors,
                                              clock_now(s->clock));
        return r;
}

static void read_free(struct sources_read *read) {
        for (size_t i = 0; i < read->n_sets; i++)
                if (read->lent[i])
                        sources_mount_set_unref(read->lent[i]);
                else
                        pipelines_done(&read->sets[i]);
        mem_free(read->sets);
        mem_free(read->lent);
        mem_free(read->errors);
        arena_done(&read->arena);
        mem_free(read);
}

static void take_warnings(struct sources *x, const struct sources_read *read) {
        str_free_list(x->warnings);
        x->warnings = NULL;
        for (size_t i = 0; i < read->n_sets; i++)
                for (size_t j = 0; j < read->sets[i].n_messages; j++)
                        if (read->sets[i].messages[j].is_warning &&
                            str_list_add(&x->warnings, read->sets[i].messages[j].text) < 0)
                                return;
}

/* A service is started as soon as its file is seen, and reads its token then. */
static void prepare_tokens(struct scheduler *s, const struct sources_read *read) {
        for (size_t i = 0; i < read->n_sets; i++)
                for (size_t j = 0; j < read->sets[i].n_services; j++)
                        services_token_prepare(s, read->sets[i].services[j].name);
}

static size_t count_services(const struct sources_read *read) {
        size_t n = 0;

        for (size_t i = 0; i < read->n_sets; i++)
                n += read->sets[i].n_services;
        return n;
}

static void watch_venvs(struct sources *x);

static void done_read(struct scheduler *s, struct engine_job *job, int r) {
        struct sources_read *read = container_of(job, struct sources_read, job);
        struct sources *x = s->sources;

        x->reading = false;
        if (r >= 0) {
                take_warnings(x, read);
                for (size_t i = 0; i < read->n_errors; i++)
                        log_warning("%s", read->errors[i].message);
                prepare_tokens(s, read);
                services_dir_sync(s->paths->state_dir, read->sets, read->n_sets, read->n_errors > 0,
                                  &x->warnings);
                services_token_sync(s);
        } else if (r != -ECANCELED) {
                x->again = true;
        }
        if (x->again && r != -ECANCELED)
                loop_source_arm_in(x->debounce, r < 0 ? AGAIN_FOR : DEBOUNCE_FOR);
        else if ((read->is_partial || read->n_errors != x->n_errors) && r != -ECANCELED)
                loop_source_arm_in(x->debounce, AGAIN_FOR); /* it may have been the moment */
        x->n_errors = read->n_errors;
        x->digest = read->digest;
        x->is_settled = r >= 0 && !x->again && !read->is_partial && read->n_errors == 0 &&
                        count_services(read) == 0;
        read_free(read);
}

/* --- watching -----------------------------------------------------------------------------------
 */

static int on_change(struct loop_source *source, const struct inotify_event *e, void *ctx) {
        struct sources *x = ctx;

        loop_source_arm_in(x->debounce, DEBOUNCE_FOR);
        return 0;
}

static void closedirp(DIR **d) {
        if (*d)
                closedir(*d);
}

static void watch_tree(struct sources *x, const char *dir, int depth) {
        _cleanup_(closedirp) DIR *d = NULL;
        struct dirent *e;

        if (depth > DEPTH_MAX || x->n_watches == SOURCES_WATCHES)
                return;
        if (loop_inotify(x->s->loop, dir,
                         IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_MOVE_SELF |
                                 IN_DELETE_SELF | IN_CREATE | IN_ONLYDIR | IN_ATTRIB,
                         on_change, x, &x->watches[x->n_watches]) < 0)
                return;
        x->n_watches++;
        d = opendir(dir);
        while (d && (e = readdir(d))) {
                char path[PATH_MAX];

                if (e->d_name[0] == '.' || (e->d_type != DT_DIR && e->d_type != DT_UNKNOWN))
                        continue;
                if ((size_t) snprintf(path, sizeof(path), "%s/%s", dir, e->d_name) < sizeof(path))
                        watch_tree(x, path, depth + 1);
        }
}

/* A service may wait for an environment: KEY.state takes its place when it is done. */
static void watch_venvs(struct sources *x) {
        if (x->watches_venvs || x->n_watches == SOURCES_WATCHES ||
            loop_inotify(x->s->loop, x->venvs_dir, IN_MOVED_TO | IN_ONLYDIR, on_change, x,
                         &x->watches[x->n_watches]) < 0)
                return;
        x->n_watches++;
        x->watches_venvs = true;
}

static void watch_again(struct sources *x) {
        for (size_t i = 0; i < x->n_watches; i++)
                loop_source_free(x->watches[i]);
        x->n_watches = 0;
        for (size_t i = 0; x->dirs[i]; i++)
                if (!x->mounts[i])
                        watch_tree(x, x->dirs[i], 0);
        /* Fetched commits never change: another one is another link. */
        if (x->n_watches < SOURCES_WATCHES &&
            loop_inotify(x->s->loop, x->git_dir, IN_MOVED_TO | IN_ONLYDIR, on_change, x,
                         &x->watches[x->n_watches]) >= 0)
                x->n_watches++;
        x->watches_venvs = false;
        watch_venvs(x);
}

/* --- reading ------------------------------------------------------------------------------------
 */

static int add_messages(struct sources_read *read, const struct pipelines *set) {
        for (size_t i = 0; i < set->n_messages; i++)
                if (!set->messages[i].is_warning &&
                    add_error(read, set->messages[i].file, set->messages[i].text) < 0)
                        return -ENOMEM;
        return 0;
}

static int load_dir(struct sources_read *read, const char *dir,
                    const struct pipelines_options *options) {
        struct pipelines *set = &read->sets[read->n_sets];
        struct errmsg em;
        const char *text;
        int r = pipelines_load(dir, options, set, &em);

        if (r == -ENOMEM)
                return r;
        if (r < 0) {
                text = arena_strdup(&read->arena, em.text);
                read->is_partial = true;
                return text ? add_error(read, dir, text) : -ENOMEM;
        }
        read->n_sets++;
        read->digest = pipelines_digest_join(read->digest, set->digest);
        return add_messages(read, set);
}

/* What the mount's own thread has read last. */
static int load_mount(struct sources_read *read, const char *dir, struct sources_mount *m) {
        struct sources_mount_set *set = NULL;
        struct errmsg em;
        const char *text;
        int r = sources_mount_get(m, &set, &em);

        if (r == -EAGAIN) {
                read->unread = dir;
                return 0;
        }
        if (r < 0) {
                text = arena_strdup(&read->arena, em.text);
                return text ? add_error(read, dir, text) : -ENOMEM;
        }
        read->lent[read->n_sets] = set;
        read->sets[read->n_sets++] = set->pipelines;
        return add_messages(read, &set->pipelines);
}

static void on_mount(void *ctx) {
        loop_source_arm_in(((struct sources *) ctx)->debounce, USEC_PER_MSEC);
}

/* With a mount, often enough to tell of its silence soon. */
static void look_again(struct sources *x) {
        usec_t look_for = SOURCES_LOOK_FOR;

        for (size_t i = 0; x->dirs[i]; i++)
                if (x->mounts[i])
                        look_for = MIN(look_for, MAX(x->s->conf->mount_silence, USEC_PER_SEC));
        loop_source_arm_in(x->look, look_for);
}

/* A bucket may be mounted after the start. Where it is mounted is read from the kernel's table: a
 * file system that does not answer is not asked. */
static void find_mounts(struct sources *x, const struct pipelines_options *o) {
        const struct sources_mount_times times = {x->s->conf->mount_every,
                                                  x->s->conf->mount_silence};
        _cleanup_free_ char *table = NULL;

        if (fileio_read("/proc/self/mountinfo", MOUNTINFO_MAX, &table, NULL) < 0)
                return;
        for (size_t i = 0; x->dirs[i]; i++) {
                if (x->mounts[i] || !sources_mount_is_silent(table, x->dirs[i]))
                        continue;
                if (sources_mount_new(x->s->loop, x->dirs[i], o, times, on_mount, x,
                                      &x->mounts[i]) < 0)
                        continue;
                log_info("%s is a mount: its files are watched by their generation", x->dirs[i]);
                look_again(x);
        }
}

static bool has_mounts(const struct sources *x) {
        for (size_t i = 0; x->dirs[i]; i++)
                if (x->mounts[i])
                        return true;
        return false;
}

static struct pipelines_options options_of(const struct sources *x, unsigned depth) {
        return (struct pipelines_options){
                .python = x->python,
                .env_file = access(x->env_file, R_OK) == 0 ? x->env_file : NULL,
                .scan_depth = depth,
        };
}

/* Is every text still what was read last? A mount has its own way, on its own thread: of that
 * nobody can say here. */
static bool is_unchanged(const struct sources *x) {
        const struct pipelines_options o = options_of(x, 0),
                                       git = options_of(x, sources_git_depth(x->s));
        uint64_t digest = PIPELINES_DIGEST_EMPTY;
        int r = 0;

        if (!x->is_settled || has_mounts(x))
                return false;
        for (size_t i = 0; x->dirs[i] && r >= 0; i++)
                r = pipelines_look(x->dirs[i], &o, &digest);
        if (r >= 0)
                r = pipelines_look(x->git_link, &git, &digest);
        return r >= 0 && digest == x->digest;
}

static int load(struct sources *x, struct sources_read *read) {
        const struct pipelines_options o = options_of(x, 0),
                                       git = options_of(x, sources_git_depth(x->s));
        int r = 0;

        read->sets = mem_zalloc_array(str_count(x->dirs) + 2, sizeof(*read->sets));
        read->lent = mem_zalloc_array(str_count(x->dirs) + 2, sizeof(struct sources_mount_set *));
        if (!read->sets || !read->lent)
                return -ENOMEM;
        for (size_t i = 0; x->dirs[i] && r >= 0; i++)
                r = x->mounts[i] ? load_mount(read, x->dirs[i], x->mounts[i])
                                 : load_dir(read, x->dirs[i], &o);
        if (r < 0)
                return r;
        return load_dir(read, x->git_link, &git);
}

void sources_read(struct scheduler *s) {
        struct sources *x = s->sources;
        struct sources_read *read;
        int r;

        if (x->reading) {
                x->again = true;
                return;
        }
        x->again = x->is_settled = false;
        find_mounts(x, &(struct pipelines_options){.python = x->python, .env_file = x->env_file});
        watch_again(x); /* before reading, so that nothing is missed between */
        read = mem_new(struct sources_read);
        if (!read)
                return;
        arena_init(&read->arena, 0);
        read->digest = PIPELINES_DIGEST_EMPTY;
        r = load(x, read);
        read->job.run = run_read;
        read->job.done = done_read;
        if (r >= 0)
                r = engine_submit(s, &read->job);
        if (r < 0) {
                log_errno(r, "the pipelines cannot be read now");
                read_free(read);
                loop_source_arm_in(x->debounce, AGAIN_FOR);
                return;
        }
        x->reading = true;
}

static int on_debounce(struct loop_source *source, usec_t now, void *ctx) {
        sources_read(((struct sources *) ctx)->s);
        return 0;
}

static int on_look(struct loop_source *source, usec_t now, void *ctx) {
        struct sources *x = ctx;

        look_again(x);
        find_mounts(x, &(struct pipelines_options){.python = x->python, .env_file = x->env_file});
        if (!is_unchanged(x))
                sources_read(x->s);
        return 0;
}

char *const *sources_warnings(const struct scheduler *s) {
        static char *const none[] = {NULL};

        return s->sources->warnings ? s->sources->warnings : none;
}

/* --- life ---------------------------------------------------------------------------------------
 */

static int find_dirs(struct sources *x) {
        struct scheduler *s = x->s;
        _cleanup_free_ char *own = paths_state(s->paths, "pipelines");
        int r;

        x->python = paths_state(s->paths, "venv/bin/python");
        x->env_file = paths_state(s->paths, "env");
        x->venvs_dir = paths_state(s->paths, "venvs");
        x->git_dir = paths_state(s->paths, "gitsync");
        x->git_link = paths_state(s->paths, "gitsync/pipelines");
        if (!own || !x->venvs_dir || !x->python || !x->env_file || !x->git_dir || !x->git_link)
                return -ENOMEM;
        /* To be watched it has to be there. As a unit's it is, and not ours to make. */
        (void) fileio_mkdir_p(x->git_dir, 0755);
        r = str_list_add(&x->dirs, own);
        for (char **d = s->conf->pipelines; d && *d && r >= 0; d++)
                r = str_list_add(&x->dirs, *d);
        if (r < 0)
                return r;
        x->mounts = mem_zalloc_array(str_count(x->dirs) + 1, sizeof(struct sources_mount *));
        return x->mounts ? 0 : -ENOMEM;
}

int sources_new(struct scheduler *s, struct sources **ret) {
        struct sources *x = mem_new(struct sources);
        int r;

        if (!x)
                return -ENOMEM;
        x->s = s;
        r = find_dirs(x);
        if (r >= 0)
                r = loop_timer(s->loop, CLOCK_BOOTTIME, UINT64_MAX, USEC_PER_MSEC, on_debounce, x,
                               &x->debounce);
        if (r >= 0)
                r = loop_timer_in(s->loop, SOURCES_LOOK_FOR, USEC_PER_SEC, on_look, x, &x->look);
        if (r < 0) {
                sources_free(x);
                return r;
        }
        *ret = x;
        return 0;
}

struct sources *sources_free(struct sources *x) {
        if (!x)
                return NULL;
        for (size_t i = 0; i < x->n_watches; i++)
                loop_source_free(x->watches[i]);
        for (size_t i = 0; x->mounts && x->dirs[i]; i++)
                sources_mount_free(x->mounts[i]);
        mem_free(x->mounts);
        loop_source_free(x->debounce);
        loop_source_free(x->look);
        str_free_list(x->dirs);
        str_free_list(x->warnings);
        mem_free(x->venvs_dir);
        mem_free(x->git_dir);
        mem_free(x->git_link);
        mem_free(x->python);
        mem_free(x->env_file);
        mem_free(x);
        return NULL;
}
