/* Owns the threads: their turns, accepting, the mailbox. */
#include "daemons/sqlproxy/worker.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "daemons/sqlproxy/proxy_log.h"
#include "lib/base/fileio.h"
#include "lib/base/mem.h"

#define EVENTS_MAX 64
#define ACCEPTS_MAX 16
/* While links dial, their limits are looked at this often. */
#define TICK_MS 500
#define ADDRESS_MAX 128
/* So many links make a crowd. */
#define CROWD_MIN 100
#define SCRATCH_SIZE (WORKER_SCRATCH_HEAD + WORKER_SCRATCH)

static usec_t now_mono(void) {
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        return (usec_t) ts.tv_sec * USEC_PER_SEC + (usec_t) ts.tv_nsec / NSEC_PER_USEC;
}

int worker_ask(struct worker *w, struct worker_end *end, uint32_t events) {
        struct epoll_event e = {.events = events, .data.ptr = end};
        int op;

        if (end->asked == events || end->fd < 0)
                return 0;
        op = events == 0 ? EPOLL_CTL_DEL : end->asked == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
        if (epoll_ctl(w->epoll_fd, op, end->fd, &e) < 0)
                return -errno;
        end->asked = events;
        return 0;
}

void worker_again(struct worker *w, struct link *l) {
        if (l->is_again)
                return;
        l->is_again = true;
        l->next_again = NULL;
        *w->again_tail = l;
        w->again_tail = &l->next_again;
}

/* --- mailbox --------------------------------------------------------------------------------- */

static void ring(struct worker *w) {
        (void) !write(w->wake.fd, &(uint64_t){1}, sizeof(uint64_t));
}

void worker_post(struct worker *w, struct worker_letter *letter) {
        letter->next = NULL;
        pthread_mutex_lock(&w->lock);
        *w->letters_tail = letter;
        w->letters_tail = &letter->next;
        pthread_mutex_unlock(&w->lock);
        ring(w);
}

void worker_wake(struct worker *w) {
        if (!atomic_exchange(&w->is_woken, true))
                ring(w);
}

static void read_letters(struct worker *w) {
        struct worker_letter *letter, *next;

        pthread_mutex_lock(&w->lock);
        letter = w->letters;
        w->letters = NULL;
        w->letters_tail = &w->letters;
        pthread_mutex_unlock(&w->lock);
        for (; letter; letter = next) {
                next = letter->next;
                letter->run(w, letter);
        }
}

static void look_at_waiting(struct worker *w) {
        struct link *next;

        for (struct link *l = w->waiting; l; l = next) {
                next = l->next;
                link_dial_go(l);
        }
}

static void on_wake(struct worker *w) {
        uint64_t n;

        (void) !read(w->wake.fd, &n, sizeof n);
        read_letters(w);
        if (atomic_exchange(&w->is_woken, false))
                look_at_waiting(w);
}

/* --- accepting ------------------------------------------------------------------------------- */

struct new_link {
        struct worker_letter letter;
        struct mount *mount;
        int fd;
};

static void begin_link(struct worker *w, struct mount *m, int fd) {
        struct link *l;

        w->n_crowd = MAX(w->n_crowd, atomic_load(&w->n_links));
        if (link_new(w, m, fd, &l) >= 0) {
                link_dial_go(l);
                return;
        }
        atomic_fetch_sub(&w->n_links, 1);
        atomic_fetch_sub(&w->dataplane->n_open, 1);
}

static void on_new_link(struct worker *w, struct worker_letter *letter) {
        struct new_link *n = container_of(letter, struct new_link, letter);

        begin_link(w, n->mount, n->fd);
        mem_free(n);
}

static struct worker *least_busy(struct dataplane *d, struct worker *own) {
        struct worker *best = own;

        for (unsigned i = 0; i < d->n_workers; i++)
                if (atomic_load(&d->workers[i].n_links) < atomic_load(&best->n_links))
                        best = d->workers + i;
        return best;
}

