/* Owns instances: when they are refreshed, what workers get of them, and whether they are ready. */
#include "daemons/sqlproxy/instance.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "daemons/sqlproxy/dataplane.h"
#include "daemons/sqlproxy/fetch.h"
#include "daemons/sqlproxy/proxy_log.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/base/timestamp.h"

/* A lazy instance refetches when a dial finds less life than this. */
#define LAZY_AHEAD_FOR (4 * USEC_PER_MINUTE)
/* Failed dials ask for a refresh no more often than this, doubling while it does not help. */
#define FORCE_MIN_FOR (1 * USEC_PER_SEC)
#define FORCE_MAX_FOR (5 * USEC_PER_SEC)

const unsigned instance_latency_bounds[INSTANCE_LATENCY_BUCKETS] = {5,    25,   100,  250,  500,
                                                                    1000, 2000, 5000, 30000};

static usec_t now_boot(void) {
        struct timespec ts;

        clock_gettime(CLOCK_BOOTTIME, &ts);
        return (usec_t) ts.tv_sec * USEC_PER_SEC + (usec_t) ts.tv_nsec / NSEC_PER_USEC;
}

static struct refresh_now now_both(void) {
        return (struct refresh_now){clock_now(clock_system()), now_boot()};
}

/* --- the control loop's ---------------------------------------------------------------------- */

static int on_timer(struct loop_source *s, usec_t now, void *ctx) {
        instance_turn(ctx);
        return 0;
}

/* A worker asked, or reported a failure. */
static void on_ask(struct loop_task *t) {
        struct instance *i = container_of(t, struct instance, ask_task);

        atomic_store(&i->is_asked, false);
        if (!i->fetch)
                i->facts.is_wanted = true;
        instance_turn(i);
}

static void on_turned(struct loop_task *t) {
        struct instance *i = container_of(t, struct instance, turned_task);

        atomic_store(&i->is_turned, false);
        if (i->turned)
                i->turned(i, i->changed_ctx);
}

int instance_new(struct loop *l, const char *name, bool iam, bool lazy, struct instance **ret) {
        struct instance *i = mem_new(struct instance);
        int r = -ENOMEM;

        if (!i)
                return r;
        pthread_mutex_init(&i->lock, NULL);
        i->loop = l;
        i->is_iam = iam;
        i->is_lazy = i->facts.is_lazy = lazy;
        i->ask_task.run = on_ask;
        i->turned_task.run = on_turned;
        i->is_resolved = conn_name_parse(name, &i->cn, NULL) >= 0;
        if (!i->is_resolved)
                (void) str_copy(i->cn.domain, sizeof i->cn.domain, name);
        i->name = mem_strdup(name);
        if (i->name)
                r = loop_timer(l, CLOCK_BOOTTIME, USEC_INFINITY, 0, on_timer, i, &i->timer);
        if (r < 0) {
                instance_free(i);
                return r;
        }
        *ret = i;
        return 0;
}

struct instance *instance_free(struct instance *i) {
        if (!i)
                return NULL;
        fetch_cancel(i->fetch);
        loop_source_free(i->timer);
        identity_unref(i->current);
        mem_free(i->settings.ca_pem);
        mem_free(i->name);
        pthread_mutex_destroy(&i->lock);
        return mem_free(i);
}

static void begin(struct instance *i) {
        struct refresh_now now = now_both();
        struct errmsg em = {};
        int r;

        refresh_begin(&i->facts, now);
        pthread_mutex_lock(&i->lock);
        i->is_fetching = true;
        pthread_mutex_unlock(&i->lock);
        r = fetch_start(i->fetcher, i, &i->fetch);
        if (r < 0) {
                errmsg_errno(&em, r, "cannot begin a refresh");
                instance_fetched(i, r, NULL, &em);
        }
}

void instance_turn(struct instance *i) {
        struct refresh_plan p = refresh_plan(&i->facts, now_both());

        if (p.start)
                begin(i);
        else if (p.in_for == USEC_INFINITY)
                (void) loop_source_set_enabled(i->timer, false);
        else
                (void) loop_source_arm_in(i->timer, p.in_for);
}

static void tell_refreshed(struct instance *i, const struct identity *id, bool had_failed) {
        char at[TIMESTAMP_SIZE];

        atomic_fetch_add(&i->counters.n_refreshes, 1);
        if (had_failed)
                proxy_log_info("[%s] the Admin API answers again: the certificate is fresh",
                               i->name);
        proxy_log_debug("[%s] Connection info refresh operation complete", i->name);
        proxy_log_debug("[%s] Current certificate expiration = %s", i->name,
                        timestamp_print(id->expires_at, TIMESTAMP_SECONDS, at));
}

/* Once when it begins to fail: the rest is in the debug log and in readiness. */
static void tell_failed(struct instance *i, const struct errmsg *why) {
        atomic_fetch_add(&i->counters.n_refresh_failures, 1);
        proxy_log_debug("[%s] Connection info refresh operation failed, err = %s", i->name,
                        why->text);
        if (i->facts.n_failures == 1)
                proxy_log_error("[%s] %s; trying again", i->name, why->text);
}

