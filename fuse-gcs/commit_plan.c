#include "fuse-gcs/commit_plan.h"

enum commit_plan commit_plan_choose(const struct commit_plan_facts *f) {
        if (f->is_streaming)
                return f->streams_tail ? COMMIT_PLAN_APPEND : COMMIT_PLAN_FINISH;
        if (!f->has_base || f->base_valid == 0)
                return COMMIT_PLAN_WHOLE;
        if (f->base_valid == f->base_size && f->size == f->base_size &&
            f->first_local == UINT64_MAX)
                return COMMIT_PLAN_NOTHING;
        if (f->base_valid == f->base_size && f->size > f->base_size &&
            f->first_local >= f->base_size && f->base_size >= f->compose_min)
                return COMMIT_PLAN_APPEND;
        return COMMIT_PLAN_MERGE;
}
