/* artifact_reply.h: answers made from the artifact store. On a worker's thread: they block. */
#pragma once

#include "daemons/tracking/job.h"

/* Replies the file `name` of the store as an attachment, with ranges; 404 "No such artifact: …" by
 * the name the client knows it by. What a route's handler returns. */
int artifact_reply_file(struct ask *q, const char *name, const char *shown);

/* Replies {"root_uri": …, "files": […]} of what lies directly below `name`, by name. Paths begin
 * with `parent`; `root_uri` may be NULL. */
int artifact_reply_list(struct ask *q, const char *name, const char *parent, const char *root_uri);

/* A URI as a name in the store with `path` behind it. 0, or REFUSED when this server does not serve
 * it; kept in q->result. */
int artifact_reply_locate(struct ask *q, const char *uri, const char *path, const char **ret);

/* REFUSED (503) with --no-serve-artifacts; kept in q->result. */
int artifact_reply_need_store(struct ask *q);
