/* tracking_routes.h: the rows of tracking_routes.def as the HTTP server takes them. */
#pragma once

#include <stddef.h>

struct arena;
struct http_route;

/* Each path with `prefix` ("" or "/mlflow") before it. From the arena; NULL when out of memory. */
struct http_route *tracking_routes_new(struct arena *a, const char *prefix, size_t *ret_n);
