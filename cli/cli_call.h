/* cli_call: asking a daemon over its Unix socket, as the user who runs the command. */
#pragma once

#include "cli/cli.h"
#include "lib/base/buf.h"
#include "lib/base/json.h"

struct cli_call {
        const char *daemon;       /* "scheduler": its socket is <runtime_dir>/scheduler.sock */
        const char *method;       /* NULL: GET, or POST with a body */
        const char *target;       /* "/api/v2/dags?limit=5", encoded: see cli_call_path() */
        const char *content_type; /* NULL: application/json */
        const void *body;
        size_t body_size;
        const char *address; /* in place of the socket, "127.0.0.1:8090"; daemon is then its name */
};

/* The answer as it is, whatever its status; the body is in c->arena. 0, or negative with c->em
 * naming the daemon and how to start it. */
int cli_call_raw(struct cli *c, const struct cli_call *call, int *ret_status, const char **ret_body,
                 size_t *ret_size);
/* A 2xx answer as JSON. -ENOENT (404), -EACCES (401, 403), -EREMOTEIO (others) with the daemon's
 * own words in c->em. */
int cli_call_json(struct cli *c, const struct cli_call *call, const struct json **ret);
/* GET and its JSON. */
int cli_call_get(struct cli *c, const char *daemon, const char *target, const struct json **ret);

/* A path from its parts, each percent-encoded: cli_call_path(c, "api", "v2", "dags", id, NULL).
 * NULL when out of memory. */
const char *cli_call_path(struct cli *c, ...) __attribute__((sentinel)) _must_check_;
/* path with ?name=value (or &) added, encoded; a NULL value adds nothing. */
const char *cli_call_query(struct cli *c, const char *path, const char *name,
                           const char *value) _must_check_;

/* Prints the tree as JSON, with a newline. */
int cli_call_print(struct cli *c, const struct json *j);
