/* saved: an instance's last good settings on disk, so that a start without the API knows what it
 * would have said: the engine (and with it the port), address and authority. One JSON file each. */
#pragma once

#include "daemons/sqlproxy/instance.h"

/* Writes DIR/NAME.json durably. */
int saved_write(const char *dir, const char *name, const struct instance_settings *s);
/* -ENOENT: nothing is known; -EINVAL: not such a file; em says which. ca_pem is on the heap. */
int saved_read(const char *dir, const char *name, struct instance_settings *ret, struct errmsg *em);
/* The file's text alone; pure. */
int saved_parse(char *text, size_t len, struct instance_settings *ret, struct errmsg *em);
