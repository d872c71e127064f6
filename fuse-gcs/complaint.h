/* complaint: what the service refuses, and that it does not answer, is said in the log in its own
 * words: an errno alone tells nobody why. What callers ask about and live with (not there, there
 * already, overtaken, told to go) is no complaint.
 *
 * Threads: any. */
#pragma once

#include "lib/base/macros.h"
#include "lib/gcp/gcs_answer.h"
#include "lib/gcp/gcs_request.h"

/* A request ended. */
void complaint_ended(const struct gcs_request *q, const struct gcs_answer *a);
/* One try of a request ended, and perhaps another comes. */
void complaint_tried(int status, int error);

/* Pure: so many lines in so long a time. */
struct complaint_limit {
        usec_t since;
        unsigned n_said, n_kept;
};
/* May one be said? *ret_n_kept: how many were not, since the last one that was. */
bool complaint_limit_take(struct complaint_limit *l, usec_t now, unsigned *ret_n_kept);

/* Pure: nothing but failures for a while is worth a word, and its end is. */
enum complaint_word { COMPLAINT_NOTHING, COMPLAINT_AWAY, COMPLAINT_BACK };
struct complaint_silence {
        usec_t since, last_at; /* 0: there is none */
        bool is_said;
};
enum complaint_word complaint_silence_heard(struct complaint_silence *s, bool is_good, usec_t now,
                                            usec_t *ret_for);
