/* scorers_online_api.h: what scorers are to judge by themselves. Nothing is judged here: it is kept
 * and told, for a server of MLflow's on the same database that does.
 */
#pragma once

struct http_request;

int scorers_online_api_list(struct http_request *req);
int scorers_online_api_set(struct http_request *req);
