/* lease.h: which of several schedulers on one PostgreSQL works.
 *
 * The worker's connection holds an advisory lock, which the server gives back when that connection
 * is gone, however it went; the others wait for it. The row of onebox_lease is the fence: who takes
 * over writes its name there, and every transaction of a worker first finds its own. One that was
 * cut off and comes back therefore writes nothing more: -ESTALE, and it ends. No clock is compared.
 * SQLite has its file's lock in place of all this. Threads: the loop's. */
#pragma once

#include "lib/base/entropy.h"
#include "lib/base/macros.h"

struct db;
struct errmsg;
struct lease;
struct scheduler;

/* Waits for the lock on `db`, however long. `waiting` is called once a second meanwhile. */
int lease_wait(struct db *db, void (*waiting)(void *ctx, bool first), void *ctx, struct errmsg *em);

/* Takes the row over, once the tables are there. */
int lease_take(struct scheduler *s, struct lease **ret, struct errmsg *em);

/* Looks after itself every two seconds from now on, by kicking the engine. */
int lease_watch(struct scheduler *s);

/* Inside a writing transaction, before anything else: 0, -ESTALE, or what the database says. */
int lease_hold(struct scheduler *s);

/* After the connection was lost: 0 if the lock is ours again, -ESTALE if another has it. */
int lease_again(struct scheduler *s);

struct lease *lease_free(struct lease *l);
