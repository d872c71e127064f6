/* xml_api.h: the XML API's calls on objects. */
#pragma once

struct http_body_ops;
struct http_request;

struct refused;
struct upload;

/* What the headers of a request say of the object it makes: its name, metadata … 0, REFUSED,
 * -errno. */
int xml_api_take_headers(struct upload *u, struct refused *no);

int xml_api_get(struct http_request *req);
extern const struct http_body_ops xml_api_put_body;
int xml_api_put(struct http_request *req);
int xml_api_delete(struct http_request *req);
