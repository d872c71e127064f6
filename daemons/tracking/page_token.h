/* page_token.h: where the next page of a search begins, as the base64 of {"offset": N}. Pure. */
#pragma once

#include "daemons/tracking/refusal.h"
#include "lib/base/json_write.h"

/* NULL and "" are the beginning. 0, REFUSED or -ENOMEM. */
int page_token_parse(const char *token, struct refusal *r, int64_t *ret_offset);

/* From the arena; NULL when out of memory. */
const char *page_token_print(struct arena *a, int64_t offset);

/* Writes next_page_token, which most lists have only where there is a next page. 0 or -ENOMEM. */
int page_token_write_next(struct json_write *w, struct arena *a, int64_t next_offset);

/* Writes next_page_token, "" on the last page, as MLflow's newer lists have it. 0 or -ENOMEM. */
int page_token_write(struct json_write *w, struct arena *a, bool has_more, int64_t next_offset);
