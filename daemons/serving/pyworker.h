#pragma once
/* One Python worker: the process, its socket, its one request.
 *
 * States (pyworker_states.def): DOWN → STARTING → READY ⇄ BUSY, and from any living one → DYING →
 * DOWN. The owner decides when it is started again. Threads: the loop's.
 *
 * A lost request is told apart by what the kernel says: an unfinished write, or a reset instead of
 * an end of file (bytes lay unread in the dead worker's socket), proves that the function was not
 * called, since the worker calls it only after it has read the whole frame. */
#include "daemons/serving/pyworker_frame.h"
#include "lib/base/state_table.h"
#include "lib/net/loop.h"

enum pyworker_state {
#define TO(x) 0
#define STATE(name, text, next) PYWORKER_##name,
#include "daemons/serving/pyworker_states.def"
#undef STATE
#undef TO
};
extern const struct state_table pyworker_states;

struct pyworker_spec {
        const char *python; /* interpreter */
        const char *script; /* serving_worker.py */
        const char *cwd;
        const char *const *envp; /* whole environment of the worker */
        size_t max_body;         /* bytes of an answer */
        usec_t start_for;        /* longest STARTING */
};

enum pyworker_loss {
        PYWORKER_UNSTARTED = 1, /* the function has certainly not been called */
        PYWORKER_STARTED,       /* it may have been */
        PYWORKER_TIMED_OUT,     /* it ran too long and was killed */
        PYWORKER_REFUSED,       /* the functions could not be loaded */
};

struct pyworker;

/* Called on the loop's thread. In each of them the owner may send or kill, but not free. */
struct pyworker_events {
        void (*ready)(struct pyworker *w, void *ctx);
        /* The answer to what was sent; the worker is READY again. */
        void (*reply)(struct pyworker *w, const struct pyworker_frame_message *m, void *ctx);
        /* The worker is DYING; why is for people. Comes once a life. */
        void (*lost)(struct pyworker *w, enum pyworker_loss loss, const char *why, void *ctx);
        /* DOWN: it may be started again. */
        void (*down)(struct pyworker *w, void *ctx);
};

/* spec and events are borrowed. 0 or -ENOMEM. */
int pyworker_new(struct loop *loop, const struct pyworker_spec *spec,
                 const struct pyworker_events *events, void *ctx, struct pyworker **ret);
/* Kills what lives, without callbacks. NULL is fine. */
struct pyworker *pyworker_free(struct pyworker *w);

/* Only when DOWN. 0: STARTING; negative with em: still DOWN. */
int pyworker_start(struct pyworker *w, struct errmsg *em);
/* Only when READY: becomes BUSY for at most limit_for. 0; -ENOMEM or -E2BIG: still READY. A worker
 * found dead is reported by lost(), perhaps before the return. */
int pyworker_send(struct pyworker *w, const struct pyworker_frame_request *r, usec_t limit_for);
/* Tells an idle worker to end by itself: it becomes DYING and then DOWN. */
void pyworker_stop(struct pyworker *w);

enum pyworker_state pyworker_state(const struct pyworker *w);
pid_t pyworker_pid(const struct pyworker *w); /* 0 when DOWN */
