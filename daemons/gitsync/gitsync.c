#include "daemons/gitsync/gitsync.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemons/gitsync/gitsync_git.h"
#include "daemons/gitsync/gitsync_source.h"
#include "daemons/gitsync/gitsync_status.h"
#include "lib/base/clock.h"
#include "lib/base/fileio.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

enum { KEY_MAX = 64 << 10 };
#define KEPT_FOR (24 * 3600 * USEC_PER_SEC)

/* One look at the repository. */
struct look {
        const struct gitsync_conf *conf;
        const struct clock *clock;
        struct arena arena;
        char *dir, *git_dir, *trees, *link, *status_path;
        char *subpath; /* without slashes at its ends; "" is the whole tree */
        char *key;     /* the mended key in a file of its own, or NULL */
        char *known_hosts, *credentials;
        char host[GITSYNC_HOST_SIZE];
        enum gitsync_scheme scheme;
        struct gitsync_git git;
        struct gitsync_status status;
        int lock_fd;
};

static void look_done(struct look *l) {
        if (l->key)
                (void) fileio_unlink(l->key);
        mem_free(l->dir);
        mem_free(l->git_dir);
        mem_free(l->trees);
        mem_free(l->link);
        mem_free(l->status_path);
        mem_free(l->subpath);
        mem_free(l->key);
        mem_free(l->known_hosts);
        mem_free(l->credentials);
        arena_done(&l->arena);
        l->lock_fd = fileio_close(l->lock_fd);
}

/* --- places and secrets ------------------------------------------------------------------------
 */

static int make_places(struct look *l, const struct paths *paths, struct errmsg *em) {
        int r;

        l->dir = paths_state(paths, "gitsync");
        l->git_dir = paths_state(paths, "gitsync/repo.git");
        l->trees = paths_state(paths, "gitsync/trees");
        l->link = paths_state(paths, "gitsync/pipelines");
        l->status_path = paths_state(paths, "gitsync/status.json");
        if (!l->dir || !l->git_dir || !l->trees || !l->link || !l->status_path)
                return errmsg_fail(em, -ENOMEM, "no memory");
        r = fileio_mkdir_p(l->git_dir, 0700);
        if (r >= 0)
                r = fileio_mkdir_p(l->trees, 0755);
        return r < 0 ? errmsg_errno(em, r, "%s cannot be made (uid %u needs to write there)",
                                    l->dir, (unsigned) geteuid())
                     : 0;
}

static int take_lock(struct look *l, struct errmsg *em) {
        _cleanup_free_ char *path = str_printf("%s/lock", l->dir);
        int r;

        if (!path)
                return errmsg_fail(em, -ENOMEM, "no memory");
        l->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        r = l->lock_fd < 0 ? -errno : fileio_lock(l->lock_fd);
        return r < 0 && r != -EAGAIN ? errmsg_errno(em, r, "%s", path) : r;
}

/* A credential of the unit by one of its names; NULL when there is none. */
static char *find_credential(const char *const *names) {
        const char *dir = getenv("CREDENTIALS_DIRECTORY");

        for (; dir && *names; names++) {
                char *path = str_printf("%s/%s", dir, *names);

                if (path && access(path, R_OK) == 0)
                        return path;
                mem_free(path);
        }
        return NULL;
}

/* The key as ssh wants it, in a file only we can read, for the time of this look. */
static int make_key(struct look *l, const struct paths *paths, struct errmsg *em) {
        static const char *const names[] = {"gitSshKey", "sshKeySecret", NULL};
        _cleanup_free_ char *given = find_credential(names);
        _cleanup_free_ char *text = NULL, *key = NULL;
        const char *path = given ? given : l->conf->ssh_key;
        unsigned changes;
        size_t len;
        int r;

        if (!path)
                return 0;
        r = fileio_read(path, KEY_MAX, &text, &len);
        if (r < 0)
                return errmsg_errno(em, r, "the ssh key %s cannot be read (uid %u)", path,
                                    (unsigned) geteuid());
        r = gitsync_source_key(text, len, &key, &changes, em);
        explicit_bzero(text, len);
        if (r < 0) {
                errmsg_prefix(em, "%s", path);
                return r;
        }
        if (changes & GITSYNC_KEY_NEWLINE)
                log_notice("the ssh key %s has no newline at its end, which ssh refuses: one was "
                           "added",
                           path);
        if (changes & GITSYNC_KEY_CRLF)
                log_notice("the ssh key %s has Windows line ends: they were mended", path);
        l->key = str_printf("%s/gitsync.key", getenv("RUNTIME_DIRECTORY") ?: l->dir);
        r = l->key ? fileio_write_atomic(l->key, key, strlen(key), 0600) : -ENOMEM;
        explicit_bzero(key, strlen(key));
        return r < 0 ? errmsg_errno(em, r, "the ssh key cannot be written for ssh") : 0;
}

