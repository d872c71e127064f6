/* run_tags.h: tags of runs that mean something to the server. */
#pragma once

#include "daemons/tracking/ask.h"

struct auth_identity;
struct db;

/* Sets a tag; mlflow.runName also names the run. 0 or -errno. */
int run_tags_set(struct db *db, const char *run_id, const char *key, const char *value);

/* Marks the run as the one of a task's try: onebox.dag_id, … 0 or -errno. */
int run_tags_of_try(struct db *db, const char *run_id, const struct auth_identity *who);

/* Of which task's try a run is, as tags for others: those it has, in the request's arena; *ret_n at
 * most RUN_TAGS_ORIGIN. None of a run that may not be read. 0 or -errno. */
#define RUN_TAGS_ORIGIN 5u
int run_tags_origin(struct db *db, const struct refusal *r, const char *run_id,
                    struct ask_pair ret[RUN_TAGS_ORIGIN], size_t *ret_n);

/* Names the run, in its row and its tag. */
int run_tags_rename(struct db *db, const char *run_id, const char *name);
