/* users: the users file as the command opens it, with its audit log. */
#pragma once

#include "cli/cli.h"
#include "lib/auth/auth_audit.h"
#include "lib/auth/auth_store.h"

struct users {
        struct auth_store *store;
        struct auth_audit *audit; /* NULL when opened for reading */
};

/* Opens <state_dir>/auth/auth.db; for writing it is made when absent. 0, or negative with c->em
 * naming the file and the remedy. */
int users_open(struct cli *c, struct users *u, bool write);
void users_close(struct users *u);

/* Asks twice on a terminal, without echo; else reads one line of standard input. 0, or -EINVAL with
 * c->em set. password has AUTH_STORE_PASSWORD_MAX + 1 bytes. */
int users_read_password(struct cli *c, const char *name, char *password);

/* The audit line of a deed, good or refused. */
void users_audit(struct users *u, const char *action, const char *name, bool good);
/* Turns an answer of auth_store into the verb's: writes the audit line, says what was done. */
int users_done(struct cli *c, struct users *u, int answer, const char *action, const char *name);