static int make_git(struct look *l, const struct paths *paths, struct errmsg *em) {
        static const char *const hosts[] = {"gitKnownHosts", NULL};
        static const char *const logins[] = {"gitCredentials", NULL};
        int r = gitsync_source_parse(l->conf->repo, &l->scheme, l->host, em);

        if (r >= 0 && l->conf->branch)
                r = gitsync_source_check_ref(l->conf->branch, em);
        if (r >= 0)
                r = gitsync_source_subpath(l->conf->subpath, &l->subpath, em);
        if (r >= 0 && l->scheme == GITSYNC_SSH)
                r = make_key(l, paths, em);
        if (r < 0)
                return r;
        l->known_hosts = find_credential(hosts);
        if (!l->known_hosts)
                l->known_hosts = mem_strdup(l->conf->known_hosts);
        l->credentials = find_credential(logins);
        if (!l->known_hosts)
                return errmsg_fail(em, -ENOMEM, "no memory");
        l->git = (struct gitsync_git){
                .git_dir = l->git_dir,
                .ssh_key = l->key,
                .known_hosts = l->known_hosts,
                .credentials = l->credentials,
                .host = l->host,
                .end_at = clock_mono(l->clock) + l->conf->timeout,
        };
        return 0;
}

/* --- what there is ------------------------------------------------------------------------------
 */

/* The commit that is wanted; ret_ref is what to fetch it by. */
static int find_commit(struct look *l, char ret_commit[GITSYNC_COMMIT_SIZE],
                       char ret_ref[GITSYNC_REF_SIZE], struct errmsg *em) {
        const char *branch = l->conf->branch;
        _cleanup_buf_ struct buf out = {};
        int r;

        if (branch && gitsync_source_is_commit(branch)) {
                (void) str_copy(ret_commit, GITSYNC_COMMIT_SIZE, branch);
                (void) str_copy(ret_ref, GITSYNC_REF_SIZE, branch);
                return 0;
        }
        r = gitsync_git(&l->git, &out, em, "ls-remote", "--", l->conf->repo);
        return r < 0 ? r : gitsync_source_find_ref(buf_cstr(&out), branch, ret_commit, ret_ref, em);
}

static int fetch(struct look *l, const char *commit, const char *ref, struct errmsg *em) {
        _cleanup_free_ char *depth =
                str_printf("--depth=%llu", (unsigned long long) l->conf->clone_depth);
        const char *const argv[] = {"fetch",
                                    "--quiet",
                                    "--no-tags",
                                    "--force",
                                    "--no-write-fetch-head",
                                    l->conf->clone_depth ? depth : "--no-recurse-submodules",
                                    "--",
                                    l->conf->repo,
                                    ref,
                                    NULL};
        _cleanup_free_ char *object = str_printf("%s^{commit}", commit);
        int r;

        if (!depth || !object)
                return errmsg_fail(em, -ENOMEM, "no memory");
        r = gitsync_git_run(&l->git, argv, NULL, em);
        if (r == -EREMOTEIO && gitsync_source_is_commit(ref)) /* servers may give heads only */
                r = gitsync_git(&l->git, NULL, em, "fetch", "--quiet", "--force", "--",
                                l->conf->repo, "+refs/heads/*:refs/onebox/heads/*",
                                "+refs/tags/*:refs/onebox/tags/*");
        if (r < 0)
                return r;
        r = gitsync_git(&l->git, NULL, NULL, "cat-file", "-e", object);
        return r < 0 ? errmsg_fail(em, -ENOENT, "the repository has no commit %s", commit) : 0;
}

static int check_subpath(struct look *l, const char *commit, struct errmsg *em) {
        _cleanup_free_ char *object = str_printf("%s:%s", commit, l->subpath);
        _cleanup_buf_ struct buf out = {};
        int r;

        if (!object)
                return errmsg_fail(em, -ENOMEM, "no memory");
        r = gitsync_git(&l->git, &out, NULL, "cat-file", "-t", object);
        if (r >= 0 && str_eq(str_strip(out.data), "tree"))
                return 0;
        return errmsg_fail(
                em, -ENOENT,
                "commit %.12s has no directory %s: set [gitsync] subpath (. is the whole "
                "repository)",
                commit, l->subpath);
}

/* --- laying out ---------------------------------------------------------------------------------
 */

static int sync_fs(const char *path) {
        _cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        return fd < 0 || syncfs(fd) < 0 ? -errno : 0;
}

