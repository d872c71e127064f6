/* tracking_uri.h: which database: from the flag or configuration, MLFLOW_BACKEND_STORE_URI, or the
 * set MLFLOW_DB_HOST, _USER, _PORT, _NAME and _PASSWORD; and its password, which need not stand in
 * any of them. */
#pragma once

struct errmsg;
struct tracking_conf;

/* Sets conf->backend_store_uri, `otherwise` when nothing names one. A server's password comes from
 * backend_store_password_file, else from the systemd credential db_password, when the URI has none.
 * 0; -EPROTONOSUPPORT or -errno with `em`. */
int tracking_uri_complete(struct tracking_conf *conf, const char *otherwise, struct errmsg *em);

/* Blots out passwords of URIs among the arguments, which every process of the machine can read. */
void tracking_uri_hide(int argc, char **argv);
