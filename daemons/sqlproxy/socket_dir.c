/* See socket_dir.h. Inodes: 1 the directory, 2 README, from 3 on instances in the order of their
 * first answer; an instance stays for the mount's life. */
#define FUSE_USE_VERSION 312
#include "daemons/sqlproxy/socket_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <fuse_lowlevel.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/fileio.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

#define README_INO 2
#define FIRST_INO 3
#define LINKS_MAX 10000
#define ENTRY_FOR_S 1.0

static const char readme[] =
        "Opening a name in this directory connects to the Cloud SQL instance of that name:\n\n"
        "    mysql -u root -S DIRECTORY/project:region:instance\n"
        "    psql \"host=DIRECTORY/project:region:instance user=me\"\n\n"
        "For MySQL the name is a socket, for PostgreSQL a directory with the socket "
        ".s.PGSQL.5432 in it.\nListed are the instances that were opened so far.\n";

struct socket_dir_link {
        char *name, *target;
};

struct socket_dir {
        struct socket_dir_options o;
        struct fuse_session *session;
        pthread_t thread;
        int end_fd; /* readable: the thread's time is over */
        bool has_thread, is_mounted;
        pthread_mutex_t lock;
        struct socket_dir_link *links; /* under lock, like the next two */
        size_t n_links, cap;
        struct socket_dir_ask *asks;
};

struct socket_dir_ask {
        struct loop_task task;
        struct socket_dir *dir;
        fuse_req_t req;
        char *name;
        struct socket_dir_ask *next, **prev;
};

/* --- attributes ------------------------------------------------------------------------------ */

static struct stat attr_of(fuse_ino_t ino) {
        struct stat st = {.st_ino = ino, .st_nlink = 1, .st_uid = getuid(), .st_gid = getgid()};

        if (ino == FUSE_ROOT_ID) {
                st.st_mode = S_IFDIR | 0555;
                st.st_nlink = 2;
        } else if (ino == README_INO) {
                st.st_mode = S_IFREG | 0444;
                st.st_size = sizeof readme - 1;
        } else {
                st.st_mode = S_IFLNK | 0777;
        }
        return st;
}

static void reply_entry(fuse_req_t req, fuse_ino_t ino) {
        struct fuse_entry_param e = {.ino = ino,
                                     .attr = attr_of(ino),
                                     .attr_timeout = ENTRY_FOR_S,
                                     .entry_timeout = ENTRY_FOR_S};

        fuse_reply_entry(req, &e);
}

/* Under the lock: the inode of a name, 0 when it is not there. */
static fuse_ino_t find_link(const struct socket_dir *d, const char *name) {
        for (size_t i = 0; i < d->n_links; i++)
                if (str_eq(d->links[i].name, name))
                        return FIRST_INO + i;
        return 0;
}

/* --- asking ---------------------------------------------------------------------------------- */

static void on_ask(struct loop_task *t) {
        struct socket_dir_ask *a = container_of(t, struct socket_dir_ask, task);

        a->dir->o.ask(a->dir->o.ctx, a, a->name);
}

static int ask(struct socket_dir *d, fuse_req_t req, const char *name) {
        struct socket_dir_ask *a = mem_new(struct socket_dir_ask);

        if (!a)
                return -ENOMEM;
        a->name = mem_strdup(name);
        if (!a->name) {
                mem_free(a);
                return -ENOMEM;
        }
        a->dir = d;
        a->req = req;
        a->task.run = on_ask;
        pthread_mutex_lock(&d->lock);
        a->next = d->asks;
        a->prev = &d->asks;
        if (a->next)
                a->next->prev = &a->next;
        d->asks = a;
        pthread_mutex_unlock(&d->lock);
        loop_post_task(d->o.loop, &a->task);
        return 0;
}

/* Under the lock: its inode, negative when it cannot be kept. */
static long add_link(struct socket_dir *d, const char *name, const char *target) {
        fuse_ino_t ino = find_link(d, name);
        struct socket_dir_link link = {};

        if (ino)
                return (long) ino;
        if (d->n_links == LINKS_MAX ||
            mem_grow((void **) &d->links, &d->cap, d->n_links + 1, sizeof *d->links) < 0)
                return -ENOMEM;
        link.name = mem_strdup(name);
        link.target = mem_strdup(target);
        if (!link.name || !link.target) {
                mem_free(link.name);
                mem_free(link.target);
                return -ENOMEM;
        }
        d->links[d->n_links++] = link;
        return (long) (FIRST_INO + d->n_links - 1);
}

