/* store_local.h: a store in a local directory: an object is a file at its name. */
#pragma once

#include "lib/store/store.h"

/* Makes `dir` if it is absent; sweeps what interrupted puts left. `em` names the directory, the uid
 * and the remedy. */
int store_local_open(const char *dir, struct errmsg *em, struct store **ret_store);

/* Somebody else's directory, which must be there: nothing is made or changed in it. */
int store_local_open_to_read(const char *dir, struct errmsg *em, struct store **ret_store);
