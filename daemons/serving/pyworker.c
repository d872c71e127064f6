#include "daemons/serving/pyworker.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/fileio.h"
#include "lib/base/mem.h"
#include "lib/base/process.h"

#define READ_SIZE 65536
#define KEEP_BYTES 262144 /* of a buffer between two requests */

struct pyworker {
        struct loop *loop;
        const struct pyworker_spec *spec;
        const struct pyworker_events *events;
        void *ctx;
        enum pyworker_state state;
        pid_t pid;
        int fd;
        struct loop_source *io, *child, *limit;
        struct buf in, out;
        size_t n_out; /* bytes of out that are written */
        uint64_t request_id;
};

#define TO(x) STATE_TABLE_BIT(PYWORKER_##x)
#define STATE(name, text, next) [PYWORKER_##name] = {text, next},
static const struct state_table_row state_rows[] = {
#include "daemons/serving/pyworker_states.def"
};
#undef STATE
#undef TO
const struct state_table pyworker_states = {"worker", state_rows, ARRAY_SIZE(state_rows)};

static void move(struct pyworker *w, enum pyworker_state to) {
        assert(state_table_allows(&pyworker_states, w->state, to));
        w->state = to;
}

static void hang_up(struct pyworker *w) {
        w->io = loop_source_free(w->io);
        w->limit = loop_source_free(w->limit);
        w->fd = fileio_close(w->fd);
}

/* The one way out of every living state. */
static void lose(struct pyworker *w, enum pyworker_loss loss, const char *why) {
        assert(w->state != PYWORKER_DOWN && w->state != PYWORKER_DYING);
        move(w, PYWORKER_DYING);
        hang_up(w);
        (void) kill(-w->pid, SIGKILL);
        w->events->lost(w, loss, why, w->ctx);
}

static void take_message(struct pyworker *w, const struct pyworker_frame_message *m) {
        if (w->state == PYWORKER_STARTING && m->kind == PYWORKER_FRAME_READY) {
                w->limit = loop_source_free(w->limit);
                move(w, PYWORKER_READY);
                w->events->ready(w, w->ctx);
        } else if (w->state == PYWORKER_STARTING && m->kind == PYWORKER_FRAME_REFUSED) {
                lose(w, PYWORKER_REFUSED, m->error);
        } else if (w->state == PYWORKER_BUSY && m->kind == PYWORKER_FRAME_REPLY &&
                   m->id == w->request_id) {
                w->limit = loop_source_free(w->limit);
                move(w, PYWORKER_READY);
                w->events->reply(w, m, w->ctx);
        } else {
                lose(w, PYWORKER_STARTED, "the worker spoke out of turn");
        }
}

/* Takes at most one message: a worker has one request, and its reply ends it. */
static int take_frames(struct pyworker *w) {
        struct pyworker_frame_message m = {};
        struct errmsg em = {};
        struct arena a;
        size_t used = 0;
        int r;

        arena_init(&a, 4 * PYWORKER_FRAME_HEAD_MAX);
        r = pyworker_frame_next(&a, buf_cstr(&w->in), w->in.len, w->spec->max_body, &m, &used, &em);
        if (r == 0) {
                struct buf whole = w->in;

                /* The callback may send the next request at once. */
                w->in = (struct buf){.limit = whole.limit};
                if (used != whole.len)
                        lose(w, PYWORKER_STARTED, "the worker sent more than its answer");
                else
                        take_message(w, &m);
                assert(!w->in.data);
                buf_trim(&whole, KEEP_BYTES);
                w->in = whole;
        } else if (r < 0) {
                lose(w, PYWORKER_STARTED, em.text[0] ? em.text : errmsg_strerror(r));
        }
        arena_done(&a);
        return 0;
}

static void lose_peer(struct pyworker *w, int error) {
        bool unstarted = error == ECONNRESET || error == EPIPE || w->n_out < w->out.len;

        if (w->state == PYWORKER_STARTING)
                lose(w, PYWORKER_STARTED, "the worker ended while it loaded the functions");
        else
                lose(w, unstarted ? PYWORKER_UNSTARTED : PYWORKER_STARTED, "the worker ended");
}

/* 1: more may be there; 0: nothing now, or the worker is no more. */
static int receive(struct pyworker *w) {
        ssize_t n;

        if (buf_reserve(&w->in, READ_SIZE) < 0) {
                lose(w, PYWORKER_STARTED, "out of memory for the worker's answer");
                return 0;
        }
        n = recv(w->fd, w->in.data + w->in.len, READ_SIZE, MSG_DONTWAIT);
        if (n > 0) {
                w->in.len += (size_t) n;
                w->in.data[w->in.len] = 0;
                take_frames(w);
                return w->fd >= 0;
        }
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return 0;
        lose_peer(w, n < 0 ? errno : 0);
        return 0;
}

static void transmit(struct pyworker *w) {
        while (w->n_out < w->out.len) {
                ssize_t n = send(w->fd, w->out.data + w->n_out, w->out.len - w->n_out,
                                 MSG_DONTWAIT | MSG_NOSIGNAL);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0 && errno == EAGAIN)
                        break;
                if (n < 0) {
                        lose_peer(w, errno);
                        return;
                }
                w->n_out += (size_t) n;
        }
        loop_source_set_events(w->io, EPOLLIN | (w->n_out < w->out.len ? EPOLLOUT : 0));
}

