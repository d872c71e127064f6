/* metadata.h: what the machine is told about itself by Google's metadata server. Blocking; on a
 * loop see metadata_watch.h. The server is at GCE_METADATA_HOST (HOST[:PORT]), else at
 * 169.254.169.254; it is never asked through a proxy. */
#pragma once

#include "lib/base/errmsg.h"
#include "lib/base/macros.h"
#include "lib/net/http_fetch.h"

#define METADATA_PROJECT "project/project-id"
#define METADATA_INSTANCE_NAME "instance/name"
#define METADATA_INSTANCE_ID "instance/id"
#define METADATA_ZONE "instance/zone"                     /* projects/NUMBER/zones/ZONE */
#define METADATA_MAINTENANCE "instance/maintenance-event" /* NONE, MIGRATE_ON_HOST_MAINTENANCE… */
#define METADATA_PREEMPTED "instance/preempted"           /* FALSE, TRUE */
#define METADATA_TOKEN "instance/service-accounts/default/token"

#define METADATA_ETAG_SIZE 64

/* Is this a machine of Google's, or is another server named? Nobody is asked. */
bool metadata_is_here(void);
/* HOST[:PORT]; never NULL. */
const char *metadata_host(void);
/* "http://HOST/computeMetadata/v1/PATH"; NULL when out of memory. */
char *metadata_url(const char *path);

/* The value at path, a query allowed; *ret is the caller's. for_usec: 0 = 5 s.
 * -ENOENT: no such value; -EPROTO: somebody else answers there; -EAGAIN: busy; as http_fetch(). */
int metadata_get(struct http_fetch *http, const char *path, usec_t for_usec, char **ret,
                 struct errmsg *em);
/* Says `value` under "NAMESPACE/KEY" of the guest attributes, for who asks from outside.
 * -EACCES: the machine does not allow it (enable-guest-attributes); as metadata_get(). */
int metadata_put_guest(struct http_fetch *http, const char *key, const char *value,
                       struct errmsg *em);
/* The value once it is another than the one that etag ("" = none yet) stands for; etag is brought
 * up to date. 1: the same for wait_for (whole seconds), *ret is untouched. */
int metadata_wait(struct http_fetch *http, const char *path, usec_t wait_for,
                  char etag[METADATA_ETAG_SIZE], char **ret, struct errmsg *em);
