/* promptlab_api.h: what somebody tried in the pages' prompt lab, kept as a run. */
#pragma once

struct http_request;

int promptlab_api_create(struct http_request *req);
