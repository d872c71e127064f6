/* token.c: one token, who waits for it, and the thread that fetches it.
 *
 * The source's own thread is the only one that fetches. It sleeps until somebody wants a token and
 * the back-off is over; after each attempt every blocked caller looks again for itself, and waits
 * on loops are finished by posting to their loops. A wait is in the list, or finished and posted,
 * and belongs to its loop's thread from then on.
 */
#include "lib/gcp/token.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "lib/base/entropy.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/gcp/token_make.h"
#include "lib/net/loop.h"

#define TOKEN_WAIT_FOR (30 * USEC_PER_SEC)
#define TOKEN_AHEAD_FOR (225 * USEC_PER_SEC) /* the next one is fetched so long before the end */
#define TOKEN_MARGIN_FOR (10 * USEC_PER_SEC) /* a token this near its end is not given out */
#define TOKEN_RETRY_MIN_FOR (500 * USEC_PER_MSEC)
#define TOKEN_RETRY_MAX_FOR (30 * USEC_PER_SEC)

struct token {
        atomic_uint n_refs;
        struct token_made made;
        struct http_fetch *http;
        const struct clock *clock;
        char *scopes, *ca_file, *quota_project;
        usec_t retry_min_for, retry_max_for;

        pthread_mutex_t lock;
        pthread_cond_t to_worker, to_callers; /* both by CLOCK_MONOTONIC */
        /* All below: under lock. */
        bool has_value;
        struct token_value value;
        usec_t good_until, ahead_at;           /* wall clock; USEC_INFINITY = no end */
        usec_t mono_good_until, mono_ahead_at; /* the same by the monotonic clock */
        bool is_wanted, is_stopping, has_worker;
        unsigned n_blocked;  /* callers in token_get() */
        unsigned n_failures; /* in a row */
        uint64_t n_attempts; /* that have ended */
        usec_t retry_at;     /* by the system's monotonic clock */
        int error;           /* of the last attempt; 0 = it went well or there was none */
        struct errmsg why;
        struct token_wait *waits;
        pthread_t worker;
};

struct token_wait {
        struct loop_task task; /* posted when finished */
        struct token *token;   /* held */
        struct loop *loop;
        struct loop_source *timer;
        token_fn *done; /* NULL once cancelled; the loop's thread */
        void *ctx;
        /* Under the token's lock until finished, then the loop's thread's. */
        bool is_finished;
        int result;
        struct token_value value;
        struct errmsg why;
        struct token_wait *next, **prev;
};

void token_value_done(struct token_value *v) {
        if (v->text)
                v->text = mem_free_secret(v->text, strlen(v->text));
}

static int value_copy(const struct token_value *v, struct token_value *ret) {
        char *text = mem_strdup(v->text);

        if (v->text && !text)
                return -ENOMEM;
        *ret = (struct token_value){.text = text, .expires_at = v->expires_at};
        return 0;
}

/* --- is there a good one -------------------------------------------------------------------------
 */

static bool is_good(const struct token *t) {
        return t->has_value && clock_now(t->clock) < t->good_until &&
               clock_mono(t->clock) < t->mono_good_until;
}

static bool is_time_for_next(const struct token *t) {
        return clock_now(t->clock) >= t->ahead_at || clock_mono(t->clock) >= t->mono_ahead_at;
}

static usec_t mono_now(void) {
        return clock_mono(clock_system());
}

static usec_t add_for(usec_t at, usec_t for_usec) {
        return for_usec >= USEC_INFINITY - at ? USEC_INFINITY : at + for_usec;
}

/* A new token: how long it is given out and from when the next one is fetched. Short-lived ones
 * keep the same proportions. */
static void value_set(struct token *t, struct token_source_answer *a) {
        usec_t now_at = clock_now(t->clock), mono_at = clock_mono(t->clock), life_for;
        usec_t margin_for, ahead_for;

        token_value_done(&t->value);
        t->value.text = TAKE_PTR(a->text);
        t->value.expires_at = a->expires_at;
        t->has_value = true;
        if (a->expires_at == 0) {
                t->good_until = t->ahead_at = USEC_INFINITY;
                t->mono_good_until = t->mono_ahead_at = USEC_INFINITY;
                return;
        }
        life_for = a->expires_at > now_at ? a->expires_at - now_at : 0;
        margin_for = MIN(TOKEN_MARGIN_FOR, life_for / 10);
        ahead_for = MAX(MIN(TOKEN_AHEAD_FOR, life_for / 4), margin_for);
        t->good_until = now_at + life_for - margin_for;
        t->mono_good_until = add_for(mono_at, life_for - margin_for);
        t->ahead_at = now_at + life_for - ahead_for;
        t->mono_ahead_at = add_for(mono_at, life_for - ahead_for);
}

