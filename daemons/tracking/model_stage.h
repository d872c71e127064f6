/* model_stage.h: the stages of a model version. Pure. */
#pragma once

#include "daemons/tracking/refusal.h"

enum model_stage {
        MODEL_STAGE_NONE,
        MODEL_STAGE_STAGING,
        MODEL_STAGE_PRODUCTION,
        MODEL_STAGE_ARCHIVED,
        MODEL_STAGE_N,
};

/* In any letter case. 0, REFUSED or -ENOMEM. */
int model_stage_parse(struct refusal *r, const char *text, enum model_stage *ret);
/* "None", "Staging", "Production", "Archived". */
const char *model_stage_print(enum model_stage stage);
