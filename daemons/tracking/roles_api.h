/* roles_api.h: roles, what they grant and who has them; and grants to one user. */
#pragma once

struct http_request;
struct users_call;

/* "roles" of a user, as many as the asker may see. */
void roles_api_write_of(struct users_call *c, const char *user);

int roles_api_create(struct http_request *req);
int roles_api_get(struct http_request *req);
int roles_api_list(struct http_request *req);
int roles_api_update(struct http_request *req);
int roles_api_delete(struct http_request *req);
int roles_api_add_permission(struct http_request *req);
int roles_api_remove_permission(struct http_request *req);
int roles_api_list_permissions(struct http_request *req);
int roles_api_update_permission(struct http_request *req);
int roles_api_assign(struct http_request *req);
int roles_api_unassign(struct http_request *req);
int roles_api_of_user(struct http_request *req);
int roles_api_members(struct http_request *req);
int roles_api_grant(struct http_request *req);
int roles_api_revoke(struct http_request *req);
int roles_api_get_grant(struct http_request *req);
int roles_api_grants_of_user(struct http_request *req);
int roles_api_own_grants(struct http_request *req);