void socket_dir_answer(struct socket_dir_ask *a, const char *target) {
        struct socket_dir *d = a->dir;
        long ino = -ENOENT;

        pthread_mutex_lock(&d->lock);
        *a->prev = a->next;
        if (a->next)
                a->next->prev = a->prev;
        if (target)
                ino = add_link(d, a->name, target);
        pthread_mutex_unlock(&d->lock);
        if (ino < 0)
                fuse_reply_err(a->req, (int) -ino);
        else
                reply_entry(a->req, (fuse_ino_t) ino);
        mem_free(a->name);
        mem_free(a);
}

/* --- the kernel's questions ------------------------------------------------------------------ */

static void on_lookup(fuse_req_t req, fuse_ino_t parent, const char *name) {
        struct socket_dir *d = fuse_req_userdata(req);
        fuse_ino_t ino;

        if (parent != FUSE_ROOT_ID) {
                fuse_reply_err(req, ENOENT);
                return;
        }
        if (str_eq(name, "README"))
                return reply_entry(req, README_INO);
        if (!d->o.is_name(name)) {
                fuse_reply_err(req, ENOENT);
                return;
        }
        pthread_mutex_lock(&d->lock);
        ino = find_link(d, name);
        pthread_mutex_unlock(&d->lock);
        if (ino)
                reply_entry(req, ino);
        else if (ask(d, req, name) < 0)
                fuse_reply_err(req, ENOMEM);
}

static bool is_there(struct socket_dir *d, fuse_ino_t ino) {
        size_t n;

        pthread_mutex_lock(&d->lock);
        n = d->n_links;
        pthread_mutex_unlock(&d->lock);
        return ino >= FUSE_ROOT_ID && ino < FIRST_INO + n;
}

static void on_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi) {
        struct stat st = attr_of(ino);

        if (is_there(fuse_req_userdata(req), ino))
                fuse_reply_attr(req, &st, ENTRY_FOR_S);
        else
                fuse_reply_err(req, ENOENT);
}

static void on_readlink(fuse_req_t req, fuse_ino_t ino) {
        struct socket_dir *d = fuse_req_userdata(req);
        const char *target = NULL;

        pthread_mutex_lock(&d->lock);
        if (ino >= FIRST_INO && ino < FIRST_INO + d->n_links)
                target = d->links[ino - FIRST_INO].target;
        pthread_mutex_unlock(&d->lock);
        if (target)
                fuse_reply_readlink(req, target);
        else
                fuse_reply_err(req, EINVAL);
}

static void on_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi) {
        if (ino == README_INO)
                fuse_reply_open(req, fi);
        else
                fuse_reply_err(req, EACCES);
}

static void on_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t at,
                    struct fuse_file_info *fi) {
        size_t len = sizeof readme - 1;

        if (at < 0 || (size_t) at >= len)
                fuse_reply_buf(req, NULL, 0);
        else
                fuse_reply_buf(req, readme + at, MIN(size, len - (size_t) at));
}

/* Entry number i: "." "..", README, then the links. False when there are no more. */
static bool entry_at(struct socket_dir *d, size_t i, char *name, size_t size, fuse_ino_t *ret_ino) {
        static const char *const fixed[] = {".", "..", "README"};
        bool is_link = i >= ARRAY_SIZE(fixed);
        bool found = true;

        pthread_mutex_lock(&d->lock);
        if (!is_link)
                snprintf(name, size, "%s", fixed[i]);
        else if (i - ARRAY_SIZE(fixed) < d->n_links)
                snprintf(name, size, "%s", d->links[i - ARRAY_SIZE(fixed)].name);
        else
                found = false;
        pthread_mutex_unlock(&d->lock);
        *ret_ino = is_link ? FIRST_INO + i - ARRAY_SIZE(fixed) : i == 2 ? README_INO : FUSE_ROOT_ID;
        return found;
}

static void on_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t at,
                       struct fuse_file_info *fi) {
        struct socket_dir *d = fuse_req_userdata(req);
        _cleanup_free_ char *out = mem_alloc(size);
        char name[1024];
        size_t used = 0, n;
        fuse_ino_t entry;

        if (!out || ino != FUSE_ROOT_ID) {
                fuse_reply_err(req, out ? ENOTDIR : ENOMEM);
                return;
        }
        for (size_t i = (size_t) at; entry_at(d, i, name, sizeof name, &entry); i++) {
                struct stat st = attr_of(entry);

                n = fuse_add_direntry(req, out + used, size - used, name, &st, (off_t) i + 1);
                if (n > size - used)
                        break;
                used += n;
        }
        fuse_reply_buf(req, out, used);
}

