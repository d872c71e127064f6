/* review_queues_api.h: review queues: who reviews which traces, and what is asked of them.
 * The traces in them are review_items_api.h.
 */
#pragma once

#include "daemons/tracking/review_queues_sql.h"

struct http_request;
struct job;

int review_queues_api_create(struct http_request *req);
int review_queues_api_get_or_create_user(struct http_request *req);
int review_queues_api_get(struct http_request *req);
int review_queues_api_get_by_name(struct http_request *req);
int review_queues_api_list(struct http_request *req);
int review_queues_api_update(struct http_request *req);
int review_queues_api_delete(struct http_request *req);

/* What is done with a queue, for who may not do everything. */
enum review_queues_api_use {
        REVIEW_QUEUES_API_SEE,    /* managers, its users, and its owner when he may edit */
        REVIEW_QUEUES_API_FILL,   /* who may edit the experiment */
        REVIEW_QUEUES_API_SHAPE,  /* managers, and its owner when he may edit */
        REVIEW_QUEUES_API_PRUNE,  /* the same, but a user's own queue is the managers' */
        REVIEW_QUEUES_API_MANAGE, /* managers */
        REVIEW_QUEUES_API_REVIEW, /* its users when they may edit */
};

/* The queue, if this may be done with it: 0, REFUSED or -errno. */
int review_queues_api_need(struct job *j, struct db *db, const char *id,
                           enum review_queues_api_use use, struct review_queue *ret);

/* The one who asks, by name; NULL: access control is off, nobody is known. */
const char *review_queues_api_user(const struct job *j);
