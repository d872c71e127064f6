/* READY, STATUS, STOPPING and the watchdog, by sd_notify. */
#include "lib/net/loop_notify.h"

#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <systemd/sd-daemon.h>

#include "lib/net/loop.h"

int loop_notify_ready(void) {
        int r = sd_notify(0, "READY=1");

        return r < 0 ? r : 0;
}

int loop_notify_alive(void) {
        return sd_notify(false, "WATCHDOG=1");
}

int loop_notify_stopping(void) {
        int r = sd_notify(0, "STOPPING=1");

        return r < 0 ? r : 0;
}

int loop_notify_status(const char *fmt, ...) {
        char text[2048] = "STATUS=";
        va_list ap;
        int r;

        va_start(ap, fmt);
        vsnprintf(text + 7, sizeof text - 7, fmt, ap);
        va_end(ap);
        /* One line: the protocol splits at newlines. */
        for (char *p = text; *p; p++)
                if (*p == '\n')
                        *p = ' ';
        r = sd_notify(0, text);
        return r < 0 ? r : 0;
}

static int loop_notify_on_timer(struct loop_source *s, usec_t now, void *ctx) {
        usec_t half_for = (usec_t) (uintptr_t) ctx;

        (void) sd_notify(0, "WATCHDOG=1");
        return loop_source_arm_at(s, now + half_for);
}

int loop_notify_watchdog(struct loop *l) {
        uint64_t interval_for;
        int r = sd_watchdog_enabled(0, &interval_for);

        if (r <= 0)
                return r;
        return loop_timer(l, CLOCK_MONOTONIC, 0, (usec_t) interval_for / 10, loop_notify_on_timer,
                          (void *) (uintptr_t) (interval_for / 2), NULL);
}
