/* handover: long answers, given to the kernel by their pages: through a pipe that refers to them
 * (vmsplice) and is emptied into the device (splice), which copies from them before it returns.
 * Given to writev() the same memory is looked up and locked one page after the other, which costs a
 * fifth of what a stream does. Threads: any; a pipe each while they give, HANDOVER_PIPES at most.
 */
#pragma once

#include <sys/types.h>
#include <sys/uio.h>

#define HANDOVER_PIPES 8
#define HANDOVER_LEAST ((size_t) 64 << 10) /* shorter ones are not worth it */
/* A pipe has room for so many pages: one for what stands before the bytes, the others for them. It
 * is the most that who has no privilege may ask for. */
#define HANDOVER_PAGES 256
#define HANDOVER_READ_MAX ((HANDOVER_PAGES - 1) * 4096u) /* bytes of a read's answer */

struct handover;

int handover_new(struct handover **ret);
/* Nobody gives. NULL is fine. */
struct handover *handover_free(struct handover *h);
/* All of it goes to fd, at once. Its bytes; 0: not this way, and nothing went; or negative: the
 * device's refusal. */
ssize_t handover_give(struct handover *h, int fd, const struct iovec *v, int n);
