/* bucketd.h: what the daemon's parts share: http_request.ctx of every route. */
#pragma once

#include "daemons/bucketd/chaos_answer.h"
#include "lib/base/macros.h"

struct blob_store;
struct chaos;
struct clock;
struct db_readers;
struct db_writer;
struct entropy;
struct http_request;
struct http_server;
struct loop;
struct object_batch;
struct upload_table;

struct bucketd {
        struct loop *loop;
        struct http_server *http;
        struct db_writer *writer;
        struct db_readers *readers;
        struct blob_store *blobs;
        struct upload_table *uploads;
        const struct clock *clock;
        struct entropy *entropy;
        struct chaos *chaos; /* NULL: nothing may be asked to go wrong */
        struct chaos_late late;
        struct object_batch *batch;
        uint64_t inline_max; /* bytes; larger objects are files */
        uint64_t md5_max;    /* bytes; larger objects have only their CRC32C */
        const char *token;   /* what a client must show, or NULL */
        usec_t started_at;
        bool draining;

        usec_t last_at; /* the writer's thread: the last moment given away */
};

static inline struct bucketd *bucketd_of(void *ctx) {
        return ctx;
}