static int on_io(struct loop_source *s, int fd, uint32_t revents, void *ctx) {
        struct pyworker *w = ctx;

        if (revents & EPOLLOUT)
                transmit(w);
        if (w->fd >= 0 && (revents & (EPOLLIN | EPOLLHUP | EPOLLERR)))
                receive(w);
        return 0;
}

static int on_child(struct loop_source *s, const siginfo_t *si, void *ctx) {
        struct pyworker *w = ctx;

        /* Its last words may still lie in the socket. */
        while (w->fd >= 0 && w->state != PYWORKER_DYING && receive(w) > 0)
                ;
        if (w->state != PYWORKER_DYING)
                lose_peer(w, 0);
        w->child = loop_source_free(w->child);
        w->pid = 0;
        buf_trim(&w->in, 0);
        buf_trim(&w->out, 0);
        hang_up(w);
        move(w, PYWORKER_DOWN);
        w->events->down(w, w->ctx);
        return 0;
}

static int on_limit(struct loop_source *s, usec_t now, void *ctx) {
        struct pyworker *w = ctx;

        if (w->state == PYWORKER_STARTING)
                lose(w, PYWORKER_REFUSED, "loading the functions took too long");
        else if (w->state == PYWORKER_BUSY)
                lose(w, PYWORKER_TIMED_OUT, "a request took too long");
        else if (w->state == PYWORKER_DYING)
                (void) kill(-w->pid, SIGKILL);
        return 0;
}

int pyworker_new(struct loop *loop, const struct pyworker_spec *spec,
                 const struct pyworker_events *events, void *ctx, struct pyworker **ret) {
        struct pyworker *w = mem_new(struct pyworker);

        if (!w)
                return -ENOMEM;
        *w = (struct pyworker){.loop = loop, .spec = spec, .events = events, .ctx = ctx, .fd = -1};
        w->in.limit = spec->max_body + PYWORKER_FRAME_HEAD_MAX + 2 * READ_SIZE;
        *ret = w;
        return 0;
}

struct pyworker *pyworker_free(struct pyworker *w) {
        if (!w)
                return NULL;
        hang_up(w);
        w->child = loop_source_free(w->child);
        if (w->pid > 0)
                (void) kill(-w->pid, SIGKILL);
        buf_done(&w->in);
        buf_done(&w->out);
        return mem_free(w);
}

static int spawn(struct pyworker *w, int peer_fd, struct errmsg *em) {
        const char *argv[] = {w->spec->python, "-u", w->spec->script, NULL};
        struct process_spec p = {
                .path = w->spec->python,
                .argv = argv,
                .envp = w->spec->envp,
                .cwd = w->spec->cwd,
                .fd_in = -1,
                .fd_out = STDERR_FILENO,
                .fd_err = STDERR_FILENO,
                .keep_fds = &peer_fd,
                .n_keep_fds = 1,
                .death_signal = SIGKILL,
                .new_group = true,
        };

        return process_spawn(&p, &w->pid, NULL, em);
}

static int watch(struct pyworker *w) {
        int r = loop_child(w->loop, w->pid, on_child, w, &w->child);

        if (r >= 0)
                r = loop_io(w->loop, w->fd, EPOLLIN, on_io, w, &w->io);
        if (r >= 0)
                r = loop_timer_in(w->loop, w->spec->start_for, 0, on_limit, w, &w->limit);
        return r;
}

int pyworker_start(struct pyworker *w, struct errmsg *em) {
        _cleanup_close_ int peer_fd = -1;
        int pair[2], r;

        assert(w->state == PYWORKER_DOWN);
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
                return errmsg_errno(em, -errno, "cannot make a socket for a worker");
        w->fd = pair[0];
        peer_fd = pair[1];
        r = spawn(w, peer_fd, em);
        if (r < 0) {
                w->fd = fileio_close(w->fd);
                return r;
        }
        r = watch(w);
        if (r < 0) {
                hang_up(w);
                w->child = loop_source_free(w->child);
                (void) kill(-w->pid, SIGKILL);
                w->pid = 0;
                return errmsg_errno(em, r, "cannot watch a worker");
        }
        move(w, PYWORKER_STARTING);
        return 0;
}

int pyworker_send(struct pyworker *w, const struct pyworker_frame_request *r, usec_t limit_for) {
        int error;

        assert(w->state == PYWORKER_READY);
        buf_trim(&w->out, KEEP_BYTES);
        w->n_out = 0;
        error = pyworker_frame_add(&w->out, r);
        if (error < 0)
                return error;
        error = loop_timer_in(w->loop, limit_for, 0, on_limit, w, &w->limit);
        if (error < 0)
                return error;
        w->request_id = r->id;
        move(w, PYWORKER_BUSY);
        transmit(w);
        return 0;
}

/* How long an idle worker may take to end by itself. */
#define STOP_FOR (2 * USEC_PER_SEC)

void pyworker_stop(struct pyworker *w) {
        if (w->state == PYWORKER_DOWN || w->state == PYWORKER_DYING)
                return;
        move(w, PYWORKER_DYING);
        hang_up(w);
        if (loop_timer_in(w->loop, STOP_FOR, 0, on_limit, w, &w->limit) < 0)
                (void) kill(-w->pid, SIGKILL);
}

enum pyworker_state pyworker_state(const struct pyworker *w) {
        return w->state;
}

pid_t pyworker_pid(const struct pyworker *w) {
        return w->pid;
}
