/* objects_api.h: the JSON API's calls on objects, but for those that send or copy bytes. */
#pragma once

struct http_request;

int objects_api_list(struct http_request *req);
/* alt=media goes to object_read_media(). */
int objects_api_get(struct http_request *req);
int objects_api_delete(struct http_request *req);
int objects_api_patch(struct http_request *req);
int objects_api_update(struct http_request *req);
