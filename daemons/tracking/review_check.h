/* review_check.h: what names, users, questions and items of review queues may be, and the form in
 * which they are kept, with MLflow's limits and words. Pure.
 *
 * All return 0, REFUSED with `r` set, or -ENOMEM; results are from r->arena.
 */
#pragma once

#include <stddef.h>

#include "daemons/tracking/refusal.h"

struct review_list {
        const char **items;
        size_t n;
};

/* Stripped, in small letters, each once; at most ten. */
int review_check_users(struct refusal *r, const char *const *given, size_t n,
                       struct review_list *ret);
/* Stripped, each once. */
int review_check_schemas(struct refusal *r, const char *const *given, size_t n,
                         struct review_list *ret);
/* The same, and there must be one. */
int review_check_items(struct refusal *r, const char *const *given, size_t n,
                       struct review_list *ret);

/* A user's queue has that user's name, no other user and no questions of its own: `users` becomes
 * that one. */
int review_check_user_queue(struct refusal *r, const char *name, struct review_list *users,
                            const struct review_list *schemas, const char **ret);
/* Any other queue's name: stripped, and not "default". */
int review_check_custom_name(struct refusal *r, const char *name, const char **ret);
int review_check_owner(struct refusal *r, const char *name, const char **ret);

/* ['a', 'b'] */
const char *review_check_repr(struct arena *a, const struct review_list *list);
