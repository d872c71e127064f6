/* proxy_log: what the proxy says, in the words and on the streams of cloud-sql-proxy: info and
 * debug on stdout, errors on stderr, one write a line. Plain lines carry the local time; structured
 * ones are JSON; with the journal at the other end a line begins with its priority instead.
 *
 * Threads: any, after proxy_log_init(). */
#pragma once

#include <stdbool.h>

#include "lib/base/macros.h"

struct proxy_log_options {
        bool structured; /* JSON */
        bool quiet;      /* errors only */
        bool debug;      /* the connector's own words too */
};

void proxy_log_init(const struct proxy_log_options *o);
void proxy_log_info(const char *fmt, ...) _printf_(1, 2);
void proxy_log_error(const char *fmt, ...) _printf_(1, 2);
/* Only when asked for by --debug-logs. */
void proxy_log_debug(const char *fmt, ...) _printf_(1, 2);
