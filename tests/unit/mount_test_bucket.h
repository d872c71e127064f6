/* A bucket in memory behind remote's interface: what the layers of the mount are tested on. Answers
 * come at once, on the caller's thread; of several threads one after the other. */
#pragma once

#include "fuse-gcs/mnt.h"
#include "lib/base/strmap.h"
#include "tests/unit/base_test.h"

struct mount_test_object {
        char *data;
        size_t n;
        int64_t generation, metageneration;
        char *metadata; /* JSON */
        char *content_type;
        unsigned n_components;
};

struct mount_test_fault {
        enum gcs_verb verb;
        int status; /* the answer, in place of the true one */
        bool after; /* it is carried out first: the answer was lost */
        unsigned n; /* so often */
};

struct mount_test_bucket {
        struct remote remote;
        pthread_mutex_t lock;  /* of a call and its answer, which may call again */
        struct strmap objects; /* of mount_test_object */
        struct strmap uploads; /* of buf: sessions under way, by URL */
        int64_t generation;    /* the last one given */
        unsigned n_calls[GCS_N_VERBS];
        struct mount_test_fault fault;
        size_t page_max; /* of a listing; 0: no limit */
        bool knows_no_move;
        bool knows_no_delete_sources;
        bool retains; /* says so of what it has */
        /* Of the session that is open. */
        char *upload_name, *upload_json;
        int64_t upload_if;
        struct buf upload;
};

void mount_test_bucket_init(struct mount_test_bucket *b);
void mount_test_bucket_done(struct mount_test_bucket *b);
/* As somebody else would. */
void mount_test_bucket_put(struct mount_test_bucket *b, const char *name, const char *data);
void mount_test_bucket_remove(struct mount_test_bucket *b, const char *name);
/* NULL: there is none. */
struct mount_test_object *mount_test_bucket_get(struct mount_test_bucket *b, const char *name);
void mount_test_bucket_assert(struct mount_test_bucket *b, const char *name, const char *data);
unsigned mount_test_bucket_n_calls(const struct mount_test_bucket *b);
void mount_test_bucket_forget_calls(struct mount_test_bucket *b);

/* A mount on it; small blocks, so that streams begin early. */
struct mount_test {
        struct mount_test_bucket bucket;
        struct mnt m;
};
int mount_test_setup(void **state);
int mount_test_teardown(void **state);
#define mount_test_case(f) cmocka_unit_test_setup_teardown(f, mount_test_setup, mount_test_teardown)
