/* store_gcs_list.h: listings of a bucket in the store's terms. */
#pragma once

#include "lib/gcp/gcs_object.h"
#include "lib/gcp/store_gcs_call.h"
#include "lib/store/store.h"

/* What a store says of an object. */
void store_gcs_list_info(const struct gcs_object *o, struct store_info *ret);
/* As store_list(); names are whole. */
int store_gcs_list(const struct store_gcs_call *c, const struct store_list *list,
                   int (*each)(const struct store_entry *entry, void *userdata), void *userdata,
                   struct errmsg *em, bool *ret_more);
