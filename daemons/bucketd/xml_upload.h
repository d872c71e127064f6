/* xml_upload.h: the XML API's uploads in parts: begun, sent in any order, completed or given up. */
#pragma once

#include "daemons/bucketd/upload.h"

/* POST with ?uploads, or with ?uploadId: the list of parts that make the object. */
int xml_upload_post(struct http_request *req);
/* PUT of a part: its bytes are in u's sink. */
int xml_upload_put_part(struct upload *u);
/* GET and DELETE with ?uploadId. */
int xml_upload_list(struct http_request *req);
int xml_upload_abort(struct http_request *req);

/* One "<PartNumber>, <ETag>" after the other. 1 with *ret, 0 at the end, -EINVAL. *text moves on.
 */
struct xml_upload_part {
        int64_t number;
        const char *etag; /* without quotes; "" when it names none */
};
int xml_upload_next_part(struct arena *a, const char **text, struct xml_upload_part *ret);

enum { XML_UPLOAD_PARTS_MAX = 10000 };
