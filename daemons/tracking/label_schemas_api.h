/* label_schemas_api.h: the questions that reviewers of an experiment's traces answer. */
#pragma once

struct http_request;

int label_schemas_api_create(struct http_request *req);
int label_schemas_api_get(struct http_request *req);
int label_schemas_api_get_by_name(struct http_request *req);
int label_schemas_api_list(struct http_request *req);
int label_schemas_api_update(struct http_request *req);
int label_schemas_api_delete(struct http_request *req);
