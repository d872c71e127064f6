/* parts: what runs here, asked by its sockets and addresses. */
#pragma once

#include "cli/cli.h"
#include "cli/part_process.h"

struct json;

#define PARTS_MAX 64

struct part {
        const char *name;
        bool ok;
        const char *where;
        const char *note; /* what is wrong with it, or NULL */
        struct part_process process;
};

struct parts {
        struct part parts[PARTS_MAX];
        size_t n_parts;
        bool all_ok;
        bool has_hidden; /* model services, which this user may not see: c->em says why */
};

/* Every daemon, model service, proxy and mounted bucket; *ret_scheduler: the scheduler's own
 * status, or NULL. 0, or negative with c->em set. */
int parts_look(struct cli *c, struct parts *s, const struct json **ret_scheduler);
