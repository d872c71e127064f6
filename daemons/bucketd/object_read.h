/* object_read.h: the bytes of an object, whole or a range of them. */
#pragma once

struct http_request;

/* GET and HEAD by the XML API, and GET with alt=media by the JSON API. */
int object_read_xml(struct http_request *req);
int object_read_media(struct http_request *req);
