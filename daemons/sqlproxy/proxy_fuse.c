/* --fuse: sockets made when somebody looks for them. Each instance that was asked for has a place
 * of its own, which stays; who asks before its engine is known waits for that. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "daemons/sqlproxy/proxy.h"
#include "daemons/sqlproxy/proxy_log.h"
#include "daemons/sqlproxy/socket_dir.h"
#include "lib/base/fileio.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

#define PLACES_MAX 1000

struct proxy_fuse_place {
        struct proxy_place place;
        struct socket_dir_ask **asks; /* waiting */
        size_t n_asks, cap;
        struct proxy_fuse_place *next;
};

static void answer_all(struct proxy_fuse_place *f, const char *target) {
        for (size_t i = 0; i < f->n_asks; i++)
                socket_dir_answer(f->asks[i], target);
        f->n_asks = 0;
}

static int open_socket(struct proxy *p, struct proxy_fuse_place *f, struct errmsg *em) {
        struct flags *flags = &p->flags;
        char *kept = flags->unix_socket;
        int r;

        /* As if --unix-socket named the temporary directory. */
        flags->unix_socket = flags->fuse_tmp_dir;
        r = mounts_open(flags, &f->place.arg, f->place.instance->settings.engine, &p->ports,
                        &f->place.mount, em);
        flags->unix_socket = kept;
        if (r < 0)
                return r;
        f->place.mount->instance = f->place.instance;
        proxy_log_info("[%s] Listening on %s", f->place.arg.name, f->place.mount->address);
        return dataplane_serve(p->dataplane, f->place.mount);
}

static void try_place(struct proxy *p, struct proxy_fuse_place *f) {
        _cleanup_free_ char *target = str_printf("%s/%s", p->flags.fuse_tmp_dir, f->place.arg.name);
        struct instance *i = f->place.instance;
        struct errmsg em = {};
        int r = 0;

        if (!target)
                return answer_all(f, NULL);
        if (!f->place.mount && *i->settings.engine)
                r = open_socket(p, f, &em);
        else if (!f->place.mount && (i->fetch || i->facts.state == REFRESH_EMPTY))
                return;
        if (r < 0)
                proxy_log_error("could not create socket for \"%s\": %s", i->name, em.text);
        answer_all(f, f->place.mount ? target : NULL);
}

void proxy_fuse_changed(struct proxy *p, struct instance *i) {
        for (struct proxy_fuse_place *f = p->fuse_places; f; f = f->next)
                if (f->place.instance == i && f->n_asks > 0)
                        try_place(p, f);
}

static struct proxy_fuse_place *find_place(struct proxy *p, const char *name) {
        struct proxy_fuse_place *f = p->fuse_places;
        size_t n = 0;

        for (; f; f = f->next, n++)
                if (str_eq(f->place.arg.name, name))
                        return f;
        if (n >= PLACES_MAX)
                return NULL;
        f = mem_new(struct proxy_fuse_place);
        if (!f)
                return NULL;
        if (str_copy(f->place.arg.name, sizeof f->place.arg.name, name) < 0 ||
            proxy_add_instance(p, &f->place) < 0) {
                mem_free(f);
                return NULL;
        }
        f->place.instance->is_engine_wanted = true;
        f->next = p->fuse_places;
        p->fuse_places = f;
        return f;
}

static void on_ask(void *ctx, struct socket_dir_ask *ask, const char *name) {
        struct proxy *p = ctx;
        struct proxy_fuse_place *f = p->phase == PROXY_CLOSED ? NULL : find_place(p, name);

        if (!f || mem_grow((void **) &f->asks, &f->cap, f->n_asks + 1, sizeof *f->asks) < 0) {
                socket_dir_answer(ask, NULL);
                return;
        }
        f->asks[f->n_asks++] = ask;
        if (!f->place.mount && !f->place.instance->fetch) {
                f->place.instance->facts.is_wanted = true;
                instance_turn(f->place.instance);
        }
        if (f->place.mount || *f->place.instance->settings.engine)
                try_place(p, f);
}

static bool is_name(const char *name) {
        struct conn_name cn;

        return conn_name_parse(name, &cn, NULL) >= 0;
}

int proxy_fuse_init(struct proxy *p, struct errmsg *em) {
        struct socket_dir_options o = {.loop = p->loop,
                                       .path = p->flags.fuse,
                                       .ask = on_ask,
                                       .is_name = is_name,
                                       .ctx = p};
        struct stat st;
        int r;

        if (stat(p->flags.fuse, &st) < 0)
                return errmsg_errno(em, -errno, "unable to start: stat %s", p->flags.fuse);
        r = fileio_mkdir_p(p->flags.fuse_tmp_dir, 0777);
        if (r < 0)
                return errmsg_errno(em, r, "unable to start: mkdir %s", p->flags.fuse_tmp_dir);
        return socket_dir_new(&o, &p->socket_dir, em);
}

void proxy_fuse_done(struct proxy *p) {
        struct proxy_fuse_place *next;

        p->socket_dir = socket_dir_free(p->socket_dir);
        for (struct proxy_fuse_place *f = p->fuse_places; f; f = next) {
                next = f->next;
                mounts_close(f->place.mount);
                domain_watch_free(f->place.watch);
                mem_free(f->asks);
                mem_free(f);
        }
        p->fuse_places = NULL;
}
