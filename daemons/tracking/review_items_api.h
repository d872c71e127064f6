/* review_items_api.h: the traces in review queues, and what became of them. */
#pragma once

struct http_request;

int review_items_api_add(struct http_request *req);
int review_items_api_remove(struct http_request *req);
int review_items_api_list(struct http_request *req);
int review_items_api_set_status(struct http_request *req);
