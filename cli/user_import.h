/* user_import.h: users of MLflow's basic-auth app, with their passwords' hashes. */
#pragma once

#include "cli/users.h"

/* Adds to auth.db who is in `path`, the app's SQLite database, which is only read. Who is there
 * already stays as they are. 0, or negative with c->em when somebody could not be taken over. */
int user_import(struct cli *c, struct users *u, const char *path);
