/* label_input.h: how a reviewer answers a label schema's question: pass or fail, one of a list,
 * a number or text. Its form in requests and answers (one member of an object names the kind), and
 * in the database (the kind, and JSON of what belongs to it). Pure.
 */
#pragma once

#include "daemons/tracking/refusal.h"
#include "lib/base/json.h"
#include "lib/base/json_write.h"

enum label_input_kind {
        LABEL_INPUT_NOTHING,
        LABEL_INPUT_PASS_FAIL,
        LABEL_INPUT_CATEGORICAL,
        LABEL_INPUT_NUMERIC,
        LABEL_INPUT_TEXT,
        LABEL_INPUT_N,
};

struct label_input {
        enum label_input_kind kind;
        const char *positive, *negative; /* pass_fail */
        const char **options;            /* categorical */
        size_t n_options;
        bool multi_select;
        bool has_min, has_max; /* numeric; text has a max only */
        double min, max;
        int64_t max_length;
};

/* "pass_fail", … as the database has it. */
const char *label_input_kind_print(enum label_input_kind kind);

/* `input` of a request: kept within limits. 0, REFUSED or -ENOMEM. */
int label_input_read(struct refusal *r, const struct json *input, struct label_input *ret);
/* What a schema may become: of the same kind. 0, REFUSED or -ENOMEM. */
int label_input_check_change(struct refusal *r, const struct label_input *from,
                             const struct label_input *to);

/* To and from the database's JSON. NULL when out of memory; 0, -EINVAL or -ENOMEM. */
const char *label_input_print(struct arena *a, const struct label_input *x);
int label_input_parse(struct arena *a, const char *kind, const char *config,
                      struct label_input *ret);

/* "input": {…} of an answer. */
void label_input_write(struct json_write *w, const struct label_input *x);
