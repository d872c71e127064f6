#include "daemons/launcher/launcher_inhibit.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "lib/base/errmsg.h"
#include "lib/base/fileio.h"
#include "lib/base/json_write.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/net/http_request.h"
#include "lib/net/loop.h"

#define LOGIND "org.freedesktop.login1", "/org/freedesktop/login1"
#define MANAGER "org.freedesktop.login1.Manager"

struct launcher_inhibit {
        sd_bus *bus;
        sd_bus_slot *slot;        /* of the call that takes the lock */
        struct http_request *req; /* that waits; NULL: none */
        struct loop_source *timer;
        int fd;        /* the lock; -1: not held */
        bool stopping; /* a shutdown has begun */
};

int launcher_inhibit_reply(struct http_request *req, bool held, bool stopping, const char *reason) {
        _cleanup_buf_ struct buf b = {};
        struct json_write w;
        int r;

        json_write_init(&w, &b, 0);
        json_write_object(&w);
        json_write_kv_bool(&w, "held", held);
        json_write_kv_bool(&w, "stopping", stopping);
        json_write_kv_str(&w, "reason", reason);
        json_write_end(&w);
        r = json_write_finish(&w);
        return r < 0 ? r : http_request_reply_json(req, 200, &b);
}

static void answer(struct launcher_inhibit *h, const char *reason) {
        struct http_request *req = h->req;

        if (!req)
                return;
        h->req = NULL;
        if (launcher_inhibit_reply(req, h->fd >= 0, h->stopping, reason) < 0)
                http_request_reply_error(req, 500, "no memory for the answer");
}

static void release(struct launcher_inhibit *h) {
        h->slot = sd_bus_slot_unref(h->slot);
        h->fd = fileio_close(h->fd);
        loop_source_set_enabled(h->timer, false);
}

/* The lock's answer: its file descriptor, which is a copy of the message's. */
static int on_lock(sd_bus_message *m, void *ctx, sd_bus_error *ret_error) {
        struct launcher_inhibit *h = ctx;
        const sd_bus_error *e = sd_bus_message_get_error(m);
        int fd, r = e ? -EACCES : sd_bus_message_read(m, "h", &fd);

        h->slot = sd_bus_slot_unref(h->slot);
        if (r >= 0)
                h->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        if (r < 0 || h->fd < 0) {
                h->fd = -1;
                answer(h, e && e->message ? e->message : "logind gave no lock");
        }
        return 0;
}

static int take(struct launcher_inhibit *h) {
        return sd_bus_call_method_async(
                h->bus, &h->slot, LOGIND, MANAGER, "Inhibit", on_lock, h, "ssss", "shutdown",
                "onebox", "tasks run: nothing new is started before the end", "delay");
}

/* PrepareForShutdown(true) comes before anything is stopped, (false) when it was called off. */
static int on_shutdown(sd_bus_message *m, void *ctx, sd_bus_error *ret_error) {
        struct launcher_inhibit *h = ctx;
        int begins = 0;

        if (sd_bus_message_read(m, "b", &begins) < 0)
                return 0;
        h->stopping = begins;
        if (begins)
                answer(h, NULL);
        return 0;
}

/* The request has waited long enough; or nobody has asked again since. */
static int on_timer(struct loop_source *source, usec_t now, void *ctx) {
        struct launcher_inhibit *h = ctx;

        if (h->req) {
                loop_source_arm_in(h->timer, LAUNCHER_INHIBIT_GRACE_FOR);
                answer(h, NULL);
        } else {
                log_info("nobody asks any more that a shutdown waits");
                release(h);
        }
        return 0;
}

int launcher_inhibit_ask(struct launcher_inhibit *h, struct http_request *req, bool wanted) {
        int r = 0;

        answer(h, "another one asks");
        if (!wanted) {
                release(h);
                return launcher_inhibit_reply(req, false, h->stopping, NULL);
        }
        if (h->stopping)
                return launcher_inhibit_reply(req, h->fd >= 0, true, NULL);
        if (h->fd < 0 && !h->slot)
                r = take(h);
        if (r < 0)
                return launcher_inhibit_reply(req, false, false, errmsg_strerror(r));
        loop_source_arm_in(h->timer, LAUNCHER_INHIBIT_FOR);
        h->req = req;
        return HTTP_LATER;
}

int launcher_inhibit_new(struct loop *loop, sd_bus *bus, struct launcher_inhibit **ret) {
        struct launcher_inhibit *h = mem_new(struct launcher_inhibit);
        int r;

        if (!h)
                return -ENOMEM;
        h->bus = bus;
        h->fd = -1;
        r = sd_bus_match_signal_async(bus, NULL, LOGIND, MANAGER, "PrepareForShutdown", on_shutdown,
                                      NULL, h);
        if (r >= 0)
                r = loop_timer(loop, CLOCK_BOOTTIME, UINT64_MAX, USEC_PER_SEC, on_timer, h,
                               &h->timer);
        if (r < 0) {
                launcher_inhibit_free(h);
                return r;
        }
        *ret = h;
        return 0;
}

struct launcher_inhibit *launcher_inhibit_free(struct launcher_inhibit *h) {
        if (!h)
                return NULL;
        answer(h, "onebox-launcher ends");
        release(h);
        loop_source_free(h->timer);
        mem_free(h);
        return NULL;
}
