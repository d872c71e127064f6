#pragma once
/* What a service tells its manager. Without one (no NOTIFY_SOCKET) all are quiet no-ops returning
 * 0. */
#include "lib/base/macros.h"

struct loop;

int loop_notify_ready(void);
int loop_notify_stopping(void);
/* Feeds the watchdog once, where no loop turns yet. */
int loop_notify_alive(void);
int loop_notify_status(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Keeps the manager's watchdog fed from the loop as long as the loop turns. */
int loop_notify_watchdog(struct loop *l);
