/* xml_api.h: the XML API's calls on objects. */
#pragma once

struct http_body_ops;
struct http_request;

extern const struct http_body_ops xml_api_put_body;
int xml_api_put(struct http_request *req);
int xml_api_delete(struct http_request *req);
