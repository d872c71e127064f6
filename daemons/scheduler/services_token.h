/* services_token.h: STATE/services/NAME.token beside each service's file: what it shows tracking,
 * so that its functions may read the models. It may look (viewer) and nothing else. Written anew
 * every week, good for a year: a service reads it when it starts. Threads: the loop's. */
#pragma once

struct scheduler;

/* The token of a service whose file is about to be written, so that it is there first. */
void services_token_prepare(struct scheduler *s, const char *name);
/* Writes those that are missing or old, removes those of services that are gone. What cannot be
 * written is logged and tried again at the next reading. */
void services_token_sync(struct scheduler *s);
