/* sqladmin_answer: what the Cloud SQL Admin API answers, read. Pure. */
#pragma once

#include "lib/base/arena.h"
#include "lib/gcp/sqladmin.h"

/* In place: text is the answer, NUL-terminated; strings live as long as it and the arena. 0,
 * -EINVAL with em, -ENOMEM. */
int sqladmin_answer_settings(struct arena *a, char *text, size_t len, struct sqladmin_settings *ret,
                             struct errmsg *em);
/* The certificate in PEM of generateEphemeralCert's answer. */
int sqladmin_answer_cert(struct arena *a, char *text, size_t len, const char **ret_pem,
                         struct errmsg *em);
/* What an answer that is not 2xx says, in the words of Google's clients; ret_reason (may be NULL)
 * gets the reasons of its list. */
void sqladmin_answer_error(int status, const char *text, size_t len, struct errmsg *em,
                           char *ret_reason, size_t reason_size);
