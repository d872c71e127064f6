/* assessments_api.h: the handlers of assessments; rows are in tracking_routes.def. */
#pragma once

struct http_request;

int assessments_api_create(struct http_request *req);
int assessments_api_get(struct http_request *req);
int assessments_api_update(struct http_request *req);
int assessments_api_delete(struct http_request *req);
