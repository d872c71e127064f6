/* lent: the memory a request of the kernel came in, kept for the content that is in it: pages of
 * it are an overlay's or an upload's without a copy, and it goes when the last of them does.
 *
 * A thread offers the memory of its request while it carries it out; who takes it leaves the
 * thread without, which takes a spare one, or has one made, for its next request. At most
 * LENT_SPARES lie ready, and never more than were in use at a time: memory that was used just now
 * costs no new pages. Threads: any. */
#pragma once

#include <stdatomic.h>
#include <stddef.h>

#define LENT_SPARES 64
#define LENT_LEAST \
        ((size_t) 960 << 10) /* what holds less is copied: memory is counted by content */

struct lent;

struct lent_offer {
        void *mem; /* on the heap; NULL: it was taken */
};

/* Takes what is offered. NULL: nothing is, or there is no memory: all stays as it was. The n_bytes
 * it is counted with in *account already go from there with it. The reference is the caller's. */
struct lent *lent_new(struct lent_offer *o, atomic_size_t *account, size_t n_bytes);
struct lent *lent_ref(struct lent *l);
struct lent *lent_unref(struct lent *l);

/* Bytes, and what they are in: a piece of `of`, or a block of their own. */
struct lent_page {
        char *data;
        struct lent *of;
};
void lent_page_done(struct lent_page *p);

/* A spare one, or NULL; all are of one kind: what lent_new() was offered. */
void *lent_spare_take(void);
/* None is kept. */
void lent_spare_trim(void);
