/* ship: one try's log from the spool into the store, and back.
 *
 * The scheduler queues a try by STATE/logship/queue/TRY_ID, which holds the name the log shall
 * have: the try's own directory may belong to the task's user and is not asked for it. What was
 * uploaded is marked by `shipped` in the try's directory, then the queue forgets it: done twice it
 * is the same object. Threads: any, one upload at a time. */
#pragma once

#include "lib/base/buf.h"
#include "lib/base/errmsg.h"
#include "lib/base/macros.h"

struct conn_credentials;
struct store;

enum {
        SHIP_KEY_MAX = 1024,
        SHIP_PIECE = 256 << 10, /* bytes read at once */
};

enum ship_answer {
        SHIP_DONE,
        SHIP_DROPPED, /* there is nothing to upload: no log, or an entry that means nothing; em says
                       */
};

struct ship {
        const char *tasks_dir, *queue_dir;
        struct store *store;
};

/* An enum; negative with em: not now, try again. */
int ship_one(const struct ship *s, const char *try_id, uint64_t *ret_bytes, struct errmsg *em);

/* Names of the queue's entries, in the order of their ids, which is that of their making;
 * str_free_list() it. */
int ship_list(const struct ship *s, char ***ret);

/* From `offset` at most `limit` bytes; none behind the end. -ENOENT: the store has no such log. */
int ship_read(struct store *store, const char *key, uint64_t offset, size_t limit, struct buf *ret,
              struct errmsg *em);

/* A store by the words of remote_base_log_folder; given: whose credentials, NULL: the machine's.
 * -EINVAL with em. */
int ship_open_store(const char *folder, const struct conn_credentials *given, struct store **ret,
                    struct errmsg *em);
