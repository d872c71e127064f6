/* artifact_reply.h: answers made from the artifact store. On a worker's thread: they block. */
#pragma once

#include "daemons/tracking/job.h"

struct store;

/* An artifact, or a directory of them, in a store. */
struct artifact_place {
        struct store *store;
        const char *name;
        const char *missing; /* a 404's words in place of "No such artifact: …", or NULL */
};

/* Replies the file as an attachment, with ranges; 404 by the name the client knows it by. What a
 * route's handler returns. */
int artifact_reply_file(struct ask *q, const struct artifact_place *place, const char *shown);

/* Replies {"root_uri": …, "files": […]} of what lies directly below the place, by name. Paths begin
 * with `parent`; `root_uri` may be NULL. */
int artifact_reply_list(struct ask *q, const struct artifact_place *place, const char *parent,
                        const char *root_uri);

/* Where a URI with `path` behind it lies: in this server's store or in a bucket. 0, or REFUSED when
 * this server does not serve it; kept in q->result. */
int artifact_reply_locate(struct ask *q, const char *uri, const char *path,
                          struct artifact_place *ret);

/* A name in this server's own store: REFUSED (503) with --no-serve-artifacts; kept in q->result. */
int artifact_reply_need_store(struct ask *q);

/* A refusal for what a store answered to the storing of `name`. */
int artifact_reply_refuse_put(struct ask *q, int r, const char *name, const struct errmsg *em);
