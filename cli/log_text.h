/* log_text: a try's log by Airflow's log call, printed as lines. */
#pragma once

#include "cli/cli.h"

struct json;

/* Where a reader stands in one try's log. Zeroed: at the start. */
struct log_text {
        const char *dag, *run, *task;
        int64_t try_number;
        const char *token; /* the continuation; in the cli's arena */
        bool colour;
        const char *prefix; /* before each line, or NULL */
};

/* Prints what is there beyond the token. 0: something came (ask again at once), 1: nothing new;
 * negative with c->em set. */
int log_text_print_more(struct cli *c, struct log_text *l);
/* The last n_lines of the task instance's current try, indented. */
int log_text_tail(struct cli *c, const char *dag, const char *run, const struct json *task,
                  size_t n_lines);
