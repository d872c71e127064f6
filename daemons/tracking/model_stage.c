#include "daemons/tracking/model_stage.h"

#include "lib/base/str.h"

static const char *const names[MODEL_STAGE_N] = {"None", "Staging", "Production", "Archived"};

int model_stage_parse(struct refusal *r, const char *text, enum model_stage *ret) {
        for (size_t i = 0; i < MODEL_STAGE_N; i++)
                if (str_eq_fold(names[i], text)) {
                        *ret = (enum model_stage) i;
                        return 0;
                }
        return refusal_invalid(r,
                               "Invalid Model Version stage: %s. Value must be one of None, "
                               "Staging, Production, Archived.",
                               text);
}

const char *model_stage_print(enum model_stage stage) {
        assert((size_t) stage < MODEL_STAGE_N);
        return names[stage];
}
