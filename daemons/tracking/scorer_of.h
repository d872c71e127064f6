/* scorer_of.h: the scorer that a request is about: its experiment, its row, who may touch it. */
#pragma once

#include "daemons/tracking/experiments_sql.h"
#include "daemons/tracking/job.h"
#include "daemons/tracking/scorers_sql.h"

/* An active experiment. 0, REFUSED or -errno. */
int scorer_of_experiment(struct job *j, struct db *db, const char *id, struct experiment *ret);

/* What permissions on it are on; NULL when out of memory. */
const char *scorer_of_key(struct arena *a, int64_t experiment_id, const char *name);

/* Its row's id and its key, when the one who asks may do to it what he asks for: permissions are on
 * the scorer, by its key, not on its experiment. 0, REFUSED or -errno. */
int scorer_of_need(struct job *j, struct db *db, const char *experiment_id, const char *name,
                   const char **ret_id, const char **ret_key);

/* Of a list over experiments: may both be read? 0, REFUSED or -errno. */
int scorer_of_check(struct job *j, const struct scorer *x);

/* The fields of one, into an object that is open. */
void scorer_of_write(struct json_write *w, const struct scorer *x);

/* REFUSED: there is none; version 0: of no version. */
int scorer_of_absent(struct job *j, const char *experiment_id, const char *name, int64_t version);
