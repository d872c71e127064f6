/* xml_list.h: the XML API's listing of a bucket, in both of its versions. */
#pragma once

struct http_request;

int xml_list(struct http_request *req);
