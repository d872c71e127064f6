/* Owns the life of links: making, moving between lists, closing. */
#include "daemons/sqlproxy/link.h"

#include <assert.h>
#include <errno.h>
#include <unistd.h>

#include "daemons/sqlproxy/worker.h"
#include "lib/base/fileio.h"
#include "lib/base/mem.h"

#define TO(x) STATE_TABLE_BIT(LINK_##x)
static const struct state_table_row rows[] = {
#define STATE(name, text, next) {text, next},
#include "daemons/sqlproxy/link_states.def"
#undef STATE
};
#undef TO
const struct state_table link_states = {"link", rows, LINK_N_STATES};

static struct link **list_of(struct worker *w, enum link_state s) {
        switch (s) {
        case LINK_WAITING:
                return &w->waiting;
        case LINK_OPEN:
                return &w->open;
        case LINK_CLOSED:
                return &w->dead;
        default:
                return &w->dialing;
        }
}

static void unlist(struct link *l) {
        if (!l->prev)
                return;
        *l->prev = l->next;
        if (l->next)
                l->next->prev = l->prev;
        l->prev = NULL;
}

static void enlist(struct link *l) {
        struct link **list = list_of(l->worker, l->state);

        l->next = *list;
        l->prev = list;
        if (l->next)
                l->next->prev = &l->next;
        *list = l;
}

void link_move(struct link *l, enum link_state to) {
        assert(state_table_allows(&link_states, l->state, to));
        unlist(l);
        l->state = to;
        enlist(l);
}

int link_new(struct worker *w, struct mount *m, int fd, struct link **ret) {
        struct link *l = mem_new(struct link);

        if (!l) {
                fileio_close(fd);
                return -ENOMEM;
        }
        l->worker = w;
        l->mount = m;
        l->client = (struct worker_end){.kind = WORKER_END_CLIENT, .fd = fd, .link = l};
        l->server = (struct worker_end){.kind = WORKER_END_SERVER, .fd = -1, .link = l};
        l->began_at = w->now_at;
        l->deadline_at = w->now_at + LINK_DIAL_FOR;
        l->dial = mem_new(struct link_dial);
        if (!l->dial) {
                fileio_close(fd);
                mem_free(l);
                return -ENOMEM;
        }
        enlist(l);
        *ret = l;
        return 0;
}

void link_tell_probe(struct link *l, int r, const struct errmsg *em) {
        void (*probed)(void *ctx, int r, const struct errmsg *em) = l->probed;

        l->probed = NULL;
        if (probed)
                probed(l->probed_ctx, r, em);
}

void link_close(struct link *l) {
        struct worker *w = l->worker;
        struct dataplane *d = w->dataplane;

        if (l->state == LINK_CLOSED)
                return;
        link_tell_probe(l, -ECANCELED, NULL);
        if (l->state == LINK_OPEN)
                atomic_fetch_sub(&l->mount->instance->counters.n_open, 1);
        worker_ask(w, &l->client, 0);
        worker_ask(w, &l->server, 0);
        l->tls = tls_mutual_conn_free(l->tls);
        l->server.fd = fileio_close(l->server.fd);
        l->client.fd = fileio_close(l->client.fd);
        l->identity = identity_unref(l->identity);
        link_pump_drop(&l->rest);
        link_pump_drop(&l->replay);
        l->dial = mem_free(l->dial);
        link_move(l, LINK_CLOSED);
        atomic_fetch_sub(&w->n_links, 1);
        if (l->is_probe)
                return;
        atomic_fetch_sub(&d->n_open, 1);
        if (d->closed)
                d->closed(d->ctx);
}