static void value_forget(struct token *t) {
        token_value_done(&t->value);
        t->has_value = false;
}

/* --- the worker ----------------------------------------------------------------------------------
 */

static bool is_refused(const struct token *t) {
        return t->error < 0 && !token_source_is_transient(t->error);
}

static bool is_backing_off(const struct token *t) {
        return t->n_failures > 0 && mono_now() < t->retry_at;
}

/* Half of the doubled span for sure, the other half by chance. */
static void back_off(struct token *t) {
        unsigned doublings = MIN(t->n_failures, 16u);
        usec_t span_for = MIN(t->retry_min_for << doublings, t->retry_max_for);
        uint64_t chance = 0;

        (void) entropy_below(entropy_system(), span_for / 2 + 1, &chance);
        t->retry_at = add_for(mono_now(), span_for / 2 + chance);
        t->n_failures++;
}

static void wait_unlink(struct token_wait *w) {
        if (!w->prev)
                return;
        *w->prev = w->next;
        if (w->next)
                w->next->prev = w->prev;
        w->prev = NULL;
}

/* Hands the wait to its loop. */
static void wait_finish(struct token_wait *w, int r) {
        wait_unlink(w);
        w->is_finished = true;
        w->result = r;
        loop_post_task(w->loop, &w->task);
}

static void waits_finish(struct token *t, int error) {
        struct token_wait *w, *next;

        for (w = t->waits; w; w = next) {
                int r = error;

                next = w->next;
                if (r == 0)
                        r = value_copy(&t->value, &w->value);
                else
                        w->why = t->why;
                wait_finish(w, r);
        }
}

static void attempt_done(struct token *t, int r, struct token_source_answer *a,
                         const struct errmsg *why) {
        t->error = r;
        t->n_attempts++;
        if (r >= 0) {
                value_set(t, a);
                t->n_failures = 0;
                t->is_wanted = false;
                t->why.text[0] = '\0';
                waits_finish(t, 0);
        } else {
                t->why = *why;
                back_off(t);
                if (is_refused(t))
                        waits_finish(t, r);
                t->is_wanted = !is_refused(t) && (t->n_blocked > 0 || t->waits);
        }
        pthread_cond_broadcast(&t->to_callers);
}

static void wait_until(pthread_cond_t *cond, pthread_mutex_t *lock, usec_t mono_at) {
        struct timespec ts = {.tv_sec = (time_t) (mono_at / USEC_PER_SEC),
                              .tv_nsec = (long) (mono_at % USEC_PER_SEC) * NSEC_PER_USEC};

        if (mono_at == USEC_INFINITY)
                pthread_cond_wait(cond, lock);
        else
                (void) pthread_cond_timedwait(cond, lock, &ts);
}

static void attempt(struct token *t) {
        struct token_source_ask ask = {
                .http = t->http, .clock = t->clock, .scopes = t->scopes, .ca_file = t->ca_file};
        struct token_source_answer a = {};
        struct errmsg why = {};
        int r;

        pthread_mutex_unlock(&t->lock);
        r = t->made.source->ops->fetch(t->made.source, &ask, &a, &why);
        if (r >= 0 && a.expires_at > 0 && a.expires_at <= clock_now(t->clock))
                r = errmsg_fail(&why, -EAGAIN,
                                "%s gives a token that has ended already: is the clock right?",
                                t->made.source->what);
        if (r < 0 && !*why.text)
                (void) errmsg_errno(&why, r, "%s", t->made.source->what);
        pthread_mutex_lock(&t->lock);
        attempt_done(t, r, &a, &why);
        token_source_answer_done(&a);
}

static void *worker(void *arg) {
        struct token *t = arg;

        pthread_mutex_lock(&t->lock);
        while (!t->is_stopping) {
                if (!t->is_wanted)
                        pthread_cond_wait(&t->to_worker, &t->lock);
                else if (is_backing_off(t))
                        wait_until(&t->to_worker, &t->lock, t->retry_at);
                else
                        attempt(t);
        }
        pthread_mutex_unlock(&t->lock);
        return NULL;
}

/* Somebody wants a token. 0, or what keeps the worker from being made. */
static int want(struct token *t) {
        if (!t->has_worker) {
                int r = pthread_create(&t->worker, NULL, worker, t);

                if (r != 0)
                        return -r;
                t->has_worker = true;
        }
        if (!t->is_wanted) {
                t->is_wanted = true;
                pthread_cond_signal(&t->to_worker);
        }
        return 0;
}

