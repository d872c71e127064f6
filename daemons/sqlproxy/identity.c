/* See identity.h. */
#include "daemons/sqlproxy/identity.h"

#include "lib/base/mem.h"
#include "lib/base/str.h"

struct identity *identity_new(void) {
        struct identity *i = mem_new(struct identity);

        if (i)
                atomic_init(&i->n_refs, 1);
        return i;
}

struct identity *identity_ref(struct identity *i) {
        atomic_fetch_add(&i->n_refs, 1);
        return i;
}

struct identity *identity_unref(struct identity *i) {
        if (!i || atomic_fetch_sub(&i->n_refs, 1) != 1)
                return NULL;
        tls_mutual_unref(i->tls);
        mem_free(i->verify_name);
        str_free_list(i->public_host);
        str_free_list(i->private_host);
        str_free_list(i->psc_hosts);
        str_free_list(i->domain_hosts);
        return mem_free(i);
}

char *const *identity_hosts(const struct identity *i, enum identity_path path, const char *name,
                            struct errmsg *em) {
        static const char *const words[] = {"PUBLIC", "PRIVATE", "PSC", "AutoIP"};
        char **hosts = NULL;

        switch (path) {
        case IDENTITY_PUBLIC:
                hosts = i->public_host;
                break;
        case IDENTITY_PRIVATE:
                hosts = i->private_host;
                break;
        case IDENTITY_PSC:
                hosts = i->psc_hosts;
                break;
        case IDENTITY_AUTO:
                hosts = i->public_host ?: i->private_host;
                break;
        }
        if (!hosts) {
                errmsg_set(em,
                           "config error: instance does not have IP of type \"%s\" "
                           "(connection name = \"%s\")",
                           words[path], name);
                return NULL;
        }
        return i->domain_hosts ?: hosts;
}

bool identity_is_valid(const struct identity *i, usec_t now_at) {
        return i->expires_at > now_at;
}
