/* artifacts_api.h: the artifact proxy: the store by path; rows are in tracking_routes.def. */
#pragma once

struct http_body_ops;
struct http_request;

int artifacts_api_list(struct http_request *req);
int artifacts_api_get(struct http_request *req);
int artifacts_api_delete(struct http_request *req);
/* The end of an upload; its pieces go through artifacts_api_put_body. */
int artifacts_api_put(struct http_request *req);
extern const struct http_body_ops artifacts_api_put_body;

struct ask;

/* May who asks do what the request does to this name in the server's store? EXPERIMENT/…: what is
 * not below an experiment is for those who may do everything. 0, REFUSED or -errno. */
int artifacts_api_check(struct ask *q, const char *name);
