/* commit_plan: how what was written gets into the bucket with the least sent. Pure. */
#pragma once

#include "lib/base/macros.h"

enum commit_plan {
        COMMIT_PLAN_NOTHING,
        COMMIT_PLAN_WHOLE,  /* all of it is here: one object, written over what is there */
        COMMIT_PLAN_FINISH, /* most of it is in an upload already: end that */
        COMMIT_PLAN_APPEND, /* the tail as an object of its own, then compose */
        COMMIT_PLAN_MERGE,  /* what is here over what is there, as a new object */
};

struct commit_plan_facts {
        bool has_base; /* an object is there */
        uint64_t base_size, base_valid, size;
        uint64_t first_local; /* offset of the first byte written; UINT64_MAX: none */
        bool is_streaming;    /* an upload is open; it holds the object from its start */
        bool streams_tail;    /* or it holds what comes behind the base */
        uint64_t compose_min; /* smaller objects are written whole */
};

enum commit_plan commit_plan_choose(const struct commit_plan_facts *f);
