/* otlp_api.h: POST /v1/traces: spans of OpenTelemetry's exporters, in protobuf or JSON. */
#pragma once

struct http_request;

int otlp_api_export(struct http_request *req);
