/* db_readers.c: see db_readers.h. The first use by a thread opens or takes over a connection; later
 * ones are a look into thread-local storage. */
#include "lib/db/db_readers.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include "lib/base/mem.h"
#include "lib/db/db.h"

struct reader {
        struct db_readers *pool;
        struct db *db;
        atomic_bool is_open; /* what others may know of it */
        bool is_taken;
};

struct db_readers {
        char *uri;
        struct db_config config;
        pthread_key_t key;
        pthread_mutex_t lock; /* of what follows */
        struct reader readers[DB_READERS_MAX];
};

/* At the end of a thread: its connection is for the next one. */
static void release(void *userdata) {
        struct reader *reader = userdata;

        (void) pthread_mutex_lock(&reader->pool->lock);
        assert(reader->is_taken);
        reader->is_taken = false;
        (void) pthread_mutex_unlock(&reader->pool->lock);
}

/* An open connection if one is free, else the place for a new one. */
static struct reader *take(struct db_readers *pool) {
        struct reader *found = NULL;

        (void) pthread_mutex_lock(&pool->lock);
        for (size_t i = 0; i < DB_READERS_MAX; i++) {
                struct reader *reader = &pool->readers[i];

                if (reader->is_taken)
                        continue;
                if (!found || (reader->db && !found->db))
                        found = reader;
        }
        if (found)
                found->is_taken = true;
        (void) pthread_mutex_unlock(&pool->lock);
        return found;
}

static int open_reader(struct db_readers *r, struct reader *reader, struct errmsg *em) {
        int k = db_open_config(&r->config, em, &reader->db);

        if (k >= 0)
                atomic_store(&reader->is_open, true);
        return k;
}

int db_readers_get(struct db_readers *r, struct db **ret_db) {
        struct reader *reader = pthread_getspecific(r->key);
        int k = 0;

        if (!reader) {
                reader = take(r);
                if (!reader)
                        return -EMFILE;
                if (!reader->db)
                        k = open_reader(r, reader, NULL);
                if (k >= 0)
                        k = -pthread_setspecific(r->key, reader);
                if (k < 0) {
                        release(reader);
                        return k;
                }
        } else if (!reader->db) {
                k = open_reader(r, reader, NULL);
                if (k < 0)
                        return k;
        }
        assert(reader->is_taken && reader->db);
        *ret_db = reader->db;
        return 0;
}

size_t db_readers_trim(struct db_readers *r) {
        struct reader *reader = pthread_getspecific(r->key);

        return reader && reader->db && !db_in_transaction(reader->db) ? db_trim(reader->db) : 0;
}

bool db_readers_close(struct db_readers *r) {
        struct reader *reader = pthread_getspecific(r->key);

        if (!reader || !reader->db || db_in_transaction(reader->db))
                return false;
        reader->db = db_free(reader->db);
        atomic_store(&reader->is_open, false);
        return true;
}

bool db_readers_are_closed(struct db_readers *r) {
        const struct reader *own = pthread_getspecific(r->key);
        bool closed = true;

        (void) pthread_mutex_lock(&r->lock);
        for (size_t i = 0; i < DB_READERS_MAX; i++) {
                const struct reader *reader = &r->readers[i];

                if (reader != own && reader->is_taken && atomic_load(&reader->is_open))
                        closed = false;
        }
        (void) pthread_mutex_unlock(&r->lock);
        return closed;
}

int db_readers_new(const struct db_config *config, struct errmsg *em,
                   struct db_readers **ret_readers) {
        struct db_readers *r;
        int k;

        assert(config && config->uri);
        r = mem_new(struct db_readers);
        if (!r)
                return -ENOMEM;
        r->config = *config;
        r->config.flags = (config->flags & ~(unsigned) DB_CREATE) | DB_READ_ONLY;
        r->config.uri = r->uri = mem_strdup(config->uri);
        for (size_t i = 0; i < DB_READERS_MAX; i++)
                r->readers[i].pool = r;
        k = r->uri ? open_reader(r, &r->readers[0], em) : -ENOMEM;
        if (k >= 0)
                k = -pthread_key_create(&r->key, release);
        if (k < 0) {
                db_free(r->readers[0].db);
                mem_free(r->uri);
                mem_free(r);
                return k;
        }
        (void) pthread_mutex_init(&r->lock, NULL);
        *ret_readers = r;
        return 0;
}

struct db_readers *db_readers_free(struct db_readers *r) {
        if (!r)
                return NULL;
        (void) pthread_key_delete(r->key);
        for (size_t i = 0; i < DB_READERS_MAX; i++)
                db_free(r->readers[i].db);
        (void) pthread_mutex_destroy(&r->lock);
        mem_free(r->uri);
        mem_free(r);
        return NULL;
}
