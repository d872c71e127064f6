/* refusal.h: why a request is not granted, in the words MLflow's clients read.
 *
 * A function that may refuse answers REFUSED with the refusal filled in; 0 goes on; negative is
 * broken (-errno).
 */
#pragma once

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/macros.h"

#define REFUSED 1

enum refusal_code {
#define REFUSAL(name, code, status, sqlstate, error_class) REFUSAL_##name,
#include "daemons/tracking/refusal.def"
#undef REFUSAL
};

struct access;

struct refusal {
        struct arena *arena;         /* text is taken from here */
        const struct access *access; /* of the one who asks, access.h; NULL: everything */
        enum refusal_code code;
        const char *text;
};

/* REFUSED, or -ENOMEM. */
int refusal_set(struct refusal *r, enum refusal_code code, const char *fmt, ...) _printf_(3, 4);
/* The same with INVALID_PARAMETER_VALUE. */
int refusal_invalid(struct refusal *r, const char *fmt, ...) _printf_(2, 3);

/* What looking for a row has said (DB_ROW, DB_DONE or -errno): 0 when there is one, else REFUSED
 * with RESOURCE_DOES_NOT_EXIST, or negative. */
int refusal_row(struct refusal *r, int found, const char *fmt, ...) _printf_(3, 4);

/* The HTTP status of a code. */
int refusal_status(enum refusal_code code);

/* {"error_code": …, "message": …, "sqlstate": …, "error_class": …} on one line. */
int refusal_write(enum refusal_code code, const char *text, struct buf *out);

/* The code that fits an HTTP status, for answers that the HTTP server makes itself. */
enum refusal_code refusal_code_of_status(int status);
