/* log: what daemons and programs say. Libraries never call it.
 *
 * With the journal on stderr (JOURNAL_STREAM) entries go there by the native protocol with their
 * fields; else one stderr line each: `2026-01-02T03:04:05.678901Z info scheduler: text KEY=value`,
 * coloured on a terminal. Never fails, keeps errno. Threads: any, after log_init(). */
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <syslog.h> /* LOG_ERR LOG_WARNING LOG_NOTICE LOG_INFO LOG_DEBUG */

#include "lib/base/macros.h"

struct log_field {
        const char *name;  /* as journal fields: ONEBOX_DAG */
        const char *value; /* NULL: the field is left out */
};

/* ident: journal identifier, e.g. "onebox-scheduler"; must live on. The level starts at LOG_INFO or
 * ONEBOX_LOG_LEVEL (error, warning, notice, info, debug). */
void log_init(const char *ident);
/* Elsewhere than to stderr, from now on; fd stays open and is log's. JSON is one object a line:
 * {"timestamp": {"seconds", "nanos"}, "severity", "message", FIELD…}, as log collectors take it. */
void log_to_json(int fd);
void log_to_text(int fd);
/* Called with each line's bytes before it is written to that fd, by whichever thread logs; from
 * then on one line follows the other. It may put another file behind the fd (dup3), and must not
 * log. */
void log_before_line(void (*before)(size_t n_bytes));
/* By the journal's own protocol, wherever stderr goes. */
void log_to_journal(void);
void log_set_level(int level);
/* "info" to LOG_INFO; 0 or -EINVAL. */
int log_level_parse(const char *s, int *ret_level);

void log_write(int level, const struct log_field *fields, const char *fmt, ...) _printf_(3, 4);
void log_vwrite(int level, const struct log_field *fields, const char *fmt, va_list ap)
        _printf_(3, 0);

#define log_debug(...) log_write(LOG_DEBUG, NULL, __VA_ARGS__)
#define log_info(...) log_write(LOG_INFO, NULL, __VA_ARGS__)
#define log_notice(...) log_write(LOG_NOTICE, NULL, __VA_ARGS__)
#define log_warning(...) log_write(LOG_WARNING, NULL, __VA_ARGS__)
#define log_error(...) log_write(LOG_ERR, NULL, __VA_ARGS__)

/* log_struct(LOG_INFO, LOG_FIELDS({"ONEBOX_DAG", dag}, {"ONEBOX_RUN", run}), "run %s ended", run)
 */
#define LOG_FIELDS(...) ((const struct log_field[]){__VA_ARGS__, {NULL, NULL}})
#define log_struct(level, fields, ...) log_write((level), (fields), __VA_ARGS__)

/* Logs "text: words of the errno" at LOG_ERR and returns error. */
int log_errno(int error, const char *fmt, ...) _printf_(2, 3);
