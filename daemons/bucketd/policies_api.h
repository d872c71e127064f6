/* policies_api.h: who may use a bucket, as clients say and ask it. Kept and said again: this server
 * lets in who has its token, whatever a policy says. */
#pragma once

struct http_request;
struct json;
struct refused;

int policies_api_get(struct http_request *req);
int policies_api_set(struct http_request *req);
/* Who is answered may do everything. */
int policies_api_test(struct http_request *req);
/* Calls on access control lists, and on policies of single objects. */
int policies_api_no_acl(struct http_request *req);

/* Access control lists, in a resource or as a predefined one, are refused as in a bucket with
 * uniform access, and so is what absent.h knows. resource may be NULL. 0, REFUSED. */
int policies_api_check_acl(struct http_request *req, const struct json *resource,
                           struct refused *no);
