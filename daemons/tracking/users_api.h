/* users_api.h: users, roles and permissions, as the client of MLflow's basic-auth app asks for
 * them; rows are in tracking_routes.def. Without access control they are not there (404). */
#pragma once

struct http_request;

int users_api_create(struct http_request *req);
int users_api_get(struct http_request *req);
int users_api_list(struct http_request *req);
int users_api_current(struct http_request *req);
int users_api_update_password(struct http_request *req);
int users_api_update_admin(struct http_request *req);
int users_api_delete(struct http_request *req);
