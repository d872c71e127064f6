/* db_committer.h: a thread that commits, so that whoever writes does not wait for the disk.
 *
 * Owns: one thread. The connection stays its owner's, but is lent from db_committer_start() until
 * done() is called: nobody else may use it meanwhile (db.h asserts so).
 * Threads: new, start and free on the owner's; done() on the committer's.
 */
#pragma once

#include "lib/base/macros.h"

struct db;
struct db_committer;

/* done() is told what db_commit() answered; it hands that to the owner's thread. */
int db_committer_new(struct db *db, void (*done)(void *ctx, int r), void *ctx,
                     struct db_committer **ret);

/* Waits until a commit under way is done(). NULL is fine; returns NULL. */
struct db_committer *db_committer_free(struct db_committer *c);
DEFINE_CLEANUP(struct db_committer *, db_committer_free)

/* Commits the transaction that stands. One at a time. */
void db_committer_start(struct db_committer *c);