/* The files of the commit under a name of their own, then under the commit's. */
static int lay_out(struct look *l, const char *commit, struct errmsg *em) {
        _cleanup_free_ char *tree = str_printf("%s/%s", l->trees, commit);
        _cleanup_free_ char *work = str_printf("%s/.%s", l->trees, commit);
        _cleanup_free_ char *into = str_printf("--work-tree=%s/.%s", l->trees, commit);
        int r;

        if (!tree || !work || !into)
                return errmsg_fail(em, -ENOMEM, "no memory");
        if (access(tree, F_OK) == 0)
                return 0;
        r = fileio_rm_rf(work);
        if (r >= 0)
                r = fileio_mkdir_p(work, 0755);
        if (r < 0)
                return errmsg_errno(em, r, "%s", work);
        r = gitsync_git(&l->git, NULL, em, "--git-dir=.", into, "read-tree", commit);
        if (r >= 0)
                r = gitsync_git(&l->git, NULL, em, "--git-dir=.", into, "checkout-index", "--all",
                                "--force");
        if (r < 0)
                return r;
        r = sync_fs(work);
        if (r >= 0 && rename(work, tree) < 0)
                r = -errno;
        if (r >= 0)
                r = fileio_fsync_dir(l->trees);
        return r < 0 ? errmsg_errno(em, r, "%s", tree) : 0;
}

/* The link leads to the commit from one moment to the next. */
static int move_link(struct look *l, const char *commit, struct errmsg *em) {
        _cleanup_free_ char *target =
                str_printf("trees/%s%s%s", commit, *l->subpath ? "/" : "", l->subpath);
        _cleanup_free_ char *next = str_printf("%s.new", l->link);
        char now[4096];
        ssize_t n;
        int r;

        if (!target || !next)
                return errmsg_fail(em, -ENOMEM, "no memory");
        n = readlink(l->link, now, sizeof(now) - 1);
        now[MAX(n, (ssize_t) 0)] = 0;
        if (str_eq(now, target))
                return 0;
        r = fileio_unlink(next);
        if (r >= 0 && (symlink(target, next) < 0 || rename(next, l->link) < 0))
                r = -errno;
        if (r >= 0)
                r = fileio_fsync_dir(l->dir);
        return r < 0 ? errmsg_errno(em, r, "%s", l->link) : 1;
}

static int describe(struct look *l, const char *commit, struct errmsg *em) {
        _cleanup_buf_ struct buf out = {}, modules = {};
        char *words[3] = {}, *p;
        int r = gitsync_git(&l->git, &out, em, "log", "-1", "--no-show-signature",
                            "--format=%s%x00%an%x00%cI", commit);

        if (r < 0)
                return r;
        p = out.data ? str_strip(out.data) : NULL;
        for (size_t i = 0; p && i < ARRAY_SIZE(words) && p < out.data + out.len; i++) {
                words[i] = arena_strdup(&l->arena, p);
                p += strlen(p) + 1;
        }
        l->status.commit = arena_strdup(&l->arena, commit);
        l->status.subject = words[0];
        l->status.author = words[1];
        l->status.committed_at = words[2] ? str_strip(words[2]) : NULL;
        l->status.warning = NULL;
        r = gitsync_git(&l->git, &modules, NULL, "cat-file", "-e",
                        arena_printf(&l->arena, "%s:.gitmodules", commit));
        if (r >= 0)
                l->status.warning = "submodules are not fetched: their directories are empty";
        return l->status.commit ? 0 : errmsg_fail(em, -ENOMEM, "no memory");
}

/* --- tidying ------------------------------------------------------------------------------------
 */

struct old_tree {
        char *path;
        struct timespec made_at;
};

static int by_age(const void *a, const void *b) {
        const struct timespec *x = &((const struct old_tree *) a)->made_at;
        const struct timespec *y = &((const struct old_tree *) b)->made_at;

        if (x->tv_sec != y->tv_sec)
                return x->tv_sec < y->tv_sec ? 1 : -1; /* the newest first */
        return x->tv_nsec < y->tv_nsec ? 1 : x->tv_nsec > y->tv_nsec ? -1 : 0;
}

