/* otlp_proto.h: OTLP's ExportTraceServiceRequest from protobuf's wire form to its JSON form
 * (lowerCamelCase names, ids in hex, 64-bit numbers as numbers). Pure. */
#pragma once

#include <stddef.h>

#include "lib/base/json.h"

enum { OTLP_PROTO_DEPTH_MAX = 64 }; /* messages in one another */

/* Unknown fields are passed over. 0, -EINVAL (not protobuf, not UTF-8, too deep) or -ENOMEM. */
int otlp_proto_parse(struct arena *a, const void *data, size_t size, struct json **ret);
