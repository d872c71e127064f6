/* signup_api.h: MLflow's form for a new user: /signup and what it sends to, users/create-ui. For
 * administrators; both are not there without access control.
 *
 * A browser sends a password along with every request, also with one that a stranger's page makes
 * it send: the form carries a token that only who may see the form can know. It is signed with
 * tracking.form_key and names the user it was given to and the end of its hour.
 */
#pragma once

struct http_request;
struct tracking;

/* tracking.form_key: of MLFLOW_FLASK_SERVER_SECRET_KEY, so that several servers take each other's
 * forms, else by chance. 0 or -errno. */
int signup_api_key(struct tracking *t);

int signup_api_form(struct http_request *req);
int signup_api_create(struct http_request *req);
