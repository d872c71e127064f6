/* issues_api.h: what is wrong with the traces of an experiment, each with its name, severity and
 * state; a trace refers to it by an assessment. */
#pragma once

struct http_request;

int issues_api_create(struct http_request *req);
int issues_api_get(struct http_request *req);
int issues_api_update(struct http_request *req);
int issues_api_search(struct http_request *req);
