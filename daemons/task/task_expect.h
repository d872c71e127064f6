/* task_expect.h: is what is mounted what the launcher allowed? "DEV:INO:/path", from the launcher.
 *
 * Between its look and systemd's mount somebody who may write there could have put a link in the
 * place of a directory; the try then does not start. */
#pragma once

#include "lib/base/errmsg.h"

/* 0; -EINVAL: no such text; -ESTALE with *em: something else is there. */
int task_expect_check(const char *text, struct errmsg *em);
