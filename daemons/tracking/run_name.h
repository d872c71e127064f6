/* run_name.h: names for what nobody named: bold-otter-128. */
#pragma once

#include "lib/base/macros.h"

struct entropy;

#define RUN_NAME_SIZE 21 /* 20 characters and a NUL, MLflow's limit */

/* 0 or -errno of the entropy. */
int run_name_generate(struct entropy *e, char ret[RUN_NAME_SIZE]);
