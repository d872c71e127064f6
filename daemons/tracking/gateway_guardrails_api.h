/* gateway_guardrails_api.h: the AI gateway's guardrails: scorers that look at calls to its models
 * before or after a model does, and stop or clean them. They are kept and shown here; MLflow's own
 * server, which asks the models, holds calls to them.
 */
#pragma once

#include "daemons/tracking/gateway_guardrails_sql.h"

struct ask;
struct http_request;
struct json_write;

int gateway_guardrails_api_create(struct http_request *req);
int gateway_guardrails_api_get(struct http_request *req);
int gateway_guardrails_api_list(struct http_request *req);
int gateway_guardrails_api_delete(struct http_request *req);

/* The fields of one, into an object that is open; `judge`: with what judges. */
void gateway_guardrails_api_write(struct json_write *w, const struct gateway_guardrail *x,
                                  bool judge);
/* Who makes one: the one who asks; where nobody is asked who he is, the server's own user, as
 * MLflow has it. NULL: not known; q->result when broken. May block. */
const char *gateway_guardrails_api_user(struct ask *q);
