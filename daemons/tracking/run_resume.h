/* run_resume.h: a run that a later try of its task goes on with, by mlflow.start_run(run_id=…) or
 * MLFLOW_RUN_ID, after the earlier one was interrupted or failed.
 *
 * The run becomes the later try's: its tags say so, and it is closed when that one ends. Its
 * metrics keep one history: the try goes on from a checkpoint, so the first point of a key that it
 * logs takes the place of all from that step on that the earlier try had logged beyond the
 * checkpoint. Keys without steps (all at 0) keep every point.
 *
 * What is known is in the database: the tag onebox.resumed_at, and per key whether its latest point
 * is older. A run_resume holds which running runs have that tag; it is used on the writer's thread
 * alone, and costs a test of a number when there are none.
 */
#pragma once

#include "lib/db/db.h"

struct arena;
struct auth_identity;
struct metric;

extern const struct db_set run_resume_set;

struct run_resume;

struct run_resume *run_resume_new(void); /* NULL: out of memory */
struct run_resume *run_resume_free(struct run_resume *x);

/* A run is set running by `who`: when that is a task's try and the run is another try's, it changes
 * hands. 0 or -errno. */
int run_resume_claim(struct run_resume *x, struct db *db, struct arena *a, const char *run_id,
                     const struct auth_identity *who, int64_t now_ms);

/* Before points are added to a run: makes way for them. 0 or -errno. */
int run_resume_cut(struct run_resume *x, struct db *db, const char *run_id,
                   const struct metric *metrics, size_t n);
