/* run_tags.h: tags of runs that mean something to the server. */
#pragma once

#include "daemons/tracking/refusal.h"

struct auth_identity;
struct db;

/* Sets a tag; mlflow.runName also names the run. 0 or -errno. */
int run_tags_set(struct db *db, const char *run_id, const char *key, const char *value);

/* Marks the run as the one of a task's try: onebox.dag_id, … 0 or -errno. */
int run_tags_of_try(struct db *db, const char *run_id, const struct auth_identity *who);

/* Names the run, in its row and its tag. */
int run_tags_rename(struct db *db, const char *run_id, const char *name);
