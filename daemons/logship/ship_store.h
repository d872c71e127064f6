/* ship_store: the store that logs go to, opened when it is first needed: as whom is said by the
 * connection of [logging] remote_log_conn_id, which the scheduler keeps and is asked for, else by
 * the machine. After a failure it is opened anew, so a connection that was changed is taken up.
 * Threads: any; who is inside one that was forgotten keeps it to the end. */
#pragma once

#include <pthread.h>

#include "lib/base/errmsg.h"

struct store;
struct ship_store_one;

struct ship_store {
        const char *folder, *conn_id, *scheduler; /* scheduler: its address, "unix:/path" */
        pthread_mutex_t lock;
        struct ship_store_one *current; /* lock */
        bool told_missing;              /* lock: that there is no such connection was logged */
};

void ship_store_init(struct ship_store *s);
void ship_store_done(struct ship_store *s);

/* Is a connection asked for at all? One that names none or needs none is opened at the start. */
bool ship_store_has_connection(const struct ship_store *s);

/* Opens it if it is not. 0 with one reference; -errno with em: not now. */
int ship_store_get(struct ship_store *s, struct ship_store_one **ret, struct errmsg *em);
struct store *ship_store_of(const struct ship_store_one *one);
void ship_store_put(struct ship_store *s, struct ship_store_one *one);
/* The next one is opened anew. Does nothing without a connection: the machine's way is the same. */
void ship_store_forget(struct ship_store *s);