/* --- asking --------------------------------------------------------------------------------------
 */

/* 0: *ret is a good token. 1: there is none now. Starts the next fetch when it is time. */
static int look(struct token *t, struct token_value *ret) {
        if (!is_good(t))
                return 1;
        if (is_time_for_next(t) && !is_backing_off(t))
                (void) want(t);
        return value_copy(&t->value, ret);
}

static int refused(struct token *t, int r, struct errmsg *em) {
        errmsg_set(em, "%s", t->why.text);
        return r;
}

/* Under the lock, until a token, a refusal or the deadline. */
static int get_locked(struct token *t, usec_t until_at, struct token_value *ret,
                      struct errmsg *em) {
        uint64_t n_before = t->n_attempts;

        for (;;) {
                int r = look(t, ret);

                if (r <= 0)
                        return r;
                /* A refusal holds as long as its back-off, and for all who waited for it. */
                if (is_refused(t) && (is_backing_off(t) || t->n_attempts != n_before))
                        return refused(t, t->error, em);
                if (mono_now() >= until_at)
                        break;
                r = want(t);
                if (r < 0)
                        return errmsg_errno(em, r, "%s: no thread", t->made.source->what);
                wait_until(&t->to_callers, &t->lock, until_at);
        }
        if (t->error < 0)
                return refused(t, -ETIMEDOUT, em);
        return errmsg_fail(em, -ETIMEDOUT, "%s gives no token in time", t->made.source->what);
}

int token_get(struct token *t, usec_t wait_for, struct token_value *ret, struct errmsg *em) {
        usec_t until_at = add_for(mono_now(), wait_for ?: TOKEN_WAIT_FOR);
        int r;

        assert(t && ret);
        pthread_mutex_lock(&t->lock);
        t->n_blocked++;
        r = get_locked(t, until_at, ret, em);
        t->n_blocked--;
        pthread_mutex_unlock(&t->lock);
        return r;
}

int token_peek(struct token *t, struct token_value *ret) {
        int r;

        pthread_mutex_lock(&t->lock);
        r = look(t, ret);
        if (r == 1 && !(is_refused(t) && is_backing_off(t)))
                (void) want(t);
        pthread_mutex_unlock(&t->lock);
        return r < 0 ? 1 : r;
}

bool token_invalidate(struct token *t, const char *text) {
        bool is_fixed = t->made.source->is_fixed;

        pthread_mutex_lock(&t->lock);
        if (!is_fixed && t->has_value && text && str_eq(t->value.text, text))
                value_forget(t);
        pthread_mutex_unlock(&t->lock);
        return !is_fixed;
}

int token_last_error(struct token *t, struct errmsg *ret_why) {
        int r;

        pthread_mutex_lock(&t->lock);
        r = t->error;
        if (ret_why)
                *ret_why = t->why;
        pthread_mutex_unlock(&t->lock);
        return r;
}

/* --- waiting on a loop ---------------------------------------------------------------------------
 */

static void wait_free(struct token_wait *w) {
        struct token *t = w->token;

        loop_source_free(w->timer);
        token_value_done(&w->value);
        mem_free(w);
        token_unref(t);
}

static void wait_run(struct loop_task *task) {
        struct token_wait *w = container_of(task, struct token_wait, task);

        if (w->done)
                w->done(w->ctx, w->result, w->result == 0 ? &w->value : NULL,
                        w->result < 0 ? &w->why : NULL);
        wait_free(w);
}

static int wait_on_timer(struct loop_source *s, usec_t now, void *ctx) {
        struct token_wait *w = ctx;
        struct token *t = w->token;

        (void) now;
        pthread_mutex_lock(&t->lock);
        if (!w->is_finished) {
                if (t->error < 0)
                        w->why = t->why;
                else
                        errmsg_set(&w->why, "%s gives no token in time", t->made.source->what);
                wait_finish(w, -ETIMEDOUT);
        }
        pthread_mutex_unlock(&t->lock);
        return 0;
}

static void wait_link(struct token *t, struct token_wait *w) {
        w->next = t->waits;
        w->prev = &t->waits;
        if (w->next)
                w->next->prev = &w->next;
        t->waits = w;
}

/* Finished at once, or in the list. */
static void wait_begin(struct token *t, struct token_wait *w) {
        int r;

        pthread_mutex_lock(&t->lock);
        wait_link(t, w);
        r = look(t, &w->value);
        if (r == 1 && is_refused(t) && is_backing_off(t)) {
                w->why = t->why;
                r = t->error;
        }
        if (r == 1) {
                r = want(t);
                if (r == 0)
                        r = 1;
                else
                        (void) errmsg_errno(&w->why, r, "%s: no thread", t->made.source->what);
        }
        if (r != 1)
                wait_finish(w, r);
        pthread_mutex_unlock(&t->lock);
}

