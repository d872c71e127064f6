/* server_info_api.h: what the server says about itself; rows are in tracking_routes.def. */
#pragma once

struct buf;
struct http_request;

int server_info_api_health(struct http_request *req);
int server_info_api_version(struct http_request *req);
int server_info_api_info(struct http_request *req);
int server_info_api_metrics(struct http_request *req);
int server_info_api_root(struct http_request *req);

/* Writes the body of answers the HTTP server makes itself, as MLflow's does: pages for unknown
 * paths and wrong methods, JSON for the rest. Returns the content type. */
const char *server_info_api_error(struct http_request *req, int status, const char *message,
                                  struct buf *out);
