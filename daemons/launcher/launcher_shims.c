#include "daemons/launcher/launcher_shims.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/fileio.h"
#include "lib/base/json_write.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/process.h"
#include "lib/net/http_request.h"
#include "lib/net/loop.h"

/* Its room on the server's command line is where each shim writes its own. */
#define NO_TRY "00000000-0000-0000-0000-000000000000"

/* A request that waits for its answer; they come in the order of the asking. */
struct shims_wait {
        STAILQ_ENTRY(shims_wait) next;
        struct http_request *req;
};

struct launcher_shims {
        struct launcher_shims_options o;
        STAILQ_HEAD(, shims_wait) waits;
        int fd; /* of the socket, -1: no server */
        struct loop_source *io, *child;
};

int launcher_shims_reply(struct http_request *req, int pid) {
        struct json_write w;
        struct buf b = {};

        json_write_init(&w, &b, 0);
        json_write_object(&w);
        json_write_kv_null(&w, "unit");
        json_write_kv_i64(&w, "pid", pid);
        json_write_end(&w);
        return http_request_reply_json(req, 200, &b);
}

static struct http_request *take_wait(struct launcher_shims *s) {
        struct shims_wait *w = STAILQ_FIRST(&s->waits);
        struct http_request *req = w ? w->req : NULL;

        if (w)
                STAILQ_REMOVE_HEAD(&s->waits, next);
        mem_free(w);
        return req;
}

static void drop_server(struct launcher_shims *s) {
        struct http_request *req;

        s->io = loop_source_free(s->io);
        s->fd = fileio_close(s->fd);
        while ((req = take_wait(s)))
                http_request_reply_error(req, 500, "what starts the supervisors ended: ask again");
}

static int on_child(struct loop_source *source, const siginfo_t *si, void *ctx) {
        loop_source_free(source);
        return 0;
}

static int on_answer(struct loop_source *source, int fd, uint32_t revents, void *ctx) {
        struct launcher_shims *s = ctx;
        char text[16];
        ssize_t n;

        while ((n = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT)) > 0) {
                struct http_request *req = take_wait(s);
                int pid;

                text[n] = 0;
                pid = (int) strtol(text, NULL, 10);
                if (req && pid > 0)
                        launcher_shims_reply(req, pid);
                else if (req)
                        http_request_reply_error(req, 500, "no supervisor can be started: %s",
                                                 errmsg_strerror(pid));
        }
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return 0;
        log_warning("what starts the tasks' supervisors ended; a new one is started when needed");
        drop_server(s);
        return 0;
}

static int start_server(struct launcher_shims *s, struct errmsg *em) {
        const char *argv[] = {s->o.program,     "--state-dir", s->o.state_dir, "--runtime-dir",
                              s->o.runtime_dir, "--serve",     NO_TRY,         NULL};
        _cleanup_close_ int mine = -1, its = -1;
        int pair[2], r;
        pid_t pid;

        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                return errmsg_errno(em, -errno, "cannot make a socket");
        mine = pair[0];
        its = pair[1];
        r = process_spawn(&(struct process_spec){.path = s->o.program,
                                                 .argv = argv,
                                                 .envp = s->o.envp,
                                                 .cwd = "/",
                                                 .fd_in = -1,
                                                 .fd_out = -1,
                                                 .fd_err = STDERR_FILENO,
                                                 .keep_fds = &its,
                                                 .n_keep_fds = 1,
                                                 .new_session = true},
                          &pid, NULL, em);
        if (r < 0)
                return r;
        r = loop_child(s->o.loop, pid, on_child, NULL, NULL);
        if (r >= 0)
                r = loop_io(s->o.loop, mine, EPOLLIN, on_answer, s, &s->io);
        if (r < 0)
                return errmsg_errno(em, r, "cannot watch %s", s->o.program);
        s->fd = TAKE_FD(mine);
        return 0;
}

int launcher_shims_start(struct launcher_shims *s, const char *try_id, struct http_request *req) {
        struct shims_wait *w = mem_new(struct shims_wait);
        struct errmsg em;

        if (!w)
                return -ENOMEM;
        if (s->fd < 0 && start_server(s, &em) < 0) {
                mem_free(w);
                return http_request_reply_error(req, 500, "%s", em.text);
        }
        if (send(s->fd, try_id, strlen(try_id), MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
                mem_free(w);
                return http_request_reply_error(req, 500, "no supervisor can be asked for: %s",
                                                strerror(errno));
        }
        w->req = req;
        STAILQ_INSERT_TAIL(&s->waits, w, next);
        return HTTP_LATER;
}

int launcher_shims_new(const struct launcher_shims_options *o, struct launcher_shims **ret) {
        struct launcher_shims *s = mem_new(struct launcher_shims);

        if (!s)
                return -ENOMEM;
        s->o = *o;
        s->fd = -1;
        STAILQ_INIT(&s->waits);
        *ret = s;
        return 0;
}

struct launcher_shims *launcher_shims_free(struct launcher_shims *s) {
        if (!s)
                return NULL;
        while (take_wait(s))
                ; /* the HTTP server has gone before, and its requests with it */
        drop_server(s);
        mem_free(s);
        return NULL;
}
