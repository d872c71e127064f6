/* graphql_api.h: the GraphQL requests that MLflow's pages make. */
#pragma once

struct http_request;

int graphql_api_ask(struct http_request *req);
