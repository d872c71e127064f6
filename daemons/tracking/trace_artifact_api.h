/* trace_artifact_api.h: a trace's spans as a file, and the files attached to it. */
#pragma once

struct http_request;

int trace_artifact_api_get(struct http_request *req);
