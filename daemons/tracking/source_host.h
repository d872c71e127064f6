/* source_host.h: sources of model versions and locations of experiments that name a host. Whoever
 * may make one must not make the server, or who loads from it, connect to a host of their choice.
 * Pure but for the environment. */
#pragma once

#include "daemons/tracking/refusal.h"

/* A host is named by http, https, mlflow-artifacts://HOST, ftp, sftp, hdfs, viewfs, r2, b2 and
 * abfss: it must be that of `artifact_root`, or the scheme one of the list in
 * MLFLOW_ALLOWED_HOST_ADDRESSED_ARTIFACT_SCHEMES. `field` is told. 0, REFUSED or -ENOMEM. */
int source_host_check(struct refusal *r, const char *field, const char *source,
                      const char *artifact_root);
