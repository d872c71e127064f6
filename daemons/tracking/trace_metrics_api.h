/* trace_metrics_api.h: numbers over many traces, spans and assessments, for the pages' charts. */
#pragma once

struct http_request;

int trace_metrics_api_query(struct http_request *req);
