/* doctor: files with secrets, which nobody else may read. Only their modes are looked at. */
#include <errno.h>
#include <sys/stat.h>

#include "cli/doctor.h"
#include "cli/doctor_fix.h"
#include "lib/base/fileio.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

static void look_at(struct doctor *d, const char *path, const char *what) {
        const char *name = path ? arena_printf(&d->c->arena, "secret %s", path) : NULL;
        struct doctor_fix fix = {.kind = DOCTOR_CHMOD, .path = path};
        struct doctor_finding *f;
        struct stat st;

        if (!path || stat(path, &st) < 0) {
                int r = path ? -errno : -ENOMEM;

                doctor_say(d, r == -EACCES ? DOCTOR_SKIPPED : DOCTOR_FAULT, name,
                           r == -EACCES ? "run it as root" : what, "%s", errmsg_strerror(r));
                return;
        }
        if ((st.st_mode & 0007) == 0) {
                doctor_say(d, DOCTOR_OK, name, NULL, "closed to others (%04o)",
                           (unsigned) (st.st_mode & 07777));
                return;
        }
        fix.mode = st.st_mode & 07770;
        f = doctor_say(d, DOCTOR_FAULT, name, doctor_fix_text(d, &fix),
                       "everybody on this machine can open it (mode %04o)",
                       (unsigned) (st.st_mode & 07777));
        doctor_fix_add(d, f, fix);
}

static void look_at_named(struct doctor *d, const char *path, const char *key) {
        if (!str_empty(path))
                look_at(d, arena_strdup(&d->c->arena, path),
                        arena_printf(&d->c->arena, "%s of the configuration names it", key));
}

/* The files of a directory with this end of their name; none is fine. */
static void look_into(struct doctor *d, const char *dir, const char *suffix) {
        _cleanup_(str_free_listp) char **names = NULL;
        int r = dir ? fileio_list(dir, suffix, &names) : -ENOMEM;

        if (r == -EACCES)
                doctor_say(d, DOCTOR_SKIPPED, arena_printf(&d->c->arena, "secrets in %s", dir),
                           "run it as root", "%s", errmsg_strerror(r));
        for (char **name = names; r >= 0 && *name; name++)
                look_at(d, arena_printf(&d->c->arena, "%s/%s", dir, *name), NULL);
}

void doctor_secrets(struct doctor *d) {
        _cleanup_free_ char *auth = paths_state(&d->c->paths, "auth");

        look_into(d, auth, ".key");
        look_into(d, auth, ".db");
        if (!d->conf)
                return;
        look_at_named(d, d->conf->tracking.backend_store_password_file,
                      "[tracking] backend_store_password_file");
        look_at_named(d, d->conf->scheduler.database_password_file,
                      "[scheduler] database_password_file");
        look_at_named(d, d->conf->notify.smtp_password_file, "[notify] smtp_password_file");
        look_at_named(d, d->conf->bucketd.token_file, "[bucketd] token_file");
        look_at_named(d, d->conf->gitsync.ssh_key, "[gitsync] ssh_key");
}