void instance_fetched(struct instance *i, int r, struct identity *id, const struct errmsg *why) {
        struct refresh_now now = now_both();
        struct identity *old = NULL;
        bool had_failed;

        pthread_mutex_lock(&i->lock);
        i->is_fetching = false;
        i->n_attempts++;
        i->error = r;
        if (r < 0) {
                i->why = *why;
        } else {
                old = i->current;
                id->serial = ++i->last_serial;
                i->current = id;
        }
        pthread_mutex_unlock(&i->lock);
        identity_unref(old);
        if (r < 0) {
                refresh_fail(&i->facts, now);
                tell_failed(i, why);
        } else {
                char *const *hosts = id->public_host ?: id->private_host ?: id->psc_hosts;

                (void) str_copy(i->settings.address, sizeof i->settings.address, hosts[0]);
                had_failed = i->facts.n_failures > 0;
                refresh_succeed(&i->facts, now, id->expires_at);
                tell_refreshed(i, id, had_failed);
        }
        if (i->changed)
                i->changed(i, i->changed_ctx);
        if (i->dataplane)
                dataplane_wake(i->dataplane);
        instance_turn(i);
}

void instance_forget(struct instance *i) {
        struct identity *old;

        if (i->fetch)
                return;
        pthread_mutex_lock(&i->lock);
        old = TAKE_PTR(i->current);
        i->error = 0;
        pthread_mutex_unlock(&i->lock);
        identity_unref(old);
        i->is_resolved = false;
        refresh_forget(&i->facts);
        instance_turn(i);
}

/* --- workers' -------------------------------------------------------------------------------- */

static void ask(struct instance *i) {
        if (!atomic_exchange(&i->is_asked, true))
                loop_post_task(i->loop, &i->ask_task);
}

/* May a dial that failed have a refresh now? Under the lock. */
static bool may_force(struct instance *i, usec_t now) {
        usec_t wait_for = FORCE_MIN_FOR;

        if (i->is_fetching)
                return true;
        for (unsigned n = 1; n < i->n_forced && wait_for < FORCE_MAX_FOR; n++)
                wait_for *= 2;
        if (i->n_forced > 0 && now - i->forced_at < MIN(wait_for, FORCE_MAX_FOR))
                return false;
        i->forced_at = now;
        i->n_forced++;
        return true;
}

static bool is_good(const struct instance *i, const struct instance_ticket *t, usec_t wall) {
        usec_t ahead_for = i->is_lazy && i->error == 0 ? LAZY_AHEAD_FOR : 0;

        return i->current && i->current->serial > t->newer_than &&
               identity_is_valid(i->current, wall + ahead_for);
}

/* Under the lock: the answer of instance_take(). */
static int take(struct instance *i, struct instance_ticket *t, struct identity **ret,
                struct errmsg *em) {
        usec_t boot = now_boot(), wall = clock_now(clock_system());

        if (is_good(i, t, wall)) {
                *ret = identity_ref(i->current);
                return 0;
        }
        if (t->is_waiting && i->n_attempts > t->since) {
                /* The attempt has ended and brought nothing; what is left may do for a lazy one. */
                if (t->newer_than == 0 && i->current && identity_is_valid(i->current, wall)) {
                        *ret = identity_ref(i->current);
                        return 0;
                }
                if (i->error == 0)
                        return errmsg_fail(em, -EKEYEXPIRED,
                                           "the instance's new certificate has expired already: is "
                                           "this machine's clock right?");
                *em = i->why;
                return i->error;
        }
        if (t->is_waiting)
                return 1;
        if (t->newer_than > 0 && !may_force(i, boot))
                return -EAGAIN;
        t->is_waiting = true;
        t->since = i->n_attempts;
        return 1;
}

int instance_take(struct instance *i, struct instance_ticket *t, struct identity **ret,
                  struct errmsg *em) {
        bool was_waiting = t->is_waiting, must_ask;
        int r;

        pthread_mutex_lock(&i->lock);
        r = take(i, t, ret, em);
        must_ask = r == 1 && !was_waiting && !i->is_fetching;
        pthread_mutex_unlock(&i->lock);
        if (must_ask)
                ask(i);
        return r;
}

static void count_latency(struct instance_counters *c, usec_t took_for) {
        unsigned long long ms = took_for / USEC_PER_MSEC;
        size_t b = 0;

        while (b < INSTANCE_LATENCY_BUCKETS && ms >= instance_latency_bounds[b])
                b++;
        atomic_fetch_add(&c->latency[b], 1);
        atomic_fetch_add(&c->latency_sum, ms);
        atomic_fetch_add(&c->n_dials, 1);
}

void instance_report(struct instance *i, int r, const struct errmsg *em, const char *cipher,
                     usec_t took_for) {
        bool is_other;

        pthread_mutex_lock(&i->lock);
        is_other = (r < 0) != (i->dial_error < 0);
        i->dial_error = r;
        i->dialed_at = now_boot();
        if (r < 0)
                i->dial_why = *em;
        else
                i->n_forced = 0;
        pthread_mutex_unlock(&i->lock);
        if (r >= 0) {
                is_other |= atomic_exchange(&i->cipher, cipher) != cipher;
                count_latency(&i->counters, took_for);
        }
        if (is_other && !atomic_exchange(&i->is_turned, true))
                loop_post_task(i->loop, &i->turned_task);
}

bool instance_is_ready(struct instance *i, struct errmsg *em) {
        usec_t wall = clock_now(clock_system());
        bool is_valid, ready = true;

        pthread_mutex_lock(&i->lock);
        is_valid = i->current && identity_is_valid(i->current, wall);
        if (!is_valid && i->error < 0) {
                errmsg_set(em, "[%s] %s", i->name, i->why.text);
                ready = false;
        } else if (i->dial_error < 0) {
                errmsg_set(em, "[%s] %s", i->name, i->dial_why.text);
                ready = false;
        }
        pthread_mutex_unlock(&i->lock);
        return ready;
}
