/* lineage_api.h: what the mounts of this machine say of the tasks that use them. */
#pragma once

struct http_request;

/* POST /internal/tries/{try_id}/objects: {"objects": [{"bucket", "name", "generation", "written"}],
 * "more": there were more than are told}. A task may speak for its own try alone. */
int lineage_api_objects(struct http_request *req);
