/* log_follow.h: one listener of one try's log: every line as it is written, until the try has
 * ended.
 *
 * Server-sent events: `id` is the offset behind the line (Last-Event-ID goes on from there), data
 * one line of log_lines.h; event "partial" is a line that has no end yet (the whole follows); event
 * "end" closes. Threads: the loop's. Limits: one inotify watch and 64 KiB a listener. */
#pragma once

struct http_request;
struct scheduler;

/* As a handler. */
int log_follow_reply(struct scheduler *s, struct http_request *req, const char *try_id);
