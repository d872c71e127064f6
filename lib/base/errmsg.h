/* errmsg: how a library hands a human reason up. A good one names the thing, the reason and the
 * remedy: `pipelines/a.yml:4:3: task "x" depends on "y", which does not exist: did you mean "z"?`
 * The text is UTF-8, cut at a character's border when too long. A NULL errmsg is allowed anywhere.
 */
#pragma once

#include <stdarg.h>

#include "lib/base/macros.h"

struct errmsg {
        char text[512];
};

void errmsg_set(struct errmsg *em, const char *fmt, ...) _printf_(2, 3);
void errmsg_vset(struct errmsg *em, const char *fmt, va_list ap) _printf_(2, 0);
/* Sets the text and returns error: `return errmsg_fail(em, -EINVAL, "…");` */
int errmsg_fail(struct errmsg *em, int error, const char *fmt, ...) _printf_(3, 4);
/* As errmsg_fail with ": " and the system's words for -error behind. */
int errmsg_errno(struct errmsg *em, int error, const char *fmt, ...) _printf_(3, 4);
/* Puts "prefix: " before what is there. */
void errmsg_prefix(struct errmsg *em, const char *fmt, ...) _printf_(2, 3);
/* The system's words for an errno of either sign. Never NULL. */
const char *errmsg_strerror(int error);
