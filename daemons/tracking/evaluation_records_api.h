/* evaluation_records_api.h: what is in an evaluation dataset. */
#pragma once

struct http_request;

int evaluation_records_api_upsert(struct http_request *req);
int evaluation_records_api_list(struct http_request *req);
int evaluation_records_api_delete(struct http_request *req);
