/* folders_api.h: the JSON API's calls on the folders of hierarchical buckets. */
#pragma once

struct http_request;

int folders_api_list(struct http_request *req);
int folders_api_get(struct http_request *req);
int folders_api_insert(struct http_request *req);
int folders_api_delete(struct http_request *req);
/* Done when it is answered, with all that lies below; the operation can be asked for afterwards. */
int folders_api_rename(struct http_request *req);
int folders_api_operation(struct http_request *req);
