/* fixed_api.h: answers that are always the same: what MLflow's pages ask to see whether a feature
 * is there, and features this server does not have. */
#pragma once

struct http_request;

struct fixed_api {
        int status;
        const char *type, *text;
};

/* Replies the struct fixed_api at the route's data. */
int fixed_api_answer(struct http_request *req);

/* 503: what MLflow's server says of workspaces when it was started without them. */
int fixed_api_no_workspaces(struct http_request *req);

/* 501 in MLflow's form; the route's data is the feature's name. */
int fixed_api_left_out(struct http_request *req);