static void hand_over(struct worker *w, struct mount *m, int fd) {
        struct worker *to = least_busy(w->dataplane, w);
        struct new_link *n = NULL;

        if (to != w)
                n = mem_new(struct new_link);
        if (!n)
                to = w;
        atomic_fetch_add(&to->n_links, 1);
        if (to == w) {
                begin_link(w, m, fd);
                return;
        }
        *n = (struct new_link){.letter.run = on_new_link, .mount = m, .fd = fd};
        worker_post(to, &n->letter);
}

static const char *print_peer(const struct sockaddr_storage *sa, char text[ADDRESS_MAX]) {
        char host[INET6_ADDRSTRLEN];

        switch (sa->ss_family) {
        case AF_INET: {
                const struct sockaddr_in *sa4 = (const struct sockaddr_in *) sa;

                inet_ntop(AF_INET, &sa4->sin_addr, host, sizeof host);
                snprintf(text, ADDRESS_MAX, "%s:%d", host, ntohs(sa4->sin_port));
                break;
        }
        case AF_INET6: {
                const struct sockaddr_in6 *sa6 = (const struct sockaddr_in6 *) sa;

                inet_ntop(AF_INET6, &sa6->sin6_addr, host, sizeof host);
                snprintf(text, ADDRESS_MAX, "[%s]:%d", host, ntohs(sa6->sin6_port));
                break;
        }
        default:
                snprintf(text, ADDRESS_MAX, "@");
        }
        return text;
}

static void take_client(struct worker *w, struct mount *m, int fd,
                        const struct sockaddr_storage *sa) {
        struct dataplane *d = w->dataplane;
        char text[ADDRESS_MAX];
        uint64_t n_open;

        proxy_log_info("[%s] Accepted connection from %s", m->instance->name, print_peer(sa, text));
        n_open = atomic_fetch_add(&d->n_open, 1) + 1;
        if (d->n_max > 0 && n_open > d->n_max) {
                proxy_log_info("max connections (%llu) exceeded, refusing new connection",
                               (unsigned long long) d->n_max);
                close(fd);
                atomic_fetch_sub(&d->n_open, 1);
                return;
        }
        hand_over(w, m, fd);
}

