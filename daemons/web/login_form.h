#pragma once
/* The login form: what a browser sends, where it goes afterwards, and the page itself. Pure. */
#include <stdbool.h>

#include "lib/base/arena.h"
#include "lib/base/buf.h"

struct login_form {
        const char *user;     /* "" when absent */
        const char *password; /* "" when absent */
        const char *next;     /* a page of ours, "./" by default */
};

/* body: application/x-www-form-urlencoded. 0; -EINVAL: not such a form; -ENOMEM. */
int login_form_parse(struct arena *a, const char *body, size_t size, struct login_form *ret);
/* May a login lead there? Only a page of ours beside the login: "run?dag=x", "./", never a host, a
 * scheme or a directory. */
bool login_form_is_page(const char *target);
/* The page: the template with error and next put in, escaped. error may be NULL. 0 or -ENOMEM. */
int login_form_page(struct buf *out, const char *html, size_t size, const char *error,
                    const char *next);
