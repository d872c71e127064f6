/* upload_session.h: a resumable upload between and during its requests.
 *
 * Its row in the index and its staged file are all of it that lasts; what is here can be made again
 * from them. One request at a time has a session; one that begins takes it from another whose body
 * is still coming (its client has gone and we do not know yet).
 * Threads: taken on the loop's thread; whoever has it works on it and gives it back from any. */
#pragma once

#include "daemons/bucketd/uploads_sql.h"

struct blob_put;
struct bucketd;
struct upload_session;
struct upload_table;

enum {
        UPLOAD_SESSION_CHUNK = 256 * 1024, /* bytes kept are a multiple of it until the last */
        UPLOAD_SESSION_ID_SIZE = 65,
};

struct upload_session {
        char id[UPLOAD_SESSION_ID_SIZE];
        struct arena arena;
        struct upload_row row;
        uint64_t size;        /* bytes kept so far */
        struct digest digest; /* of those from `skipped` on */
        uint64_t skipped;
        struct blob_put *put;          /* open while somebody has it */
        struct http_request *receiver; /* whose body is coming; else NULL */
        bool is_taken, is_over;
        struct upload_session *next, **prev; /* oldest use first */
};

int upload_session_table_new(struct bucketd *d, struct upload_table **ret);
struct upload_table *upload_session_table_free(struct upload_table *t);

/* 0; REFUSED 404, or 503 when a request that has its whole body works on it; -errno. The one it is
 * taken from (*ret_loser, may be NULL) has lost it. */
int upload_session_take(struct bucketd *d, const char *id, struct upload_session **ret,
                        struct http_request **ret_loser, struct refused *no);
/* Its body has come: nobody takes it from `req` any more. False: somebody has. */
bool upload_session_received(struct bucketd *d, struct upload_session *s,
                             const struct http_request *req);
void upload_session_give(struct bucketd *d, struct upload_session *s);

/* Opens the file for writing behind the bytes kept. */
int upload_session_open(struct bucketd *d, struct upload_session *s);
int upload_session_write(struct upload_session *s, const void *data, size_t n);
/* Only `size` bytes stay. */
int upload_session_cut(struct upload_session *s, uint64_t size);
/* All has come: durable, and the checksum of everything, for which it may have to be read. Blocks.
 */
int upload_session_finish(struct bucketd *d, struct upload_session *s, char md5[DIGEST_MD5_TEXT]);
