/* connection.h: a connection as Airflow has it, read from its URI or JSON form. Pure. */
#pragma once

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/errmsg.h"
#include "lib/base/macros.h"

struct json;
struct json_write;

/* Absent texts are NULL. */
struct connection {
        const char *type; /* "postgres", "http", … */
        const char *host, *login, *password, *schema;
        int port;          /* 0: none */
        const char *extra; /* usually a JSON object's text */
        const char *description;
};

/* "postgres://login:password@host:5432/schema?param=value", each part %-encoded; "__extra__" holds
 * all of extra at once. -EINVAL with *em; -ENOMEM. */
int connection_parse_uri(const char *uri, struct arena *a, struct connection *ret,
                         struct errmsg *em);

/* An object with conn_type, host, login, password, schema, port, extra, description; or its text,
 * or a URI: what an AIRFLOW_CONN_… variable may hold. */
int connection_parse_json(const struct json *j, struct arena *a, struct connection *ret,
                          struct errmsg *em);
int connection_parse(const char *text, struct arena *a, struct connection *ret, struct errmsg *em);

/* The object again, without passwords when `mask`. */
void connection_write(struct json_write *w, const struct connection *c, bool mask, struct arena *a);
/* The URI again. */
int connection_print_uri(const struct connection *c, struct arena *a, struct buf *out);

/* Does a name say that its value is a secret? As Airflow's list has it, in any case. */
bool connection_is_sensitive(const char *name);
/* JSON text with the values of such names, at any depth, as "***"; not JSON: as it is. NULL: no
 * memory. */
const char *connection_mask(const char *json, struct arena *a);
