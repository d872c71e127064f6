/* admin_api: what the admin server on localhost answers: /quitquitquit, and for --debug what there
 * is to see inside. */
#pragma once

#include "lib/net/http_request.h"

int admin_api_quit(struct http_request *req);
int admin_api_index(struct http_request *req);
int admin_api_cmdline(struct http_request *req);
int admin_api_heap(struct http_request *req);
int admin_api_connections(struct http_request *req);
