/* See mounts.h. */
#include "daemons/sqlproxy/mounts.h"

#include <errno.h>
#include <unistd.h>

#include "daemons/sqlproxy/mount_tcp.h"
#include "daemons/sqlproxy/mount_unix.h"
#include "lib/base/fileio.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

void mounts_ports_init(struct mounts_ports *p, uint16_t global) {
        *p = (struct mounts_ports){global, 5432, 3306, 1433};
}

uint16_t mounts_ports_take(struct mounts_ports *p, const char *engine) {
        if (p->global)
                return p->global++;
        if (str_starts(engine, "MYSQL"))
                return p->mysql++;
        if (str_starts(engine, "POSTGRES"))
                return p->postgres++;
        return str_starts(engine, "SQLSERVER") ? p->sqlserver++ : 0;
}

bool mounts_is_unix(const struct flags *f, const struct instance_arg *a) {
        bool wants_unix = *f->unix_socket || *a->unix_socket || *a->unix_socket_path;

        return wants_unix && !*a->address && a->port == 0;
}

bool mounts_needs_engine(const struct flags *f, const struct instance_arg *a) {
        return mounts_is_unix(f, a) || (a->port == 0 && f->port == 0);
}

enum identity_path mounts_path(const struct flags *f, const struct instance_arg *a) {
        if (a->private_ip == INSTANCE_ARG_TRUE || (!a->private_ip && f->private_ip))
                return IDENTITY_PRIVATE;
        if (a->psc == INSTANCE_ARG_TRUE || (!a->psc && f->psc))
                return IDENTITY_PSC;
        return f->auto_ip ? IDENTITY_AUTO : IDENTITY_PUBLIC;
}

static int open_unix(const struct flags *f, const struct instance_arg *a, const char *engine,
                     struct mount *m, struct errmsg *em) {
        bool has_path = *a->unix_socket_path;
        const char *dir = *f->unix_socket ? f->unix_socket : a->unix_socket;
        struct mount_unix_place place = {
                .path = has_path ? a->unix_socket_path : dir,
                .name = has_path ? NULL : a->name,
                .is_pg = str_starts(engine, "POSTGRES"),
        };

        return mount_unix_open(m, &place, em);
}

int mounts_open(const struct flags *f, const struct instance_arg *a, const char *engine,
                struct mounts_ports *ports, struct mount **ret, struct errmsg *em) {
        struct mount *m = mem_new(struct mount);
        int r;

        if (!m)
                return errmsg_errno(em, -ENOMEM, "cannot listen");
        m->fd = -1;
        m->path = mounts_path(f, a);
        m->is_unix = mounts_is_unix(f, a);
        if (m->is_unix)
                r = open_unix(f, a, engine, m, em);
        else
                r = mount_tcp_open(m, *a->address ? a->address : f->address,
                                   a->port ?: mounts_ports_take(ports, engine), em);
        if (r < 0) {
                mounts_close(m);
                return r;
        }
        *ret = m;
        return 0;
}

struct mount *mounts_close(struct mount *m) {
        if (!m)
                return NULL;
        fileio_close(m->fd);
        if (m->unix_path && !m->is_kept)
                (void) unlink(m->unix_path);
        mem_free(m->unix_path);
        mem_free(m->ends);
        return mem_free(m);
}
