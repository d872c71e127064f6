/* address: where the pages and services of this machine are. */
#pragma once

#include "cli/cli.h"

struct json;

struct address {
        const char *web;      /* "127.0.0.1:8080" */
        const char *tracking; /* "127.0.0.1:5000" */
        bool from_up;         /* as `onebox up` runs them; else as configured */
};

/* 0, or negative with c->em set (a bad configuration). */
int address_find(struct cli *c, struct address *ret);

/* Model services, from services/NAME.json: an array of their documents, sorted by name; those that
 * cannot be read are left out. 0, or negative with c->em set; -EACCES: not for this user. */
int address_services(struct cli *c, const struct json ***ret, size_t *ret_n);
/* "127.0.0.1:PORT" of a service; NULL when it names none. */
const char *address_of_service(struct cli *c, const struct json *service);