static const struct fuse_lowlevel_ops ops = {
        .lookup = on_lookup,
        .getattr = on_getattr,
        .readlink = on_readlink,
        .open = on_open,
        .read = on_read,
        .readdir = on_readdir,
};

/* --- life ------------------------------------------------------------------------------------ */

/* In place of fuse_session_loop(), which nothing ends but a closed descriptor: that could be
 * another one's by the time it is read. */
static void *run(void *arg) {
        struct socket_dir *d = arg;
        struct fuse_buf buf = {};
        struct pollfd fds[] = {{.fd = fuse_session_fd(d->session), .events = POLLIN},
                               {.fd = d->end_fd, .events = POLLIN}};
        int n;

        while (!fuse_session_exited(d->session)) {
                if ((poll(fds, 2, -1) < 0 && errno != EINTR) || fds[1].revents)
                        break;
                n = fuse_session_receive_buf(d->session, &buf);
                if (n > 0)
                        fuse_session_process_buf(d->session, &buf);
                else if (n != -EINTR && n != -EAGAIN)
                        break;
        }
        free(buf.mem);
        return NULL;
}

static int mount_dir(struct socket_dir *d, struct errmsg *em) {
        char *others[] = {"onebox-sqlproxy", "-o",
                          "fsname=onebox-sqlproxy,ro,nosuid,nodev,default_permissions,allow_other"};
        char *own[] = {"onebox-sqlproxy", "-o",
                       "fsname=onebox-sqlproxy,ro,nosuid,nodev,default_permissions"};
        struct fuse_args args = FUSE_ARGS_INIT(3, geteuid() == 0 ? others : own);

        d->session = fuse_session_new(&args, &ops, sizeof ops, d);
        fuse_opt_free_args(&args);
        if (!d->session)
                return errmsg_fail(em, -EINVAL, "FUSE mount failed: \"%s\": no session", d->o.path);
        if (fuse_session_mount(d->session, d->o.path) != 0)
                return errmsg_fail(em, -EIO,
                                   "FUSE mount failed: \"%s\": is it a directory, and is there "
                                   "/dev/fuse?",
                                   d->o.path);
        d->is_mounted = true;
        d->end_fd = eventfd(0, EFD_CLOEXEC);
        /* A question that was withdrawn after poll() must not hold up the end. */
        if (d->end_fd < 0 || fcntl(fuse_session_fd(d->session), F_SETFL, O_NONBLOCK) < 0)
                return errmsg_errno(em, -errno, "cannot serve %s", d->o.path);
        return 0;
}

int socket_dir_new(const struct socket_dir_options *o, struct socket_dir **ret, struct errmsg *em) {
        struct socket_dir *d = mem_new(struct socket_dir);
        int r;

        if (!d)
                return errmsg_errno(em, -ENOMEM, "cannot mount %s", o->path);
        d->o = *o;
        d->end_fd = -1;
        pthread_mutex_init(&d->lock, NULL);
        r = mount_dir(d, em);
        if (r >= 0) {
                r = -pthread_create(&d->thread, NULL, run, d);
                d->has_thread = r == 0;
                if (r < 0)
                        errmsg_errno(em, r, "cannot serve %s", o->path);
        }
        if (r < 0) {
                socket_dir_free(d);
                return r;
        }
        *ret = d;
        return 0;
}

struct socket_dir *socket_dir_free(struct socket_dir *d) {
        if (!d)
                return NULL;
        loop_post_flush(d->o.loop);
        while (d->asks)
                socket_dir_answer(d->asks, NULL);
        if (d->has_thread) {
                (void) !write(d->end_fd, &(uint64_t){1}, sizeof(uint64_t));
                pthread_join(d->thread, NULL);
        }
        if (d->is_mounted)
                fuse_session_unmount(d->session);
        fileio_close(d->end_fd);
        if (d->session)
                fuse_session_destroy(d->session);
        for (size_t i = 0; i < d->n_links; i++) {
                mem_free(d->links[i].name);
                mem_free(d->links[i].target);
        }
        mem_free(d->links);
        pthread_mutex_destroy(&d->lock);
        return mem_free(d);
}