int token_get_start(struct token *t, struct loop *l, usec_t wait_for, token_fn *done, void *ctx,
                    struct token_wait **ret) {
        struct token_wait *w = mem_new(struct token_wait);
        int r;

        assert(t && l && done);
        if (!w)
                return -ENOMEM;
        w->task.run = wait_run;
        w->done = done;
        w->ctx = ctx;
        r = loop_timer_in(l, wait_for ?: TOKEN_WAIT_FOR, USEC_PER_MSEC, wait_on_timer, w,
                          &w->timer);
        if (r < 0) {
                mem_free(w);
                return r;
        }
        w->token = token_ref(t);
        w->loop = l;
        wait_begin(t, w);
        if (ret)
                *ret = w;
        return 0;
}

void token_wait_cancel(struct token_wait *w) {
        struct token *t = w->token;
        bool is_posted;

        pthread_mutex_lock(&t->lock);
        is_posted = w->is_finished;
        wait_unlink(w);
        pthread_mutex_unlock(&t->lock);
        w->done = NULL;
        if (!is_posted)
                wait_free(w);
}

/* --- making and freeing --------------------------------------------------------------------------
 */

static char *join_scopes(const char *const *scopes) {
        _cleanup_buf_ struct buf b = {};

        if (!scopes || !*scopes)
                return mem_strdup(TOKEN_SCOPE_CLOUD);
        for (size_t i = 0; scopes[i]; i++)
                buf_printf(&b, "%s%s", i > 0 ? " " : "", scopes[i]);
        return buf_take(&b, NULL);
}

static int fill(struct token *t, const struct token_options *o, struct errmsg *em) {
        struct http_fetch_options http = {.ca_file = o->ca_file, .are_secrets = true};
        int r;

        t->clock = o->clock ?: clock_system();
        t->retry_min_for = o->retry_min_for ?: TOKEN_RETRY_MIN_FOR;
        t->retry_max_for = o->retry_max_for ?: TOKEN_RETRY_MAX_FOR;
        t->scopes = join_scopes(o->scopes);
        t->ca_file = mem_strdup(o->ca_file);
        t->quota_project = mem_strdup(o->quota_project);
        if (!t->scopes || (o->ca_file && !t->ca_file) || (o->quota_project && !t->quota_project))
                return -ENOMEM;
        r = http_fetch_new(&http, &t->http);
        return r < 0 ? r : token_make(o, em, &t->made);
}

static void token_free(struct token *t) {
        token_make_done(&t->made);
        http_fetch_free(t->http);
        token_value_done(&t->value);
        pthread_cond_destroy(&t->to_worker);
        pthread_cond_destroy(&t->to_callers);
        pthread_mutex_destroy(&t->lock);
        mem_free(t->scopes);
        mem_free(t->ca_file);
        mem_free(t->quota_project);
        mem_free(t);
}

int token_new(const struct token_options *o, struct errmsg *em, struct token **ret) {
        struct token *t = mem_new(struct token);
        pthread_condattr_t attr;
        int r;

        assert(o && ret);
        if (!t)
                return -ENOMEM;
        atomic_init(&t->n_refs, 1);
        pthread_mutex_init(&t->lock, NULL);
        pthread_condattr_init(&attr);
        pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
        pthread_cond_init(&t->to_worker, &attr);
        pthread_cond_init(&t->to_callers, &attr);
        pthread_condattr_destroy(&attr);
        r = fill(t, o, em);
        if (r < 0) {
                token_free(t);
                return r;
        }
        *ret = t;
        return 0;
}

struct token *token_ref(struct token *t) {
        atomic_fetch_add(&t->n_refs, 1);
        return t;
}

struct token *token_unref(struct token *t) {
        if (!t || atomic_fetch_sub(&t->n_refs, 1) > 1)
                return NULL;
        pthread_mutex_lock(&t->lock);
        t->is_stopping = true;
        pthread_cond_signal(&t->to_worker);
        pthread_mutex_unlock(&t->lock);
        http_fetch_cancel(t->http);
        if (t->has_worker)
                pthread_join(t->worker, NULL);
        token_free(t);
        return NULL;
}

const char *token_describe(const struct token *t) {
        return t->made.source->what;
}

const char *token_project(const struct token *t) {
        return t->made.source->project;
}

const char *token_quota_project(const struct token *t) {
        return t->quota_project ?: t->made.source->quota_project;
}

const char *token_email(const struct token *t) {
        return t->made.source->email;
}