/* No descriptor is left: the reserve is spent on telling one client so, and taken back. */
static void refuse_client(struct worker *w, struct mount *m, int error) {
        if (w->now_at - w->no_fd_told_at > USEC_PER_SEC) {
                w->no_fd_told_at = w->now_at;
                proxy_log_error("[%s] Error accepting connection: %s: raise LimitNOFILE, or limit "
                                "clients by --max-connections",
                                m->instance->name, errmsg_strerror(error));
        }
        w->reserve_fd = fileio_close(w->reserve_fd);
        fileio_close(accept4(m->fd, NULL, NULL, SOCK_CLOEXEC));
        w->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void on_listener(struct worker *w, struct mount *m) {
        struct sockaddr_storage sa = {};
        socklen_t size;
        int fd;

        for (int i = 0; i < ACCEPTS_MAX; i++) {
                size = sizeof sa;
                fd = accept4(m->fd, (struct sockaddr *) &sa, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
                if (fd >= 0) {
                        take_client(w, m, fd, &sa);
                } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
                           errno == ENOMEM) {
                        refuse_client(w, m, errno);
                        return;
                } else if (errno != EINTR && errno != ECONNABORTED) {
                        return;
                }
        }
}

/* --- turns ----------------------------------------------------------------------------------- */

static void on_event(struct worker *w, struct worker_end *end, uint32_t revents) {
        struct link *l;

        switch (end->kind) {
        case WORKER_END_WAKE:
                on_wake(w);
                break;
        case WORKER_END_LISTENER:
                on_listener(w, end->mount);
                break;
        case WORKER_END_CLIENT:
                l = end->link;
                if (l->state == LINK_OPEN && end->asked)
                        link_pump_client(l, revents);
                break;
        case WORKER_END_SERVER:
                l = end->link;
                if (!end->asked)
                        break;
                if (l->state == LINK_OPEN)
                        link_pump_server(l, revents);
                else
                        link_dial_event(l, revents);
                break;
        }
}

static void run_again(struct worker *w) {
        struct link *l = w->again, *next;

        w->again = NULL;
        w->again_tail = &w->again;
        for (; l; l = next) {
                next = l->next_again;
                l->is_again = false;
                if (l->state == LINK_OPEN)
                        link_pump_more(l);
        }
}

static void end_late(struct worker *w, struct link *l) {
        struct link *next;

        for (; l; l = next) {
                next = l->next;
                if (l->deadline_at <= w->now_at)
                        link_dial_timeout(l);
        }
}

static void bury(struct worker *w) {
        struct link *next;

        for (struct link *l = w->dead; l; l = next) {
                next = l->next;
                if (l->is_again)
                        continue; /* still in a list: next turn */
                *l->prev = l->next;
                if (l->next)
                        l->next->prev = l->prev;
                mem_free(l);
        }
        /* After a crowd has gone, what the allocator kept for it goes too. */
        if (w->n_crowd >= CROWD_MIN && atomic_load(&w->n_links) <= w->n_crowd / 8) {
                w->n_crowd = 0;
                malloc_trim((size_t) 256 * 1024);
        }
}

static int turn_timeout(const struct worker *w) {
        return w->again ? 0 : w->waiting || w->dialing ? TICK_MS : -1;
}

static void turn(struct worker *w) {
        struct epoll_event events[EVENTS_MAX];
        int n = epoll_wait(w->epoll_fd, events, EVENTS_MAX, turn_timeout(w));

        w->now_at = now_mono();
        for (int i = 0; i < n; i++)
                on_event(w, events[i].data.ptr, events[i].events);
        run_again(w);
        end_late(w, w->waiting);
        end_late(w, w->dialing);
        if (w->dead)
                bury(w);
}

static void close_links(struct link *l) {
        struct link *next;

        for (; l; l = next) {
                next = l->next;
                link_close(l);
        }
}

static void *run(void *arg) {
        struct worker *w = arg;

        w->now_at = now_mono();
        while (!w->is_stopping)
                turn(w);
        close_links(w->waiting);
        close_links(w->dialing);
        close_links(w->open);
        run_again(w);
        bury(w);
        return NULL;
}

/* --- life ------------------------------------------------------------------------------------ */

int worker_init(struct worker *w, struct dataplane *d, unsigned index) {
        *w = (struct worker){.dataplane = d, .index = index, .epoll_fd = -1, .reserve_fd = -1};
        w->wake = (struct worker_end){.kind = WORKER_END_WAKE, .fd = -1};
        w->again_tail = &w->again;
        w->letters_tail = &w->letters;
        pthread_mutex_init(&w->lock, NULL);
        w->scratch = mmap(NULL, SCRATCH_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                          -1, 0);
        if (w->scratch == MAP_FAILED) {
                w->scratch = NULL;
                return -ENOMEM;
        }
        /* Clients' passwords pass through it: no core has it. */
        (void) madvise(w->scratch, SCRATCH_SIZE, MADV_DONTDUMP);
        w->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        w->wake.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        w->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        if (w->epoll_fd < 0 || w->wake.fd < 0 || w->reserve_fd < 0)
                return -errno;
        return worker_ask(w, &w->wake, EPOLLIN);
}

int worker_start(struct worker *w) {
        int r = pthread_create(&w->thread, NULL, run, w);

        w->has_thread = r == 0;
        return -r;
}

static void on_stop(struct worker *w, struct worker_letter *letter) {
        w->is_stopping = true;
        mem_free(letter);
}

void worker_join(struct worker *w) {
        struct worker_letter *letter;

        if (!w->has_thread)
                return;
        letter = mem_new(struct worker_letter);
        if (letter) {
                letter->run = on_stop;
                worker_post(w, letter);
        } else {
                pthread_cancel(w->thread);
        }
        pthread_join(w->thread, NULL);
        w->has_thread = false;
}

void worker_done(struct worker *w) {
        read_letters(w);
        fileio_close(w->epoll_fd);
        fileio_close(w->wake.fd);
        fileio_close(w->reserve_fd);
        if (w->scratch)
                munmap(w->scratch, SCRATCH_SIZE);
        pthread_mutex_destroy(&w->lock);
}