/* Trees beyond [gitsync] keep that are older than a day, and what a cut-off look has left. */
static void tidy(struct look *l, const char *commit) {
        _cleanup_(str_free_listp) char **names = NULL;
        usec_t now = clock_now(l->clock);
        struct old_tree *trees;
        size_t n = 0;

        if (fileio_list(l->trees, NULL, &names) < 0)
                return;
        trees = mem_zalloc_array(str_count(names) + 1, sizeof(*trees));
        for (char **name = names; trees && *name; name++) {
                char *path = str_printf("%s/%s", l->trees, *name);
                struct stat st;

                if (path && **name == '.') {
                        (void) fileio_rm_rf(path);
                        mem_free(path);
                } else if (path && !str_eq(*name, commit) && lstat(path, &st) == 0) {
                        trees[n++] = (struct old_tree){path, st.st_ctim};
                } else {
                        mem_free(path);
                }
        }
        if (n > 0)
                qsort(trees, n, sizeof(*trees), by_age);
        for (size_t i = 0; i < n; i++) {
                usec_t made_at = (usec_t) trees[i].made_at.tv_sec * USEC_PER_SEC;

                if (i + 1 >= l->conf->keep && made_at + KEPT_FOR < now)
                        (void) fileio_rm_rf(trees[i].path);
                mem_free(trees[i].path);
        }
        mem_free(trees);
        (void) gitsync_git(&l->git, NULL, NULL, "gc", "--auto", "--quiet");
}

/* --- the whole ----------------------------------------------------------------------------------
 */

static bool is_as_it_was(const struct look *l, const char *commit) {
        const struct gitsync_status *s = &l->status;

        return str_eq(s->commit, commit) && str_eq(s->subpath, l->conf->subpath) &&
               access(l->link, F_OK) == 0;
}

static int look(struct look *l, struct errmsg *em) {
        char commit[GITSYNC_COMMIT_SIZE], ref[GITSYNC_REF_SIZE];
        _cleanup_free_ char *head = str_printf("%s/HEAD", l->git_dir);
        int r, moved;

        if (!head)
                return errmsg_fail(em, -ENOMEM, "no memory");
        if (access(head, F_OK) < 0) {
                r = gitsync_git(&l->git, NULL, em, "init", "--quiet", "--bare", "--template=", ".");
                if (r < 0)
                        return r;
        }
        r = find_commit(l, commit, ref, em);
        if (r < 0)
                return r;
        if (is_as_it_was(l, commit))
                return GITSYNC_SAME;
        r = fetch(l, commit, ref, em);
        if (r >= 0 && *l->subpath)
                r = check_subpath(l, commit, em);
        if (r >= 0)
                r = lay_out(l, commit, em);
        if (r >= 0)
                r = describe(l, commit, em);
        if (r < 0)
                return r;
        moved = move_link(l, commit, em);
        if (moved < 0)
                return moved;
        l->status.synced_at = clock_now(l->clock);
        tidy(l, commit);
        return GITSYNC_NEW;
}

/* What was found is told, also when it is an error. */
static int report(struct look *l, int answer, usec_t began_at, struct errmsg *em) {
        struct gitsync_status *s = &l->status;
        struct errmsg own;
        int r;

        s->repo = l->conf->repo;
        s->branch = l->conf->branch;
        s->scan_depth = l->conf->scan_depth;
        s->tried_at = began_at;
        if (answer < 0) {
                if (!s->error_since_at)
                        s->error_since_at = began_at;
                s->error = em->text;
        } else {
                s->subpath = l->conf->subpath;
                s->checked_at = began_at;
                s->error = NULL;
                s->error_since_at = 0;
        }
        r = gitsync_status_write(l->status_path, s, &own);
        if (r < 0 && answer >= 0) {
                *em = own;
                return r;
        }
        return answer;
}

static int run(struct look *l, const struct paths *paths, bool force, struct errmsg *em) {
        usec_t now = clock_now(l->clock);
        int r = make_places(l, paths, em);

        if (r >= 0)
                r = take_lock(l, em);
        if (r == -EAGAIN)
                return GITSYNC_LOCKED;
        if (r >= 0)
                r = gitsync_status_read(l->status_path, &l->arena, &l->status);
        if (r < 0)
                return r;
        if (!force && now >= l->status.tried_at && now - l->status.tried_at < l->conf->every &&
            str_eq(l->status.repo, l->conf->repo) && str_eq(l->status.branch, l->conf->branch))
                return GITSYNC_EARLY;
        if (!str_eq(l->status.repo, l->conf->repo))
                l->status = (struct gitsync_status){}; /* another repository: nothing is known */
        r = make_git(l, paths, em);
        if (r >= 0)
                r = look(l, em);
        return report(l, r, now, em);
}

int gitsync_run(const struct gitsync_conf *conf, const struct paths *paths,
                const struct clock *clock, bool force, struct errmsg *em) {
        struct look l = {.conf = conf, .clock = clock, .lock_fd = -1};
        int r;

        arena_init(&l.arena, 0);
        em->text[0] = 0;
        r = run(&l, paths, force, em);
        if (r == GITSYNC_NEW)
                log_notice("pipelines are those of commit %.12s now: %s", l.status.commit,
                           l.status.subject ? l.status.subject : "");
        look_done(&l);
        return r;
}
