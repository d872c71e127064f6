/* See health_api.h. */
#include "daemons/sqlproxy/health_api.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemons/sqlproxy/proxy_log.h"
#include "lib/base/mem.h"

int health_api_startup(struct http_request *req) {
        const struct proxy *p = req->ctx;
        bool is_up = p->phase >= PROXY_SERVING;

        return http_request_reply_text(req, is_up ? 200 : 503, is_up ? "ok" : "error");
}

int health_api_liveness(struct http_request *req) {
        return http_request_reply_text(req, 200, "ok");
}

/* --- readiness ------------------------------------------------------------------------------- */

static int not_ready(struct http_request *req, const char *why) {
        proxy_log_error("[Health Check] Readiness failed: %s", why);
        return http_request_reply_text(req, 503, why);
}

/* 1 = nothing speaks against it yet; else answered. */
static int judge_self(struct http_request *req, const struct proxy *p) {
        unsigned long long n_open = atomic_load(&p->dataplane->n_open);
        unsigned long long n_max = p->dataplane->n_max;
        char why[128];

        if (p->phase < PROXY_SERVING)
                return not_ready(req, "proxy is not started");
        if (p->phase >= PROXY_DRAINING)
                return not_ready(req, "proxy has stopped");
        if (n_max == 0 || n_open < n_max)
                return 1;
        snprintf(why, sizeof why, "max connections reached (open = %llu, max = %llu)", n_open,
                 n_max);
        return not_ready(req, why);
}

static int judge_instances(struct http_request *req, const struct proxy *p) {
        struct errmsg em = {};

        for (size_t i = 0; i < p->n_instances; i++)
                if (!instance_is_ready(p->instances[i], &em))
                        return not_ready(req, em.text);
        return http_request_reply_text(req, 200, "ok");
}

/* A question that waits for dials. Freed when it is answered and no dial names it. */
struct asked {
        struct http_request *req;
        struct proxy *proxy;
        struct loop_source *limit;
        size_t n_left;
        bool is_answered;
};

static void answer(struct asked *a) {
        if (a->is_answered)
                return;
        a->is_answered = true;
        a->limit = loop_source_free(a->limit);
        if (judge_instances(a->req, a->proxy) < 0)
                http_request_reply_cut(a->req);
}

static void put(struct asked *a) {
        if (a->n_left > 0)
                return;
        answer(a);
        mem_free(a);
}

static int on_limit(struct loop_source *s, usec_t now, void *ctx) {
        struct asked *a = ctx;

        if (!a->is_answered) {
                a->is_answered = true;
                a->limit = loop_source_free(a->limit);
                if (not_ready(a->req, "an instance does not answer") < 0)
                        http_request_reply_cut(a->req);
        }
        return 0;
}

struct dialed {
        struct loop_task task;
        struct asked *asked;
        struct proxy_place *place;
};

static void on_dialed_task(struct loop_task *t) {
        struct dialed *d = container_of(t, struct dialed, task);
        struct asked *a = d->asked;

        d->place->is_probing = false;
        mem_free(d);
        a->n_left--;
        put(a);
}

/* On a worker's thread; the instance has been told already. */
static void on_dialed(void *ctx, int r, const struct errmsg *em) {
        struct dialed *d = ctx;

        loop_post_task(d->asked->proxy->loop, &d->task);
}

static void dial(struct asked *a, struct proxy_place *place) {
        struct dialed *d = mem_new(struct dialed);

        if (!d)
                return;
        *d = (struct dialed){.task.run = on_dialed_task, .asked = a, .place = place};
        if (dataplane_probe(a->proxy->dataplane, place->mount, on_dialed, d) < 0) {
                mem_free(d);
                return;
        }
        place->is_probing = true;
        a->n_left++;
}

static bool is_known(struct instance *i, usec_t now) {
        usec_t at;

        pthread_mutex_lock(&i->lock);
        at = i->dialed_at;
        pthread_mutex_unlock(&i->lock);
        return at > 0 && now - at < HEALTH_API_KNOWN_FOR;
}

int health_api_readiness(struct http_request *req) {
        struct proxy *p = req->ctx;
        usec_t now = loop_now(p->loop, CLOCK_BOOTTIME);
        struct asked *a;
        int r = judge_self(req, p);

        if (r != 1)
                return r;
        a = mem_new(struct asked);
        if (!a)
                return -ENOMEM;
        a->req = req;
        a->proxy = p;
        for (size_t i = 0; i < p->n_places; i++) {
                struct proxy_place *place = p->places + i;

                if (place->mount && !place->is_probing && !is_known(place->instance, now))
                        dial(a, place);
        }
        if (a->n_left == 0) {
                mem_free(a);
                return judge_instances(req, p);
        }
        r = loop_timer_in(p->loop, HEALTH_API_WAIT_FOR, 0, on_limit, a, &a->limit);
        if (r < 0)
                answer(a);
        return HTTP_LATER;
}
