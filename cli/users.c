/* users: see users.h. */
#include "cli/users.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "lib/auth/auth_identity.h"
#include "lib/auth/auth_unix.h"
#include "lib/base/clock.h"
#include "lib/base/entropy.h"
#include "lib/base/fileio.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

int users_open(struct cli *c, struct users *u, bool write) {
        _cleanup_free_ char *dir = paths_state(&c->paths, "auth");
        _cleanup_free_ char *db = paths_state(&c->paths, "auth/auth.db");
        _cleanup_free_ char *log = paths_state(&c->paths, "auth/audit-cli.log");
        int r;

        if (!dir || !db || !log)
                return cli_oom(c);
        if (!write && access(db, F_OK) < 0 && errno == ENOENT)
                write = true; /* an empty list is an answer, too */
        r = write ? fileio_mkdir_p(dir, 0750) : 0;
        if (r < 0)
                return errmsg_errno(&c->em, r, "%s (are you allowed to? try sudo)", dir);
        r = auth_store_open(db, write ? AUTH_STORE_CREATE : 0, clock_system(), entropy_system(),
                            &c->em, &u->store);
        if (r < 0 || !write)
                return r;
        return auth_audit_open(log, 0, clock_system(), &c->em, &u->audit);
}

void users_close(struct users *u) {
        auth_store_free(u->store);
        auth_audit_free(u->audit);
}

/* One line without its newline. */
static int read_line(struct cli *c, char *line) {
        size_t n;

        if (!fgets(line, AUTH_STORE_PASSWORD_MAX + 1, stdin))
                return errmsg_fail(&c->em, -EINVAL, "no password was given");
        n = strlen(line);
        if (n > 0 && line[n - 1] == '\n')
                line[n - 1] = 0;
        else if (n == AUTH_STORE_PASSWORD_MAX)
                return errmsg_fail(&c->em, -EINVAL, "a password has at most %d bytes",
                                   AUTH_STORE_PASSWORD_MAX);
        return 0;
}

static int ask(struct cli *c, const char *prompt, const char *name, char *line) {
        struct termios old, silent;
        int r;

        if (tcgetattr(STDIN_FILENO, &old) < 0)
                return errmsg_errno(&c->em, -errno, "cannot hide the password");
        silent = old;
        silent.c_lflag &= ~(tcflag_t) ECHO;
        fprintf(stderr, "%s %s: ", prompt, name);
        (void) tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
        r = read_line(c, line);
        (void) tcsetattr(STDIN_FILENO, TCSAFLUSH, &old);
        fputc('\n', stderr);
        return r;
}

int users_read_password(struct cli *c, const char *name, char *password) {
        char again[AUTH_STORE_PASSWORD_MAX + 1];
        bool same;
        int r;

        if (!isatty(STDIN_FILENO))
                return read_line(c, password);
        r = ask(c, "Password of", name, password);
        if (r >= 0)
                r = ask(c, "Once more, the password of", name, again);
        if (r < 0)
                return r;
        same = strcmp(password, again) == 0;
        explicit_bzero(again, sizeof(again));
        return same ? 0 : errmsg_fail(&c->em, -EINVAL, "the two passwords differ");
}

/* Under sudo it is still the person's deed. */
void users_audit(struct users *u, const char *action, const char *name, bool good) {
        struct auth_unix_user who = {.uid = getuid(), .name = "?"};
        struct auth_identity identity = {.how = AUTH_BY_PEER};
        struct auth_audit_entry entry = {
                .identity = &identity,
                .action = action,
                .object = name,
                .result = good ? "ok" : "refused",
        };

        if (!u->audit)
                return;
        (void) auth_unix_by_uid(getuid(), &who);
        identity.name = who.name;
        identity.uid = who.uid;
        identity.role = AUTH_ADMIN; /* who may write the file may do all in it */
        if (auth_audit_write(u->audit, &entry) < 0 || auth_audit_sync(u->audit) < 0)
                fprintf(stderr, "onebox: the audit log cannot be written\n");
}

int users_done(struct cli *c, struct users *u, int answer, const char *action, const char *name) {
        users_audit(u, action, name, answer == 0);
        if (answer == AUTH_STORE_ABSENT)
                return errmsg_fail(&c->em, -ENOENT,
                                   "there is no user %s: onebox user list shows them, onebox user "
                                   "add %s makes one",
                                   name, name);
        if (answer < 0)
                return c->em.text[0] ? answer : errmsg_errno(&c->em, answer, "%s", action);
        if (c->json)
                printf("{\"ok\": true}\n");
        else
                printf("%s: %s done\n", name, action);
        return 0;
}
